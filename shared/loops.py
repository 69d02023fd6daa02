"""Loops: an output that lands where a pipeline picks it up again, for ever and at a price.

Decided from the text of the templates, so it errs on the side of refusing: an output is fine only
if its prefix, its suffix or its bucket cannot match.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.templates import Template

if TYPE_CHECKING:
    from shared.pipelines import Pipeline, When

# Placeholders that begin with the folder of the source, and so with the pipeline's prefix.
_FROM_FOLDER = ("key", "dir")
# Placeholders that end as the source's key ends.
_FROM_SUFFIX = ("key", "name", "ext")
# What a pipeline writes besides its outputs.
_OTHERS = {
    "record": "the record", "quarantine": "the quarantine", "manifest": "the quarantine's manifest",
}  # fmt: skip


@dataclass(frozen=True)
class Loop:
    """`output` of `pipeline` (or `record`, its record) would trigger a pipeline."""

    pipeline: str
    output: str
    sentence: str


def find(pipelines: Sequence[Pipeline]) -> Iterator[Loop]:
    """Every output and record that leads back to its own pipeline, at once or through others."""
    edges = [
        (source, name, template, target)
        for source in pipelines
        for name, template, bucket in _places(source)
        for target in pipelines
        if _reaches(source, template, bucket, target, name)
    ]
    following: dict[str, set[str]] = {pipeline.name: set() for pipeline in pipelines}
    for source, _, _, target in edges:
        following[source.name].add(target.name)
    reported = set()
    for source, name, template, target in edges:
        if source.name in _reachable(target.name, following) and (source, name) not in reported:
            reported.add((source, name))
            yield Loop(source.name, name, _sentence(source, name, template, target))


def is_own_output(pipeline: Pipeline, bucket: str, key: str) -> bool:
    """Whether `pipeline` itself could have written `key`.

    `find` refuses files in which that happens; another file, of another stage or of last week, may
    still send a pipeline what its namesake wrote.
    """
    return any(
        (target is None or target == bucket) and _could_make(template, key)
        for _, template, target in _places(pipeline)
    )


def _could_make(template: Template, key: str) -> bool:
    if not template.text.startswith("/"):
        return False  # beside the upload: `find` told it from its name
    parts = re.split(r"\{[^{}]*\}", template.text[1:])
    return re.fullmatch(".+".join(map(re.escape, parts)), key, re.DOTALL) is not None


def _places(pipeline: Pipeline) -> list[tuple[str, Template, str | None]]:
    outputs = [
        (output.name, output.fileid.fill({"ext": format, "format": format}), output.bucket)
        if format
        else (output.name, output.fileid, output.bucket)
        for output in pipeline.outputs
        for format in output.auto or ("",)
    ]
    places = [*outputs, ("record", pipeline.record, None)]
    if audit := pipeline.audit:
        away = audit.quarantine
        for name, file in (("quarantine", "content"), ("manifest", "manifest.json")):
            template = Template(f"/{away.prefix}{{etag}}/{file}")
            places.append((name, template, away.bucket or None))
    return places


def _reachable(start: str, following: dict[str, set[str]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        fresh = following[waiting.pop()] - seen
        seen |= fresh
        waiting.extend(fresh)
    return seen


def _reaches(
    source: Pipeline, template: Template, bucket: str | None, target: Pipeline, name: str
) -> bool:
    return (
        _bucket_matches(source.when, bucket, target.when)
        and _overlap(_possible_prefix(source.when, template), target.when.prefix)
        and _suffix_matches(source.when, template, target.when)
        and (name not in ("record", "manifest") or _takes_json(target.when))
        and _takes(target.when, "Copy" if name == "quarantine" else "Put")
    )


def _bucket_matches(source: When, bucket: str | None, target: When) -> bool:
    if bucket is not None:
        # Another bucket loops only where a pipeline is said to watch it.
        return bucket in target.bucket or bucket in source.bucket
    return not target.bucket or not source.bucket or bool(set(source.bucket) & set(target.bucket))


def _possible_prefix(source: When, template: Template) -> str:
    """What every key made from `template` starts with, as far as it is known."""
    head = template.head
    if head.startswith("/"):
        head = head[1:]
        first = template.fields[0] if template.fields else ""
        return source.prefix if not head and first in _FROM_FOLDER else head
    # A relative fileid lies in the folder of the source.
    folder, slash, _ = source.prefix.rpartition("/")
    return folder + slash


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _suffix_matches(source: When, template: Template, target: When) -> bool:
    if not target.suffix:
        return True
    tail = template.tail.lower()
    if template.fields and not tail:
        if template.fields[-1] not in _FROM_SUFFIX or not source.suffix:
            return True
        endings = source.suffix
    else:
        endings = (tail,)
    return any(
        ending.endswith(suffix) or (bool(template.fields) and suffix.endswith(ending))
        for ending in endings
        for suffix in target.suffix
    )


def _takes_json(target: When) -> bool:
    patterns = target.content_type
    return not patterns or any(p in ("*", "*/*") or p.startswith("application/") for p in patterns)


def _takes(target: When, kind: str) -> bool:
    # Results of persistent processing arrive as puts.
    return any(name.endswith((":*", f":{kind}")) for name in target.events)


def _sentence(source: Pipeline, name: str, template: Template, target: Pipeline) -> str:
    what = _OTHERS.get(name, f"the output {name}")
    return (
        f"pipelines.{source.name}: {what} ({template.text}) would trigger the pipeline "
        f"{target.name} and so {source.name} again, a loop: write it outside of "
        f"{target.when.prefix!r} or to a name that its suffixes do not match"
    )
