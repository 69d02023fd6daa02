"""Image and text moderation through API 3.0 (`ims`, `tms`, version 2020-12-29).

The engines, the policy file and the honesty are those of CI's audits: a scene that nothing here can
judge is for review.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from localcloud.moderation import image, text

if TYPE_CHECKING:
    from localcloud.api3 import Handler

ACTIONS: dict[str, dict[str, Handler]] = {
    "ims": {"ImageModeration": image.image_moderation},
    "tms": {"TextModeration": text.text_moderation},
}
