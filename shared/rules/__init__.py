"""CI's image rules: text to typed operations and back, without an image library.

`parse(text)` gives a `Rule`, `str(rule)` its canonical text. Rules are text with the percent
escapes of a URL already undone, once, by the caller.
"""

from __future__ import annotations

from shared.rules.auto_orient import AutoOrient
from shared.rules.blind_watermark import BlindExtraction, BlindWatermark
from shared.rules.blur import Blur, Spread
from shared.rules.bright import Bright
from shared.rules.cgif import Cgif
from shared.rules.contrast import Contrast
from shared.rules.crop import Crop, Size
from shared.rules.cut import Area, Cut
from shared.rules.errors import RuleError
from shared.rules.flip import Flip
from shared.rules.format import Format
from shared.rules.grayscale import Grayscale
from shared.rules.image_mogr2 import ImageMogr2, Operation
from shared.rules.image_view2 import ImageView2
from shared.rules.image_watermark import ImageWatermark
from shared.rules.interlace import Interlace
from shared.rules.quality import LeastQuality, Level, Quality, RelativeQuality
from shared.rules.radius import InnerRadius, RoundRadius
from shared.rules.rotate import Rotate
from shared.rules.rule import MAX_LENGTH, MAX_STAGES, Rule, Stage, parse
from shared.rules.sharpen import Sharpen
from shared.rules.size_limit import Bound, SizeLimit
from shared.rules.smart_crop import SmartCrop, Target
from shared.rules.strip import Strip
from shared.rules.text_watermark import TextWatermark
from shared.rules.thumbnail import Form, Geometry, Thumbnail
from shared.rules.whole import Exif, ImageAve, ImageInfo, StyleName

__all__ = [
    "MAX_LENGTH", "MAX_STAGES", "Area", "AutoOrient", "BlindExtraction",
    "BlindWatermark", "Blur", "Bound", "Bright", "Cgif", "Contrast",
    "Crop", "Cut", "Exif", "Flip", "Form", "Format", "Geometry", "Grayscale", "ImageAve",
    "ImageInfo", "ImageMogr2", "ImageView2", "ImageWatermark", "InnerRadius", "Interlace",
    "LeastQuality", "Level",
    "Operation", "Quality", "RelativeQuality", "Rotate", "RoundRadius", "Rule", "RuleError",
    "Sharpen", "Size", "SizeLimit", "SmartCrop", "Spread", "Stage", "Strip", "StyleName",
    "Target", "TextWatermark", "Thumbnail", "parse",
]  # fmt: skip
