"""The text of a blind watermark: a template over what the upload says, reduced to what CI hides.

Type 3 of CI's blind watermarks hides digits and English letters (CI manual 004:7640).
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode

from shared.errors import CloudError
from shared.events import Upload
from shared.templates import PLACEHOLDERS, Template, TemplateError

# What `watermark/3` takes; the grammar itself is not imported, for the sake of a cold start.
MAX_LENGTH = 128
META = "meta."
# Those of keys are known too, and `meta.<name>` for the upload's header x-cos-meta-<name>.
UPLOAD_PLACEHOLDERS = ("appid", "time", "request_id", "source_ip")
_META_FIELD = re.compile(r"meta\.[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_DROPPED = re.compile(r"[^0-9A-Za-z]")


def parse(text: str) -> Template:
    """The checked template of a blind watermark's text. Raises `TemplateError`."""
    # What belongs to one output of many has no meaning for the upload.
    of_keys = [name for name in PLACEHOLDERS if name not in ("width", "format")]
    named = [f"{META}<name>", *_META_FIELD.findall(text)]
    template = Template.parse(text, (*of_keys, *UPLOAD_PLACEHOLDERS, *named))
    if named[0] in template.fields:
        raise TemplateError(f"{{{named[0]}}} needs a name: {{meta.user}} for x-cos-meta-user")
    return template


def values(template: Template, upload: Upload) -> dict[str, str]:
    """What the placeholders of `template` that no key has stand for."""
    meta = dict(upload.meta)
    return {
        "appid": upload.bucket.rpartition("-")[2],
        "time": str(upload.event_time),
        "request_id": upload.request_id,
        "source_ip": _hex_address(upload.source_ip),
        **{
            name: meta.get(name.removeprefix(META).lower(), "")
            for name in template.fields
            if name.startswith(META)
        },
    }


def reduced(text: str) -> str:
    """`text` without what CI cannot hide."""
    return _DROPPED.sub("", text)


def stage(text: str) -> str:
    """The rule's stage that hides `text`, `watermark/3/type/3/text/<base64>` (004:7808).

    What CI cannot hide is left out. Raises `CloudError` when nothing is left, or more than 128
    characters: the upload gets no picture rather than an unmarked one.
    """
    kept = reduced(text)
    if not 0 < len(kept) <= MAX_LENGTH:
        raise CloudError(
            "InvalidBlindWatermark",
            f"the blind watermark's text for this upload has {len(kept)} digits and English "
            f"letters: 1 to {MAX_LENGTH} are allowed",
            status=400,
        )
    return f"watermark/3/type/3/text/{base64_word(kept)}"


def base64_word(text: str) -> str:
    """URL-safe base64 without padding, as rules carry text."""
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _hex_address(address: str) -> str:
    from ipaddress import ip_address

    try:
        return ip_address(address).packed.hex()
    except ValueError:
        return ""
