"""`imageMogr2/<operation>...`: the verbs of one segment and their table (CI manual 004:1159)."""

from __future__ import annotations

from dataclasses import dataclass

from shared.rules import (
    auto_orient,
    blur,
    bright,
    cgif,
    contrast,
    crop,
    cut,
    flip,
    format,
    grayscale,
    interlace,
    quality,
    radius,
    rotate,
    sharpen,
    size_limit,
    smart_crop,
    strip,
    thumbnail,
)
from shared.rules.errors import RuleError
from shared.rules.kinds import FLAG
from shared.rules.words import Verb, Words, take_value

NAME = "imageMogr2"
Operation = (
    auto_orient.AutoOrient
    | blur.Blur
    | bright.Bright
    | cgif.Cgif
    | contrast.Contrast
    | crop.Crop
    | cut.Cut
    | flip.Flip
    | format.Format
    | grayscale.Grayscale
    | interlace.Interlace
    | quality.Quality
    | quality.RelativeQuality
    | quality.LeastQuality
    | radius.InnerRadius
    | radius.RoundRadius
    | rotate.Rotate
    | sharpen.Sharpen
    | size_limit.SizeLimit
    | smart_crop.SmartCrop
    | strip.Strip
    | thumbnail.Thumbnail
)
VERBS: tuple[Verb, ...] = (
    thumbnail.VERB,
    crop.VERB,
    cut.VERB,
    rotate.VERB,
    auto_orient.VERB,
    flip.VERB,
    *radius.VERBS,
    smart_crop.VERB,
    blur.VERB,
    bright.VERB,
    contrast.VERB,
    sharpen.VERB,
    grayscale.VERB,
    format.VERB,
    cgif.VERB,
    interlace.VERB,
    *quality.VERBS,
    strip.VERB,
    size_limit.VERB,
)
_BY_NAME = {verb.name: verb for verb in VERBS}
_BY_OPERATION = {verb.operation: verb for verb in VERBS}
_IGNORE_ERROR = "ignore-error"
_ALLOWED = ", ".join((*_BY_NAME, _IGNORE_ERROR))


@dataclass(frozen=True)
class ImageMogr2:
    """Operations in the order written; `ignore_error` answers with the original when one fails."""

    operations: tuple[Operation, ...]
    ignore_error: bool = False

    def __str__(self) -> str:
        words = [NAME]
        for operation in self.operations:
            words += _BY_OPERATION[type(operation)].write(operation)
        if self.ignore_error:
            words += [_IGNORE_ERROR, "1"]
        return "/".join(words)


def read(words: Words) -> ImageMogr2:
    """Read everything after `imageMogr2/`. Raises RuleError."""
    operations: list[Operation] = []
    ignore_error: bool | None = None
    seen: set[str] = set()
    while words.peek() is not None:
        word = words.take()
        verb = _BY_NAME.get(word.text)
        if word.text in seen and (verb is None or verb.once):
            raise RuleError(word.position, word.text, f"{word.text} once", where=NAME)
        seen.add(word.text)
        if verb is not None:
            operations.append(verb.read(words, word, NAME))
        elif word.text == _IGNORE_ERROR:
            ignore_error = take_value(words, FLAG, f"{NAME}/{_IGNORE_ERROR}")
        else:
            raise RuleError(word.position, word.text, _ALLOWED, where=NAME)
    if not operations:
        raise RuleError(words.end, "", _ALLOWED, where=NAME)
    return ImageMogr2(tuple(operations), bool(ignore_error))
