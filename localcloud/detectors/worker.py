"""A process that judges one content after the other. Started by `workers.py` only.

It reads requests on standard input and writes a message for each judgement; what libraries print
goes to standard error. A limit on its address space ends a job that a hostile file makes too large.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from localcloud.detectors import messages
from localcloud.detectors.judgement import (
    BROKEN,
    MISSING,
    NOT_ELIGIBLE,
    TOO_LARGE,
    Judgement,
    UnjudgeableError,
    VirusReport,
)
from localcloud.detectors.policy import Policy, Snapshots

MEMORY = 4 * 1024**3  # bytes of address space; the engines reserve far more than they use
Answer = Judgement | VirusReport


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while (request := _read(sys.stdin.buffer)) is not None:
        for message in _answers(*request):
            answers.write(messages.packed(message))
            answers.flush()


def _read(stream: BinaryIO) -> tuple[dict[str, Any], bytes] | None:
    length = stream.read(messages.LENGTH)
    if len(length) < messages.LENGTH:
        return None
    request: dict[str, Any] = json.loads(stream.read(int.from_bytes(length, "big")))
    return request, stream.read(request["size"])


def _answers(request: dict[str, Any], data: bytes) -> Iterator[dict[str, Any]]:
    try:
        for answer in _run(request, data):
            key = messages.VIRUSES if isinstance(answer, VirusReport) else messages.JUDGEMENT
            yield {key: messages.plain(answer)}
    except UnjudgeableError as error:
        yield {messages.REFUSED: [error.number, error.message]}
    except FileNotFoundError:
        yield {messages.REFUSED: [MISSING, "the content is gone"]}
    except MemoryError:
        yield {messages.REFUSED: [TOO_LARGE, "judging the content takes too much memory"]}
    except Exception as error:  # noqa: BLE001 - whatever an engine makes of a hostile file
        # Not its message, which may hold what was judged.
        print(f"{request['job']}: {type(error).__name__}", file=sys.stderr)
        yield {messages.REFUSED: [BROKEN, "the content could not be judged"]}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    yield {messages.END: peak}


def _run(request: dict[str, Any], data: bytes) -> Iterator[Answer]:
    from localcloud.detectors.text.lexicon import LexiconError

    policy = messages.policy(request["policy"])
    scenes = tuple(request["scenes"])
    content = Path(request["path"]) if request["path"] else data
    try:
        yield from _JOBS[request["job"]](content, scenes, policy, request["options"])
    except LexiconError as error:
        raise UnjudgeableError(NOT_ELIGIBLE, str(error)) from None


Scenes = tuple[str, ...]


def _image(content: Any, scenes: Scenes, policy: Policy, _: Any) -> Iterator[Answer]:
    from localcloud.detectors.picture import judge_image

    yield judge_image(content, scenes, policy)


def _text(content: bytes, scenes: Scenes, policy: Policy, _: Any) -> Iterator[Answer]:
    from localcloud.detectors.text import judge_text

    yield judge_text(content.decode(errors="surrogatepass"), scenes, policy)


def _text_file(content: Path, scenes: Scenes, policy: Policy, _: Any) -> Iterator[Answer]:
    from localcloud.detectors.text.files import judge_text_file

    yield from judge_text_file(content, scenes, policy)


def _audio(content: Path, scenes: Scenes, policy: Policy, _: Any) -> Iterator[Answer]:
    from localcloud.detectors.media.audio import judge_audio

    yield from judge_audio(content, scenes, policy)


def _video(content: Path, scenes: Scenes, policy: Policy, options: Any) -> Iterator[Answer]:
    from localcloud.detectors.media.video import judge_video

    snapshots = Snapshots(**options["snapshots"])
    yield from judge_video(content, snapshots, options["sound"], scenes, policy)


def _document(content: Path, scenes: Scenes, policy: Policy, options: Any) -> Iterator[Answer]:
    from localcloud.detectors.documents import judge_document

    yield from judge_document(content, options["kind"], scenes, policy)


def _webpage(content: bytes, scenes: Scenes, policy: Policy, _: Any) -> Iterator[Answer]:
    from localcloud.detectors.documents.webpage import judge_webpage

    yield from judge_webpage(content, scenes, policy)


def _viruses(content: Path, _: Scenes, __: Policy, ___: Any) -> Iterator[Answer]:
    from localcloud.detectors.viruses import scan_for_viruses

    yield scan_for_viruses(content)


_JOBS: dict[str, Callable[[Any, Scenes, Policy, Any], Iterator[Answer]]] = {
    "image": _image,
    "text": _text,
    "text_file": _text_file,
    "audio": _audio,
    "video": _video,
    "document": _document,
    "webpage": _webpage,
    "viruses": _viruses,
}

if __name__ == "__main__":
    main()
