"""The text detector with 50,000 terms: megabytes of UTF-8 a second, against its parts.

    .venv/bin/python bench/text_audit.py [--rounds 5] [--megabytes 8]

"automaton alone" is the floor: the same automaton over text that is folded already. "re" is what a
program without a library does: an alternation of the terms, on a hundredth of the text. The words
are drawn by Zipf's law, so that terms are met as often as in a list made of frequent characters.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import time
from functools import partial

from localcloud.detectors.text import SECTION
from localcloud.detectors.text.folding import fold
from localcloud.detectors.text.lexicon import Term
from localcloud.detectors.text.matcher import Matcher

TERMS = 50_000
COMMON = [chr(0x4E00 + place * 5) for place in range(3500)]
LETTERS = "etaoinshrdlucmfwypvbgkqjxz"


def terms(chance: random.Random) -> list[Term]:
    words: set[str] = set()
    while len(words) < TERMS * 7 // 10:
        words.add("".join(chance.choices(COMMON, k=chance.choice((2, 3, 4, 4, 5, 6)))))
    while len(words) < TERMS:
        words.add("".join(chance.choices(LETTERS, k=chance.randint(4, 10))))
    return [Term(word, "Ads", "Bench", 80) for word in sorted(words)]


def chinese(chance: random.Random, size: int) -> str:
    weights = [1 / (rank + 1) for rank in range(len(COMMON))]
    marks = ["，", "。", " ", "\n"]
    return "".join(chance.choices(COMMON + marks, [*weights, 0.4, 0.2, 0.05, 0.05], k=size // 3))


def english(chance: random.Random, size: int) -> str:
    weights = [1 / (rank + 1) for rank in range(len(LETTERS))]
    letters = iter(chance.choices(LETTERS, weights, k=size))
    return "".join(letter if chance.random() > 0.18 else " " for letter in letters)


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def each(work, pieces) -> None:
    for piece in pieces:
        work(piece)


def sections(text: str) -> list[str]:
    return [text[start : start + SECTION] for start in range(0, len(text), SECTION)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=8)
    options = parser.parse_args()
    chance = random.Random(7)  # noqa: S311 - the same words each time
    lexicon = terms(chance)
    built = seconds(lambda: Matcher(lexicon))
    matcher = Matcher(lexicon)
    fold("warm")
    scan = partial(matcher.automaton.find_matches_as_indexes, overlapping=True)
    plain = re.compile("|".join(re.escape(term.text) for term in lexicon))
    print(f"{TERMS} terms, automaton made in {built:.2f} s, sections of {SECTION} characters")
    for name, make in (("Chinese", chinese), ("English", english)):
        pieces = sections(make(chance, options.megabytes * 1_000_000))
        size = sum(len(piece.encode()) for piece in pieces) / 1e6
        folded = [fold(piece).data for piece in pieces]
        few = pieces[: max(1, len(pieces) // 100)]
        few_size = sum(len(piece.encode()) for piece in few) / 1e6
        hits = sum(len(matcher.find(piece)) for piece in pieces)
        works = {
            "detector": (size, partial(each, matcher.find, pieces)),
            "automaton alone": (size, partial(each, scan, folded)),
            "re": (few_size, partial(each, plain.findall, few)),
        }
        rates: dict[str, list[float]] = {label: [] for label in works}
        for _ in range(options.rounds):
            for label, (megabytes, work) in works.items():
                rates[label].append(megabytes / seconds(work))
        print(f"{name}: {size:.1f} MB, {hits} hits")
        own = statistics.median(rates["detector"])
        for label, measured in rates.items():
            median = statistics.median(measured)
            print(
                f"  {label:16} {median:8.2f} MB/s ({min(measured):.2f}-{max(measured):.2f})"
                f"  detector is {own / median:.2f}x"
            )


if __name__ == "__main__":
    main()
