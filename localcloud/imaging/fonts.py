"""Fonts for text marks: one that is always there for Latin, one of the system's for the rest.

The manual's fonts (004:5219) are not free to ship; every name maps to these look-alikes.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

from localcloud.imaging.errors import BAD_PARAMETER, ImageError

# Where systems keep a font that has Chinese.
_PLACES = (
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/System/Library/Fonts/STHeiti Light.ttc",
    "/Library/Fonts/Arial Unicode.ttf",
)
VARIABLE = "LOCALCLOUD_FONT"
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def font_for(text: str, size: int) -> Font:
    """A font that has all characters of `text`. Raises ImageError rather than draw boxes."""
    if all(ord(character) < 0x180 for character in text):
        return _latin(size)
    place = wide_font()
    if place is None:
        raise ImageError(
            BAD_PARAMETER,
            "the text needs a font with Chinese, and none was found: install one (Debian: "
            f"fonts-wqy-microhei) or name its file in {VARIABLE}",
        )
    return _file(place, size)


def wide_font() -> str | None:
    """The file of a font beyond Latin, if there is one."""
    chosen = os.environ.get(VARIABLE)
    return next((place for place in (chosen, *_PLACES) if place and Path(place).is_file()), None)


@lru_cache(maxsize=64)
def _latin(size: int) -> Font:
    return ImageFont.load_default(size)


@lru_cache(maxsize=64)
def _file(place: str, size: int) -> Font:
    try:
        return ImageFont.truetype(place, size)
    except OSError:
        raise ImageError(BAD_PARAMETER, f"{place} is no font that can be read") from None
