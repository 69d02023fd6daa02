"""`watermark/<kind>/...`: which kind of mark follows."""

from __future__ import annotations

from collections.abc import Callable

from shared.rules import blind_watermark, image_watermark, text_watermark
from shared.rules.blind_watermark import BlindExtraction, BlindWatermark
from shared.rules.errors import RuleError
from shared.rules.image_watermark import ImageWatermark
from shared.rules.text_watermark import TextWatermark
from shared.rules.words import Words

NAME = "watermark"
Watermark = ImageWatermark | TextWatermark | BlindWatermark | BlindExtraction
_KINDS: dict[str, Callable[[Words], Watermark]] = {
    "1": image_watermark.read,
    "2": text_watermark.read,
    "3": blind_watermark.read_add,
    "4": blind_watermark.read_extraction,
}
_ALLOWED = "watermark/1 (image), watermark/2 (text), watermark/3 (blind), watermark/4 (extraction)"


def read(words: Words) -> Watermark:
    """Read everything after `watermark/`. Raises RuleError."""
    kind = words.take()
    reader = _KINDS.get(kind.text)
    if reader is None:
        raise RuleError(kind.position, kind.text, _ALLOWED, where=NAME)
    return reader(words)
