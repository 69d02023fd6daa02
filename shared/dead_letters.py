"""Uploads that were given up on, each with all that is needed to try it again.

A dead letter is a JSON object under the state prefix, one for each step (a key in a pipeline): a
later failure of the same step takes its place, a success removes it. A letter whose `pipeline` is
empty is about a whole invocation: nobody knows how far its function came.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from shared.claims import Step
from shared.cos import Cos
from shared.errors import CloudError
from shared.events import LETTER

Invoke = Callable[[str, Mapping[str, Any]], str]


@dataclass(frozen=True)
class DeadLetter:
    """`event` is the COS event to invoke `function` with again; `error` is as records show it.

    `attempts` counts the attempts at this version of the upload, `time` is when the last one failed
    or was asked for (Unix seconds), `retryable` says whether time alone can cure it, `requests` are
    the ids of the services' answers, `upload` the id of the upload itself. `retried` counts how
    often this letter was sent again.
    """

    bucket: str
    key: str
    function: str
    pipeline: str
    event: dict[str, Any]
    error: dict[str, Any]
    attempts: int
    time: float
    retryable: bool
    upload: str = ""
    invocation: str = ""
    requests: list[str] = field(default_factory=list)
    retried: int = 0

    @property
    def id(self) -> str:
        """What it is called in commands: the digest of its step."""
        return Step(self.bucket, self.key, self.function, self.pipeline).digest


@dataclass(frozen=True)
class DeadLetters:
    """The dead letters below one state prefix. Methods raise `CloudError`."""

    cos: Cos
    bucket: str
    prefix: str

    def bury(self, letter: DeadLetter) -> str:
        """Store a letter that is new; its key. It inherits the retries of the one it replaces."""
        before = self.read(letter.id)
        if before is not None and before.upload == letter.upload:
            letter = replace(letter, retried=before.retried)
        return self.write(letter)

    def write(self, letter: DeadLetter) -> str:
        """Store a letter in the place of an older one of its step; its key."""
        key = self._key(letter.id)
        body = json.dumps(asdict(letter), ensure_ascii=True, indent=2).encode()
        self.cos.put_object(self.bucket, key, body, "application/json")
        return key

    def read(self, id: str) -> DeadLetter | None:
        """One letter. Raises `CloudError` InvalidState for an object that is none."""
        found = self.cos.read_object(self.bucket, self._key(id))
        if found is None:
            return None
        try:
            return DeadLetter(**json.loads(found.body))
        except (ValueError, TypeError, RecursionError) as error:
            raise CloudError(
                "InvalidState", f"{self._key(id)} is no dead letter: {error}", status=400
            ) from None

    def ids(self, after: str = "") -> Iterator[str]:
        """The ids of all letters that come after `after`, in order."""
        marker = self._key(after) if after else ""
        for listed in self.cos.all_objects(self.bucket, f"{self.prefix}dead/", marker):
            yield listed.key.rpartition("/")[2].removesuffix(".json")

    def retry(self, letter: DeadLetter, invoke: Invoke) -> str:
        """Send a letter's event to its function again; the id of the invocation.

        The letter stays until an attempt succeeds: nothing is lost if this one fails too.
        `invoke(function, event)` begins an asynchronous invocation.
        """
        self.write(replace(letter, retried=letter.retried + 1, time=time.time()))
        return invoke(letter.function, {**letter.event, LETTER: letter.id})

    def drop(self, id: str) -> None:
        """Forget a letter; one that is not there is forgotten already."""
        self.cos.delete_object(self.bucket, self._key(id))

    def _key(self, id: str) -> str:
        if not re.fullmatch(r"[0-9a-f]{1,64}", id):
            raise CloudError(
                "InvalidArgument",
                f"the id of a dead letter is {id[:80]!r}: the hexadecimal digits of a listing",
                status=400,
            )
        return f"{self.prefix}dead/{id}.json"
