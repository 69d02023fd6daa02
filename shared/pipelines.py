"""Pipelines: which uploads want what. Types, matching, and how a checked file is loaded fast.

Reading and checking `pipelines.yml` (`shared.pipelines_file`) needs a YAML parser and the rule
grammar, about 40 ms of a cold start. So whoever builds the layer checks the file once and puts the
result beside it as JSON; `load` takes that as long as it belongs to the very same file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

from shared.errors import ConfigError
from shared.events import Upload
from shared.templates import Template

DEFAULT_EVENTS = ("cos:ObjectCreated:*",)
COMPILED_NAME = "pipelines.compiled.json"


@dataclass(frozen=True)
class When:
    """Which uploads a pipeline wants; everything given must hold.

    Suffixes compare without case. `content_type` holds shell patterns such as `image/*`. Sizes are
    in bytes, both ends included.
    """

    prefix: str = ""
    suffix: tuple[str, ...] = ()
    content_type: tuple[str, ...] = ()
    bucket: tuple[str, ...] = ()
    events: tuple[str, ...] = DEFAULT_EVENTS
    min_size: int = 0
    max_size: int | None = None

    def wants(self, upload: Upload) -> bool:
        return (
            upload.key.startswith(self.prefix)
            and (not self.suffix or upload.key.lower().endswith(self.suffix))
            and (not self.bucket or upload.bucket in self.bucket)
            and self.wants_event(upload.event_name)
            and (upload.size is None or self.min_size <= upload.size)
            and (upload.size is None or self.max_size is None or upload.size <= self.max_size)
            and (not self.content_type or self._wants_type(upload))
        )

    def wants_event(self, name: str) -> bool:
        # Old triggers deliver the wildcard itself as the event's name.
        return any(
            name == event or (event.endswith(":*") and name.startswith(event[:-1]))
            or (name.endswith(":*") and event.startswith(name[:-1]))
            for event in self.events
        )  # fmt: skip

    def _wants_type(self, upload: Upload) -> bool:
        # Events often lack the type, or carry the browser's shrug; the name is the next best.
        from mimetypes import guess_type

        kind = upload.content_type.partition(";")[0].strip().lower()
        if kind in ("", "application/octet-stream"):
            kind = guess_type(upload.key)[0] or kind
        return any(fnmatchcase(kind, pattern) for pattern in self.content_type)


@dataclass(frozen=True)
class Output:
    """One result: CI rule text, the template of its `fileid`, and the target bucket if another."""

    name: str
    rule: str
    fileid: Template
    bucket: str | None = None


@dataclass(frozen=True)
class Pipeline:
    """What one kind of upload becomes. `record` is the template of the record's key."""

    name: str
    when: When
    outputs: tuple[Output, ...]
    record: Template
    function: str = "image"
    description: str = ""
    tags: bool = True
    is_pic_info: bool = True

    @property
    def needs_etag(self) -> bool:
        templates = [self.record, *(output.fileid for output in self.outputs)]
        return any("etag" in template.fields for template in templates)


@dataclass(frozen=True)
class Pipelines:
    """A checked file."""

    entries: tuple[Pipeline, ...]

    def match(self, upload: Upload, function: str | None = None) -> tuple[Pipeline, ...]:
        """The pipelines that want `upload`, of one function or of all, in the file's order."""
        return tuple(
            pipeline
            for pipeline in self.entries
            if (function is None or pipeline.function == function) and pipeline.when.wants(upload)
        )


def load(path: Path) -> Pipelines:
    """The pipelines of `path`; kept while the file is unchanged.

    Raises `ConfigError` with every problem as `file:line: sentence`.
    """
    try:
        return _load(path, hashlib.sha256(path.read_bytes()).hexdigest())
    except OSError as error:
        raise ConfigError([f"{path}:1: cannot be read: {error.strerror}"]) from None


@lru_cache(maxsize=4)
def _load(path: Path, digest: str) -> Pipelines:
    try:
        document = json.loads(path.with_name(COMPILED_NAME).read_bytes())
    except FileNotFoundError:
        document = {}
    if document.get("sha256") == digest:
        return Pipelines(tuple(_restore(entry) for entry in document["pipelines"]))
    from shared.pipelines_file import read

    return read(path)


def compiled(path: Path) -> str:
    """What `load` accepts in place of checking `path` again: the text of `COMPILED_NAME`.

    Raises `ConfigError` when the file has problems.
    """
    entries = [asdict(pipeline) for pipeline in load(path).entries]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return json.dumps({"sha256": digest, "pipelines": entries}, ensure_ascii=False)


def _restore(entry: dict[str, Any]) -> Pipeline:
    when: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in entry["when"].items()
    }
    outputs = [
        Output(**{**output, "fileid": Template(**output["fileid"])}) for output in entry["outputs"]
    ]
    return Pipeline(
        **{
            **entry,
            "when": When(**when),
            "outputs": tuple(outputs),
            "record": Template(**entry["record"]),
        }
    )
