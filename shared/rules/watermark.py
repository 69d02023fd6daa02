"""`watermark/<kind>/...`: which kind of mark follows."""

from __future__ import annotations

from collections.abc import Callable

from shared.rules import image_watermark, text_watermark
from shared.rules.errors import Reason, RuleError
from shared.rules.image_watermark import ImageWatermark
from shared.rules.text_watermark import TextWatermark
from shared.rules.words import Words

NAME = "watermark"
# Blind marks, added and extracted.
UNSUPPORTED_KINDS = ("3", "4")
Watermark = ImageWatermark | TextWatermark
_KINDS: dict[str, Callable[[Words], Watermark]] = {
    "1": image_watermark.read,
    "2": text_watermark.read,
}


def read(words: Words) -> Watermark:
    """Read everything after `watermark/`. Raises RuleError."""
    kind = words.take()
    reader = _KINDS.get(kind.text)
    if reader is None:
        reason: Reason = "unsupported" if kind.text in UNSUPPORTED_KINDS else "invalid"
        part = f"{NAME}/{kind.text}" if reason == "unsupported" else kind.text
        allowed = "watermark/1 (image), watermark/2 (text)"
        raise RuleError(kind.position, part, allowed, reason, NAME)
    return reader(words)
