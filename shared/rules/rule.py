"""A whole rule: segments joined with `|`, or one that stands alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.rules import image_mogr2, image_view2, watermark, whole
from shared.rules.blind_watermark import BlindExtraction
from shared.rules.errors import RuleError
from shared.rules.image_mogr2 import ImageMogr2
from shared.rules.image_view2 import ImageView2
from shared.rules.watermark import Watermark
from shared.rules.whole import Exif, ImageAve, ImageInfo, StyleName
from shared.rules.words import Words

# CI manual 004:4981.
MAX_STAGES = 10
MAX_LENGTH = 8192
_INFORMATION = (ImageInfo, ImageAve, Exif)
_ALONE = (*_INFORMATION, StyleName, BlindExtraction)
Stage = ImageMogr2 | ImageView2 | Watermark | ImageInfo | ImageAve | Exif | StyleName
_SEGMENTS: dict[str, Callable[[Words], Stage]] = {
    image_mogr2.NAME: image_mogr2.read,
    image_view2.NAME: image_view2.read,
    watermark.NAME: watermark.read,
    **whole.READERS,
    whole.STYLE: whole.read_style,
}
_ALLOWED = ", ".join(_SEGMENTS)


@dataclass(frozen=True)
class Rule:
    """Stages run in order; `str()` is the canonical text, which parses to an equal rule."""

    stages: tuple[Stage, ...]

    @property
    def is_info(self) -> bool:
        """The answer is JSON about the picture, not a picture."""
        return isinstance(self.stages[0], _INFORMATION)

    @property
    def extraction(self) -> BlindExtraction | None:
        """What looks for a blind mark, None for every other rule."""
        first = self.stages[0]
        return first if isinstance(first, BlindExtraction) else None

    @property
    def style(self) -> str | None:
        """The name in `style/<name>`, None for every other rule."""
        first = self.stages[0]
        return first.name if isinstance(first, StyleName) else None

    @property
    def ignore_error(self) -> bool:
        """A failure answers with the original picture instead of an error."""
        return any(isinstance(stage, ImageMogr2) and stage.ignore_error for stage in self.stages)

    def __str__(self) -> str:
        return "|".join(map(str, self.stages))


def parse(text: str) -> Rule:
    """Read a rule of at most 8192 characters, already free of percent escapes.

    Raises RuleError for anything that is not a rule, and nothing else.
    """
    if len(text) > MAX_LENGTH:
        raise RuleError(MAX_LENGTH, text[MAX_LENGTH:], f"at most {MAX_LENGTH} characters")
    segments = text.split("|")
    if len(segments) > MAX_STAGES:
        position = sum(len(segment) + 1 for segment in segments[:MAX_STAGES])
        raise RuleError(position, segments[MAX_STAGES], f"at most {MAX_STAGES} layers of |")
    stages: list[Stage] = []
    position = 0
    for segment in segments:
        stage = _read_segment(segment, position)
        if len(segments) > 1 and isinstance(stage, _ALONE):
            raise RuleError(position, segment, f"{segment.partition('/')[0]} on its own, without |")
        stages.append(stage)
        position += len(segment) + 1
    return Rule(tuple(stages))


def _read_segment(segment: str, position: int) -> Stage:
    words = Words(segment, position)
    name = words.take()
    reader = _SEGMENTS.get(name.text)
    if reader is None:
        raise RuleError(name.position, name.text, _ALLOWED)
    return reader(words)
