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
# Documents in letters of ASCII, whose words are drawn or spelled by commands.
_DOCUMENTS = (b"%PDF-", b"{\\rtf", b"%!PS")
# What begins another character set inside of a text of ASCII (ISO 2022).
_SHIFT = b"\x1b$"
# Almost all that is written in GBK is in its first part. Other encodings, such as Big5, Shift-JIS
# or UTF-16 without a mark, are GBK as well, of characters that hardly anybody writes.
_LEAST_COMMON = 0.7


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
    if (_SHIFT in data and not declared) or data.lstrip().startswith(_DOCUMENTS):
        _refuse()
    for encoding in ("utf-8", declared):
        if encoding and (text := _as(data, encoding)) is not None:
            return text
    text = _as(data, "gb18030")
    return text if text is not None and _is_common(text) else _refuse()


def readings(data: bytes, declared: str) -> list[str]:
    """The text as `decoded`, and by the encoding it declares if that gives another one.

    Raises UnjudgeableError for bytes that are no text.
    """
    found = [decoded(data, declared)]
    marked = any(data.startswith(mark) for mark, _ in _MARKS)
    if declared and not marked and (other := _as(data, declared)) and other != found[0]:
        found.append(other)
    return found


def _is_common(text: str) -> bool:
    foreign = "".join(character for character in text if not character.isascii())
    return len(foreign.encode("gb2312", "ignore")) >= 2 * len(foreign) * _LEAST_COMMON


def _as(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None


def _refuse() -> str:
    raise UnjudgeableError(NOT_ELIGIBLE, "the file is no text in UTF-8 or GBK")
