"""From `handle(upload, pipeline, cos, etag)` to SCF's `main_handler(event, context)`."""

from __future__ import annotations

from collections.abc import Iterator

from shared.attempts import Attempt, GiveUp, Handle
from shared.invocations import Ending, Invocation, MainHandler, RetryableError, entry_point, sift

__all__ = ["MainHandler", "RetryableError", "main_handler"]


def main_handler(function: str, handle: Handle, give_up: GiveUp | None = None) -> MainHandler:
    """SCF's entry point for `handle(upload, pipeline, cos, etag) -> Outcome`.

    `give_up(upload, pipeline, cos, error) -> Outcome` is called when the last attempt has failed.
    `handle` raises `CloudError` for what stops it; `etag` is empty unless a template needs it.
    The entry point returns `{"outcomes": [...]}`, an entry per upload and pipeline, the same that
    it logs, and raises `RetryableError` when SCF should try again.
    """

    def work(invocation: Invocation, records: list[object]) -> Iterator[Ending]:
        for index, record in enumerate(records):
            endings, wanted = sift(invocation, record, index, function)
            yield from endings
            if wanted is None:
                continue
            for pipeline in wanted.pipelines:
                attempt = Attempt(
                    wanted.upload,
                    pipeline,
                    handle,
                    settings=invocation.settings,
                    invocation=invocation.id,
                    deadline=invocation.deadline,
                    give_up=give_up,
                    dead_too=bool(invocation.letter),
                    entry={**wanted.base, "outputs": [], "requests": [], "record": None},
                )
                attempt.run()
                yield Ending(attempt.entry, attempt.again)

    return entry_point(function, work)
