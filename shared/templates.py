"""Templates for target keys: `/processed/{subdir}/{stem}/thumb.{ext}`."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from shared.events import Upload

# Placeholder -> what a person reads about it in an error or in the documentation.
PLACEHOLDERS = {
    "key": "the whole key, a/b/photo.jpg",
    "dir": "its folder, a/b",
    "subdir": "its folder below the pipeline's prefix",
    "name": "its last part, photo.jpg",
    "stem": "the name without extension, photo",
    "ext": "the extension in lower case without dot, jpg",
    "date": "day of the upload in UTC, 2026-11-21",
    "year": "2026",
    "month": "11",
    "day": "21",
    "etag": "the object's ETag without quotes",
    "version": "the version id, empty without versioning",
    "bucket": "the source bucket with appid",
    "pipeline": "the pipeline's name",
    "output": "the output's name",
}
_FIELD = re.compile(r"\{([^{}]*)\}")


class TemplateError(ValueError):
    """A template with an unknown placeholder or a brace out of place."""


@dataclass(frozen=True)
class Template:
    """A checked template. `text` is as written; rendering puts plain (decoded) text in place."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Template:
        """Raises `TemplateError` naming the placeholder and those that exist."""
        for name in _FIELD.findall(text):
            if name not in PLACEHOLDERS:
                raise TemplateError(
                    f"{{{name}}} is no placeholder: allowed are "
                    + ", ".join(f"{{{known}}}" for known in PLACEHOLDERS)
                )
        if re.search(r"[{}]", _FIELD.sub("", text)):
            raise TemplateError(f"{text!r} has a brace without its partner")
        return cls(text)

    @property
    def fields(self) -> tuple[str, ...]:
        return tuple(_FIELD.findall(self.text))

    @property
    def head(self) -> str:
        """The literal text before the first placeholder."""
        return _FIELD.split(self.text, maxsplit=1)[0]

    @property
    def tail(self) -> str:
        """The literal text after the last placeholder; the whole text if there is none."""
        return self.text.rpartition("}")[2]

    def render(self, values: dict[str, str]) -> str:
        """The key. A folder placeholder that is empty takes its slash with it."""
        parts = _FIELD.split(self.text)
        rendered = parts[0]
        for name, literal in zip(parts[1::2], parts[2::2], strict=True):
            value = values[name]
            empty_folder = not value and (not rendered or rendered.endswith("/"))
            rendered += value + (literal.removeprefix("/") if empty_folder else literal)
        return rendered


def placeholder_values(
    upload: Upload, *, prefix: str, pipeline: str, output: str, etag: str
) -> dict[str, str]:
    """What each placeholder stands for, for one upload. `etag` may be empty if unused."""
    folder, _, name = upload.key.rpartition("/")
    stem, _, ext = name.rpartition(".")
    if not stem:
        # No extension, or a name such as .htaccess.
        stem, ext = name, ""
    day = time.strftime("%Y-%m-%d", time.gmtime(upload.event_time))
    # Below the prefix's own folder: of the prefix uploads/img_, uploads/ is what counts.
    base = prefix.rpartition("/")[0]
    subdir = folder[len(base) :].strip("/") if folder.startswith(base) else folder
    return {
        "key": upload.key,
        "dir": folder,
        "subdir": subdir,
        "name": name,
        "stem": stem,
        "ext": ext.lower(),
        "date": day,
        "year": day[:4],
        "month": day[5:7],
        "day": day[8:],
        "etag": etag,
        "version": upload.version_id,
        "bucket": upload.bucket,
        "pipeline": pipeline,
        "output": output,
    }
