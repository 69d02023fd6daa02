"""Templates for target keys: `/processed/{subdir}/{stem}/thumb.{ext}`."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shared.events import Upload

# Placeholder -> what a person reads about it in an error or in the documentation.
PLACEHOLDERS = {
    "key": "the whole key, a/b/photo.jpg",
    "dir": "its folder, a/b",
    "subdir": "its folder below the pipeline's prefix",
    "name": "its last part, photo.jpg",
    "stem": "the name without extension, photo",
    "ext": "the extension in lower case without dot, jpg; with a format the result's",
    "width": "the width in pixels, with widths",
    "format": "the result's format, with format or formats",
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
    def parse(cls, text: str, allowed: Iterable[str] = PLACEHOLDERS) -> Template:
        """Raises `TemplateError` naming the placeholder and those that are `allowed`."""
        known = tuple(allowed)
        for name in _FIELD.findall(text):
            if name not in known:
                raise TemplateError(
                    f"{{{name}}} is no placeholder here: allowed are "
                    + ", ".join(f"{{{other}}}" for other in known)
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

    def fill(self, values: Mapping[str, str]) -> Template:
        """The template with some of its placeholders settled: no value holds a brace."""
        return Template(_FIELD.sub(lambda found: values.get(found[1], found[0]), self.text))

    def render(self, values: Mapping[str, str]) -> str:
        """The key. A folder placeholder that is empty takes its slash with it."""
        parts = _FIELD.split(self.text)
        rendered = parts[0]
        for name, literal in zip(parts[1::2], parts[2::2], strict=True):
            value = values[name]
            empty_folder = not value and (not rendered or rendered.endswith("/"))
            rendered += value + (literal.removeprefix("/") if empty_folder else literal)
        return rendered


def placeholder_values(
    upload: Upload, *, prefix: str, pipeline: str, output: str, etag: str, format: str = ""
) -> dict[str, str]:
    """What each placeholder stands for, for one upload. `etag` may be empty if unused.

    `width` is not among them: it is settled when the file is read (`Template.fill`).
    """
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
        "ext": format or ext.lower(),
        "format": format,
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


def stored_key(template: Template, upload: Upload, values: Mapping[str, str]) -> str:
    """The key that a `fileid` template means: relative ones lie in the upload's folder."""
    fileid = template.render(values)
    # Plain text, not the wire form: a % in a key is a %.
    if fileid.startswith("/"):
        return fileid[1:]
    folder, slash, _ = upload.key.rpartition("/")
    return folder + slash + fileid
