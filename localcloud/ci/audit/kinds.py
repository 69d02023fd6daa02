"""The kinds of audit: one row for each, with its address, limits, default scenes and shape.

Sources: audio and text CI manual 004:18498 and 004:18980, the others the vendor's public pages
(436/48537, 1045/48254, 436/48260, 436/50132) and the SDK.
"""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.detectors.judgement import SCENES
from localcloud.limits import GIB, MIB


@dataclass(frozen=True)
class Kind:
    """`prefix` begins the ids of its jobs; `inputs` are the elements of Input that may name the
    content, the first given one counts; `default` are the scenes of the default policy.

    `verdict` is the element that holds it: Result, or Suggestion for what has pages. `event` is its
    callback's name; `info` how an answer shapes a scene.
    """

    name: str
    path: str
    prefix: str
    event: str
    max_size: int
    inputs: tuple[str, ...] = ("Object", "Url")
    default: tuple[str, ...] = ("Porn", "Ads")
    scenes: tuple[str, ...] = SCENES
    verdict: str = "Result"
    freezes: bool = True


IMAGE = Kind(
    "image", "image/auditing", "si", "ReviewImage", 32 * MIB, inputs=("Content", "Object", "Url")
)
TEXT = Kind(
    "text",
    "text/auditing",
    "st",
    "ReviewText",
    1 * MIB,
    inputs=("Content", "Object", "Url"),
    default=("Porn", "Ads", "Illegal", "Abuse"),
)
AUDIO = Kind("audio", "audio/auditing", "sa", "ReviewAudio", 600 * MIB)
VIDEO = Kind("video", "video/auditing", "av", "ReviewVideo", 5 * GIB)
LIVE = Kind("live", "video/auditing", "av", "ReviewVideo", 0, inputs=("Url",), freezes=False)
DOCUMENT = Kind(
    "document", "document/auditing", "sd", "ReviewDocument", 200 * MIB, verdict="Suggestion"
)
WEBPAGE = Kind(
    "webpage",
    "webpage/auditing",
    "sh",
    "ReviewHtml",
    10 * MIB,
    inputs=("Url",),
    verdict="Suggestion",
    freezes=False,
)
VIRUS = Kind(
    "virus",
    "virus/detect",
    "ss",
    "ReviewVirus",
    1 * GIB,
    default=(),
    scenes=(),
    verdict="Suggestion",
    freezes=False,
)
KINDS = {kind.name: kind for kind in (IMAGE, TEXT, AUDIO, VIDEO, LIVE, DOCUMENT, WEBPAGE, VIRUS)}
MAX_LARGE_IMAGE = 5 * MIB  # above it a picture is audited only with LargeImageDetect
