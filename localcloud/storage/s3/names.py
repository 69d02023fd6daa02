"""Keys of objects as names that every S3-compatible store takes, in the same order.

Stores differ in what they make of `//`, `.` and `..`, of a slash at the end and of control
characters, and a name may have 1,024 bytes with all that stands before it. Letters and digits stand
for themselves, and so does what is not ASCII; anything else becomes two characters, of which the
first keeps the order: `-` for what sorts before the digits, `=` before the capitals, `_` before the
small letters, `~` behind them. What gets too long is cut and ends in `!` and a digest. So the order
of long names is only that of their first 756 bytes: those that share them are a run, which stands
together and is sorted by its keys.
"""

from __future__ import annotations

import hashlib

LONGEST = 800  # bytes of a name
_WHOLE = 760  # of one that is not cut
_ORDERED = _WHOLE - 4  # a character has up to four
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CUT = "!"
_ESCAPED = (("-", 0, 0x30), ("=", 0x3A, 0x41), ("_", 0x5B, 0x61), ("~", 0x7B, 0x80))


def _escaped(code: int) -> str:
    for first, start, end in _ESCAPED:
        if start <= code < end:
            return first + _DIGITS[code - start]
    return chr(code)


_TABLE = {code: _escaped(code) for code in range(128)} | {
    # The last two cannot be told in XML, nor could a listing that begins behind them.
    code: f"\ufffd{code - 0xFFFD}"
    for code in (0xFFFD, 0xFFFE, 0xFFFF)
}


def name_of(key: str) -> str:
    """The name for a key: names sort as keys do, but for those of one run."""
    name = key.translate(_TABLE)
    if len(_bytes(name)) <= _WHOLE:
        return name
    return f"{_start(name, _WHOLE)}{_CUT}{hashlib.sha256(_bytes(key)).hexdigest()[:32]}"


def beginning_of(key: str) -> str:
    """What the names of all keys begin with that begin with `key`; also what sorts before the names
    of all keys behind `key`."""
    return _start(key.translate(_TABLE), _ORDERED)


def run_of(name: str) -> str | None:
    """What all names of a run begin with; None for a name that is in none."""
    return _start(name, _ORDERED) if len(_bytes(name)) > _ORDERED else None


def _start(name: str, size: int) -> str:
    return _bytes(name)[:size].decode(errors="ignore")


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
