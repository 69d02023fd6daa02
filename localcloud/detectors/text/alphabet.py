"""How each character is folded: case, width, accents, look-alikes, traditional Chinese.

One table over all of Unicode, made once for a process, so that a whole text is folded by indexing.
"""

from __future__ import annotations

import importlib.util
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# What a character is, as bits.
LATIN, DIGIT, WORD, WIDE, GAP, STOP, SPACE, FOREIGN = (1 << place for place in range(8))

# Values of the table from here on are indexes into `Alphabet.expansions`.
EXPANDED = 0x110000

# Digits and signs that stand for a letter, beside a letter only.
LEET = dict(zip("0134578@$!|€", "oieastbasiie", strict=True))
# Letters of other scripts that look like Latin ones, lower and upper case.
_LOOK_ALIKES = dict(
    zip(
        "аеорсухіѕјԁһԛԝкмтвн" "αορινκτυ" "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ" "օսհ"
        "ɑɡıɩʏʀɴʜʟᴀʙᴄᴅᴇᴋᴍᴏᴘꜱᴛᴜᴠᴡᴢꜰƒ",
        "aeopcyxisjdhqwkmtbh" "aopivktu" "abezhikmnoptyx" "ouh"
        "agiiyrnhlabcdekmopstuvwzff",
        strict=True,
    )
)  # fmt: skip
# Letters in boxes and circles that NFKD leaves as they are, A to Z each.
_BOXED = (0x1F150, 0x1F170, 0x1F1E6)
# Folded by nobody: ideographs, Hangul (NFKD takes its syllables apart), private use.
_KEPT = ((0x3400, 0x9FFF), (0xAC00, 0xD7A3), (0x20000, 0x2F7FF), (0x30000, 0x323AF))
_LAST_NAMED = 0x1FFFF
_STOPS = frozenset("。！？；!?;\n\r\x0b\x0c\x85\u2028\u2029…")
# Letters by their class, and nothing to be seen.
_BLANK = "\u115f\u1160\u3164\uffa0"
_PACKAGE, _TRADITIONAL = "opencc", "dictionary/TSCharacters.txt"


@dataclass(frozen=True)
class Alphabet:
    """`folded`: for each code point the one that it folds to, 0 when it is left out, or an index
    from EXPANDED on into `expansions`. `kinds`: what it is (LATIN and so on), before folding.
    `leet`: the code points of LEET, 0 for all others."""

    folded: np.ndarray
    kinds: np.ndarray
    leet: np.ndarray
    expansions: tuple[str, ...]


@lru_cache(maxsize=1)
def alphabet() -> Alphabet:
    import numpy as np

    folded = np.zeros(EXPANDED, np.uint32)
    kinds = np.full(EXPANDED, GAP, np.uint8)
    leet = np.zeros(EXPANDED, np.uint32)
    for first, last in _KEPT:
        folded[first : last + 1] = np.arange(first, last + 1)
        kinds[first : last + 1] = WIDE
    expansions: list[str] = []
    for point in range(_LAST_NAMED + 1):
        if kinds[point] == WIDE:
            continue
        text, kind = _fold(chr(point))
        kinds[point] = kind
        if len(text) > 1:
            folded[point] = EXPANDED + len(expansions)
            expansions.append(text)
        elif text:
            folded[point] = ord(text)
    for blank in _BLANK:
        folded[ord(blank)], kinds[ord(blank)] = 0, 0
    for sign, letter in LEET.items():
        leet[ord(sign)] = ord(letter)
    for first in _BOXED:
        for place in range(26):
            folded[first + place], kinds[first + place] = ord(_letter(chr(97 + place))), LATIN
    for point in (*range(0xF900, 0xFB00), *range(0x2F800, 0x2FA20)):
        text = unicodedata.normalize("NFKC", chr(point))
        folded[point], kinds[point] = ord(text), WIDE
    simplified = np.arange(EXPANDED + len(expansions), dtype=np.uint32)
    for traditional, simple in _traditional():
        simplified[ord(traditional)] = ord(simple)
    return Alphabet(simplified[folded], kinds, leet, tuple(expansions))


def _fold(character: str) -> tuple[str, int]:
    if look_alike := _LOOK_ALIKES.get(character) or _LOOK_ALIKES.get(character.casefold()):
        return _letter(look_alike), LATIN | FOREIGN
    kind = GAP
    if character in _STOPS:
        kind |= STOP
    if character.isspace():
        kind |= SPACE
    plain = unicodedata.normalize("NFKD", character).casefold()
    kept = [_letter(letter) for letter in plain if letter.isalnum()]
    if not kept:
        # Marks and invisible characters are inside of a word, not between words.
        inside = unicodedata.category(character) in ("Mn", "Me", "Cf", "Cc") and not kind & SPACE
        return "", 0 if inside else kind
    letter = _LOOK_ALIKES.get(kept[0], kept[0])
    if letter.isascii():
        return "".join(kept), DIGIT if letter.isdigit() else LATIN
    return "".join(kept), WIDE if unicodedata.east_asian_width(kept[0]) in "WF" else WORD


def _letter(letter: str) -> str:
    """I and l are drawn alike, so they are one letter here."""
    return "i" if letter == "l" else letter


def _traditional() -> list[tuple[str, str]]:
    """Traditional characters and their simplified form; none without OpenCC's table."""
    package = importlib.util.find_spec(_PACKAGE)
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder, _TRADITIONAL)
        if path.is_file():
            rows = (line.split("\t") for line in path.read_text("utf-8").splitlines())
            return [
                (row[0], row[1].split()[0])
                for row in rows
                if len(row) == 2 and len(row[0]) == 1 and len(row[1].split()[0]) == 1
            ]
    return []
