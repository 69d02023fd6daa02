"""Finds the terms of lexicons in a text: one automaton over the folded text, then a look at the
place of each hit.

The folded text has no gaps, so an automaton also finds what is only there when words are run
together ("pop ornament"). A hit stands when

- of a Latin term: a word begins and ends there, and no space is inside but the term's own, or
  single letters only are between the spaces ("b o m b"); at least half of its characters are
  letters, and one is a letter of the Latin script itself;
- of any other term: no sentence ends inside of it, unless something stands between all of its
  characters, and these are three or more, or stand alone;
- it is not inside of a word that the lexicons allow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from localcloud.detectors.text.alphabet import DIGIT, FOREIGN, GAP, LATIN, SPACE, STOP, WORD
from localcloud.detectors.text.folding import Folded, fold
from localcloud.detectors.text.lexicon import LexiconError, Term

if TYPE_CHECKING:
    import numpy as np

# In a Latin term with fewer letters digits stand for themselves: `a55` is a telephone.
_LEAST_LEET = 4
_SPELLED = 3


@dataclass(frozen=True)
class Match:
    """A term, and where it is in the text as it was given: `end` is exclusive."""

    term: Term
    start: int
    end: int


class Matcher:
    """All terms of some lexicons, ready to be found. Safe to use from several threads.

    Raises LexiconError for a term of which nothing, or a single letter, is left when folded.
    """

    def __init__(self, terms: Iterable[Term]) -> None:
        import ahocorasick_rs
        import numpy as np

        known: dict[bytes, list[Term]] = {}
        latin: list[bool] = []
        self._spaces: list[frozenset[int]] = []
        for term in terms:
            folded = fold(term.text)
            ascii_only = bool((folded.points < 128).all())
            if folded.points.size < (2 if ascii_only else 1):
                raise LexiconError(f"the term {term.text!r} of {term.library!r} is too short")
            if (group := known.setdefault(folded.data, [])) == []:
                latin.append(ascii_only)
                self._spaces.append(_spaces(folded, 0, folded.points.size))
            group.append(term)
        self._groups = list(known.values())
        self._latin = np.array(latin, bool)
        self._stem = np.array([any(term.stem for term in group) for group in self._groups], bool)
        self.scenes = frozenset(term.scene for group in self._groups for term in group)
        self.automaton = ahocorasick_rs.BytesAhoCorasick(
            list(known), implementation=ahocorasick_rs.Implementation.ContiguousNFA
        )

    def find(self, text: str) -> list[Match]:
        """Where terms stand in the text, in its order; of those inside of each other in one scene
        only the longest."""
        import numpy as np

        if not self._groups or not text:
            return []
        folded = fold(text)
        data = folded.data
        found = self.automaton.find_matches_as_indexes(data, overlapping=True)
        if not found:
            return []
        hits = np.array(found, np.int64)
        begin, end = hits[:, 1], hits[:, 2]
        if len(data) > folded.points.size:
            starts = np.flatnonzero((np.frombuffer(data, np.uint8) & 0xC0) != 0x80)
            begin, end = np.searchsorted(starts, begin), np.searchsorted(starts, end)
        stands = self._at_words(folded, hits[:, 0], begin, end)
        matches = []
        for group, first, last in zip(
            hits[stands, 0].tolist(), begin[stands].tolist(), end[stands].tolist(), strict=True
        ):
            if _stands(folded, first, last, self._spaces[group] if self._latin[group] else None):
                matches += self._matches(folded, group, first, last)
        return _outermost(matches)

    def _at_words(
        self, folded: Folded, groups: np.ndarray, begin: np.ndarray, end: np.ndarray
    ) -> np.ndarray:
        """Which hits are of no Latin term, or begin and end a word."""
        import numpy as np

        latin = self._latin[groups]
        if not latin.any():
            return np.ones(groups.size, bool)
        joined = _joined(folded)
        return ~latin | (~joined[begin] & (~joined[end] | self._stem[groups]))

    def _matches(self, folded: Folded, group: int, first: int, last: int) -> Iterator[Match]:
        start, end = int(folded.origin[first]), int(folded.origin[last - 1]) + 1
        size = folded.points.size
        goes_on = last < size and self._latin[group] and bool(_joined_at(folded, last))
        for term in self._groups[group]:
            if term.stem or not goes_on:
                yield Match(term, start, end)


def _joined(folded: Folded) -> np.ndarray:
    """For each folded character, and one place more, whether it goes on with the word of the one
    before it: both are letters of an alphabet and no gap is between them."""
    import numpy as np

    kinds = folded.kinds[folded.origin]
    letter = (kinds & (LATIN | WORD)) != 0
    gaps = np.cumsum((folded.kinds & GAP) != 0)[folded.origin]
    joined = np.zeros(folded.points.size + 1, bool)
    joined[1:-1] = letter[1:] & letter[:-1] & (gaps[1:] == gaps[:-1])
    return joined


def _joined_at(folded: Folded, place: int) -> bool:
    before, after = folded.origin[place - 1], folded.origin[place]
    kinds = folded.kinds
    return bool(
        kinds[before] & (LATIN | WORD)
        and kinds[after] & (LATIN | WORD)
        and not (kinds[before:after] & GAP).any()
    )


def _spaces(folded: Folded, first: int, last: int) -> frozenset[int]:
    """After how many of the folded characters from `first` to `last` a space follows."""
    origin = folded.origin[first:last].tolist()
    return frozenset(
        place
        for place, (one, two) in enumerate(pairwise(origin), 1)
        if two - one > 1 and (folded.kinds[one:two] & SPACE).any()
    )


def _stands(folded: Folded, first: int, last: int, spaces: frozenset[int] | None) -> bool:
    """`spaces` are those of a Latin term, None for any other."""
    origin = folded.origin[first:last]
    start, end = int(origin[0]), int(origin[-1]) + 1
    if spaces is not None and not _is_word(folded, first, last):
        return False
    if end - start == last - first:
        return True
    between = folded.kinds[start:end]
    if spaces is not None:
        return (
            not (between & SPACE).any()
            or _spaces(folded, first, last) <= spaces
            or _single_letters(between)
        )
    if not (between & STOP).any():
        return True
    gaps = [bool((folded.kinds[one:two] & GAP).any()) for one, two in pairwise(origin.tolist())]
    return all(gaps) and (len(origin) >= _SPELLED or _alone(folded, start, end))


def _alone(folded: Folded, start: int, end: int) -> bool:
    """Whether a line or sentence ends at either end: two on lines of their own are one word."""
    return all(
        not 0 <= place < folded.kinds.size or bool(folded.kinds[place] & STOP)
        for place in (start - 1, end)
    )


def _is_word(folded: Folded, first: int, last: int) -> bool:
    """Whether enough of a Latin hit is written in Latin letters."""
    kinds = folded.kinds[folded.origin[first:last]]
    replaced = int(folded.replaced[first:last].sum())
    own = int(((kinds & LATIN != 0) & (kinds & FOREIGN == 0)).sum())
    if replaced and (last - first < _LEAST_LEET or replaced * 2 > last - first):
        return False
    return own > 0 or bool((kinds & DIGIT).all())


def _single_letters(between: np.ndarray) -> bool:
    """Whether one letter at most stands between two spaces."""
    letters = 0
    for kind in between.tolist():
        if kind & SPACE:
            letters = 0
        elif kind and not kind & GAP:
            letters += 1
            if letters > 1:
                return False
    return True


def _outermost(matches: Sequence[Match]) -> list[Match]:
    """Without those inside of an allowed word, or of a longer match of their scene."""
    kept: list[Match] = []
    # The end that is farthest so far, of each scene; "" are the allowed words.
    farthest: dict[str, int] = {}
    # The widest first among those that begin together, allowed words before all.
    order = sorted(matches, key=lambda match: (match.start, bool(match.term.scene), -match.end))
    for match in order:
        scene = match.term.scene
        inside = max(farthest.get(scene, -1), farthest.get("", -1)) >= match.end
        farthest[scene] = max(farthest.get(scene, -1), match.end)
        if scene and not inside:
            kept.append(match)
    return kept
