"""Judges files of text: UTF-8 or GBK, at most 1 MB (CI's limits for text in files)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from localcloud.detectors.judgement import (
    BROKEN,
    NOT_ELIGIBLE,
    SCENES,
    TOO_LARGE,
    Judgement,
    UnjudgeableError,
)
from localcloud.detectors.policy import DEFAULT, Policy
from localcloud.detectors.text import judge_sections

MAX_SIZE = 1024**2
_MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
# What no text has; a byte 0 alone is told by its own message.
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\r\x0b\x0c\x1b\x1a"))
_MOST_CONTROLS = 0.01


def judge_text_file(
    path: Path, scenes: tuple[str, ...] = SCENES, policy: Policy = DEFAULT
) -> Iterator[Judgement]:
    """One judgement for each 10,000 characters. Raises UnjudgeableError."""
    size = path.stat().st_size
    if size > MAX_SIZE:
        raise UnjudgeableError(
            TOO_LARGE, f"the text has {size} bytes: at most {MAX_SIZE} are allowed"
        )
    if size == 0:
        raise UnjudgeableError(BROKEN, "the text is empty")
    yield from judge_sections(decoded(path.read_bytes()), scenes, policy)


def decoded(data: bytes, declared: str = "") -> str:
    """The text by its mark, as UTF-8, by the encoding it declares, or as GBK (GB18030).

    Raises UnjudgeableError for bytes that are no text.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _as(data, encoding) or _refuse()
    if len(data.translate(None, _CONTROLS)) < len(data) * (1 - _MOST_CONTROLS):
        _refuse()
    for encoding in ("utf-8", declared, "gb18030"):
        if encoding and (text := _as(data, encoding)) is not None:
            return text
    return _refuse()


def _as(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _refuse() -> str:
    raise UnjudgeableError(NOT_ELIGIBLE, "the file is no text in UTF-8 or GBK")
