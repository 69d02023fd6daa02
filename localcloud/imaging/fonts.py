"""Finds a font that has the glyphs of a text; never draws the boxes of missing ones."""

from __future__ import annotations

import importlib.util
import os
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from localcloud.imaging.errors import BAD_PARAMETER, ImageError

SETTING = "LOCALCLOUD_FONT"
_SYSTEM = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/truetype/droid/DroidSansFallback.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "/System/Library/Fonts/STHeiti Light.ttc",
    "/Library/Fonts/Arial Unicode.ttf",
    "C:/Windows/Fonts/msyh.ttc",
)
# A package that carries Noto Sans SC under the OFL; only its file is used, it is never imported.
_PACKAGE, _PACKAGE_FILE = "zhplot", "fonts/NotoSansSC-Regular.ttf"
_PROBE_SIZE = 16
# No font has a glyph for a character that can never be assigned.
_NEVER_ASSIGNED = "\uffff"


def find(text: str, size: int) -> ImageFont.FreeTypeFont:
    """A font of `size` px that can draw all of `text`.

    Tried in order: the file named by LOCALCLOUD_FONT, the built-in Latin face, known places of
    the system's fonts, an installed font package. Raises ImageError when none has the glyphs.
    """
    for path in _candidates():
        if _missing(path, text) == "":
            return _load(path, size)
    character = _missing("", text)
    raise ImageError(
        BAD_PARAMETER,
        f"no font here can draw {character!r} of the watermark's text; "
        f"allowed: Latin text, or a font file with these characters named by {SETTING}",
    )


def _candidates() -> list[str]:
    """Paths that exist; "" stands for the built-in face."""
    chosen = os.environ.get(SETTING, "")
    if chosen and not Path(chosen).is_file():
        raise ImageError(BAD_PARAMETER, f"{SETTING} names {chosen!r}; allowed: a font file")
    return [*([chosen] if chosen else []), "", *_installed()]


@lru_cache(maxsize=1)
def _installed() -> tuple[str, ...]:
    found = [path for path in _SYSTEM if Path(path).is_file()]
    package = importlib.util.find_spec(_PACKAGE)
    for folder in (package and package.submodule_search_locations) or ():
        path = Path(folder, _PACKAGE_FILE)
        found += [str(path)] if path.is_file() else []
    return tuple(found)


@lru_cache(maxsize=32)
def _load(path: str, size: int) -> ImageFont.FreeTypeFont:
    try:
        font = ImageFont.truetype(path, size) if path else ImageFont.load_default(size)
    except OSError as error:
        raise ImageError(BAD_PARAMETER, f"{path!r} is no font: {error}") from error
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise ImageError(BAD_PARAMETER, "this Pillow was built without FreeType: no text")
    return font


def _missing(path: str, text: str) -> str:
    """The first character of `text` without a glyph, "" when there is none."""
    return next(
        (character for character in dict.fromkeys(text) if not _has_glyph(path, character)), ""
    )


@lru_cache(maxsize=8192)
def _has_glyph(path: str, character: str) -> bool:
    if character.isspace():
        return True
    font = _load(path, _PROBE_SIZE)
    glyph, absent = font.getmask(character), font.getmask(_NEVER_ASSIGNED)
    return glyph.size != absent.size or bytes(glyph) != bytes(absent)
