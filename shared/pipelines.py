"""Pipelines: which uploads want what. Types, matching, and how a checked file is loaded fast.

Reading and checking `pipelines.yml` (`shared.pipelines_file`) needs a YAML parser and the rule
grammar, about 40 ms of a cold start. So whoever builds the layer checks the file once and puts the
result beside it as JSON; `load` takes that as long as it belongs to the very same file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.errors import ConfigError
from shared.events import Upload
from shared.templates import Template, placeholder_values

if TYPE_CHECKING:
    from shared.audits import Audit

DEFAULT_EVENTS = ("cos:ObjectCreated:*",)
DISPATCH = "dispatch"  # the function that hands uploads on to the others
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
        return not self.refusal(upload)

    def refusal(self, upload: Upload) -> str:
        """The first condition that `upload` does not meet, as a sentence; empty if it is wanted."""
        size, most = upload.size, self.max_size
        conditions = (
            (upload.key.startswith(self.prefix), f"the key does not start with {self.prefix!r}"),
            (
                not self.suffix or upload.key.lower().endswith(self.suffix),
                f"the key ends in none of {', '.join(self.suffix)}",
            ),
            (
                not self.bucket or upload.bucket in self.bucket,
                f"the bucket is none of {', '.join(self.bucket)}",
            ),
            (
                self.wants_event(upload.event_name),
                f"the event is none of {', '.join(self.events)}",
            ),
            (size is None or self.min_size <= size, f"{size} bytes are below {self.min_size}"),
            (size is None or most is None or size <= most, f"{size} bytes are above {most}"),
        )
        for holds, sentence in conditions:
            if not holds:
                return sentence
        if self.content_type and not self._wants_type(upload):
            return f"the content type is none of {', '.join(self.content_type)}"
        return ""

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
class Mark:
    """A visible watermark as a stage of a rule.

    With `image`, a key in the upload's bucket, `rule` is what follows the address in the stage:
    empty, or parameters that start with a slash. Without, `rule` is the whole stage.
    """

    rule: str
    image: str = ""


@dataclass(frozen=True)
class Output:
    """One result: CI rule text, the template of its `fileid`, and the target bucket if another.

    `rule` is the part that is the same for every upload. `shared.variants` completes it: one of
    the formats `auto` is chosen, then `mark` and `blind_text` are put on.
    """

    name: str
    rule: str
    fileid: Template
    bucket: str | None = None
    auto: tuple[str, ...] = ()
    mark: Mark | None = None
    blind_text: Template | None = None


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
    audit: Audit | None = None

    @property
    def needs_etag(self) -> bool:
        templates = [self.record]
        for output in self.outputs:
            templates += [output.fileid, output.blind_text or output.fileid]
        return any("etag" in template.fields for template in templates)

    def values(self, upload: Upload, output: str, etag: str, format: str = "") -> dict[str, str]:
        """What placeholders stand for; `format` is the one chosen for the output."""
        return placeholder_values(
            upload,
            prefix=self.when.prefix,
            pipeline=self.name,
            output=output,
            etag=etag,
            format=format,
        )


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

    def only(self, names: Iterable[str]) -> Pipelines:
        """Those with these names."""
        wanted = frozenset(names)
        return Pipelines(tuple(entry for entry in self.entries if entry.name in wanted))


def waits_for(pipelines: Iterable[Pipeline], passed: Collection[str]) -> list[str]:
    """The gates among the pipelines that want an upload which are not in `passed`: while there is
    one, audits alone may have the upload."""
    return [
        each.name
        for each in pipelines
        if each.audit is not None and each.audit.gate and each.name not in passed
    ]


def by_function(pipelines: Iterable[Pipeline]) -> dict[str, list[str]]:
    """The names of pipelines by the function that does their work: one invocation for each."""
    found: dict[str, list[str]] = {}
    for pipeline in pipelines:
        found.setdefault(pipeline.function, []).append(pipeline.name)
    return found


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
    return Pipeline(
        **{
            **entry,
            "when": When(**when),
            "outputs": tuple(map(_restore_output, entry["outputs"])),
            "record": Template(**entry["record"]),
            "audit": entry["audit"] and _restore_audit(entry["audit"]),
        }
    )


def _restore_audit(entry: dict[str, Any]) -> Audit:
    # Most functions have no audits, and need none of what they are made of.
    from shared.audits import Audit

    return Audit.restored(entry)


def _restore_output(entry: dict[str, Any]) -> Output:
    mark, blind_text = entry["mark"], entry["blind_text"]
    return Output(
        **{
            **entry,
            "fileid": Template(**entry["fileid"]),
            "auto": tuple(entry["auto"]),
            "mark": mark and Mark(**mark),
            "blind_text": blind_text and Template(**blind_text),
        }
    )
