"""A text -> its folded form, in which terms are looked for, and the way back.

Folding leaves out whatever can be put between the characters of a word to hide it: spaces,
punctuation, signs, emoji, marks, invisible characters. What was left out is still known, because a
term that is only there when two words are run together is not there (`matcher`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from localcloud.detectors.text.alphabet import EXPANDED, LATIN, alphabet

if TYPE_CHECKING:
    import numpy as np

# Letters that are written three times in a row in ordinary text.
_REPEATED = "wxiz"


@dataclass(frozen=True)
class Folded:
    """`points`: the folded characters, in bytes if all are ASCII. `origin`: for each the index of
    the character of the text that it came from. `kinds`: of the text's characters. `replaced`:
    whether a digit or a sign stands for the folded character."""

    points: np.ndarray
    origin: np.ndarray
    kinds: np.ndarray
    replaced: np.ndarray

    @property
    def data(self) -> bytes:
        """The folded text in UTF-8."""
        if self.points.itemsize == 1:
            return self.points.tobytes()
        return self.points.tobytes().decode("utf-32-le", "replace").encode()


def fold(text: str) -> Folded:
    import numpy as np

    table = alphabet()
    if text.isascii():
        # Three times as fast, for most of what is written in English.
        points, kinds, signs = (
            np.frombuffer(bytearray(text.encode().translate(row)), np.uint8) for row in _ascii()
        )
    else:
        raw = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        points, kinds, signs = table.folded[raw], table.kinds[raw], table.leet[raw]
    replaced = _leet(signs, kinds, points)
    origin = None
    if (long := np.flatnonzero(points >= EXPANDED)).size:
        points, origin = _expanded(points, long, table.expansions)
        replaced = replaced[origin]
    kept = np.flatnonzero(points)
    kept = _unstretched(points, kept)
    return Folded(points[kept], kept if origin is None else origin[kept], kinds, replaced[kept])


@lru_cache(maxsize=1)
def _ascii() -> tuple[bytes, bytes, bytes]:
    """The beginning of the alphabet's folded, kinds and leet, to translate bytes with."""
    table = alphabet()
    rows = (table.folded, table.kinds, table.leet)
    first, second, third = (bytes(row[:128].tolist()) + bytes(128) for row in rows)
    return first, second, third


def _leet(signs: np.ndarray, kinds: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Put letters for the digits and signs that stand beside a letter; where that was done."""
    import numpy as np

    replaced = np.zeros(signs.size, bool)
    places = np.flatnonzero(signs)
    if places.size:
        latin = np.zeros(signs.size + 2, bool)
        latin[1:-1] = (kinds & LATIN) != 0
        beside = places[latin[places] | latin[places + 2]]
        points[beside] = signs[beside]
        replaced[beside] = True
    return replaced


def _expanded(
    points: np.ndarray, long: np.ndarray, expansions: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Characters that fold to several, such as ligatures, laid out."""
    import numpy as np

    lengths = np.ones(points.size, np.int64)
    texts = [expansions[points[place] - EXPANDED] for place in long]
    lengths[long] = [len(text) for text in texts]
    origin = np.repeat(np.arange(points.size), lengths)
    spread = points[origin]
    starts = np.cumsum(lengths) - lengths
    for place, text in zip(long, texts, strict=True):
        begin = starts[place]
        spread[begin : begin + len(text)] = [ord(character) for character in text]
    return spread, origin


def _unstretched(points: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Leave one of three or more equal Latin letters in a row."""
    import numpy as np

    if kept.size < 3:
        return kept
    line = points[kept]
    same = (line[1:] == line[:-1]) & (kept[1:] == kept[:-1] + 1)
    triple = same[1:] & same[:-1]
    if not triple.any():
        return kept
    letters = (line >= ord("a")) & (line <= ord("z"))
    for letter in _REPEATED:
        letters &= line != ord(letter)
    inside = np.zeros(line.size, bool)
    inside[:-2] |= triple
    inside[1:-1] |= triple
    inside[2:] |= triple
    first = np.ones(line.size, bool)
    first[1:] = ~same
    return kept[~(inside & letters & ~first)]
