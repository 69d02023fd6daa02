"""`pipelines.yml` -> pipelines: read whole, checked whole, every problem with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from shared import audit_file, located, loops, outputs_file, watermarks_file
from shared.audits import FUNCTION as AUDIT
from shared.located import Node
from shared.outputs_file import BUCKET, NAME, Context, checked, checked_fileid
from shared.pipelines import DEFAULT_EVENTS, DISPATCH, Mark, Output, Pipeline, Pipelines, When
from shared.templates import PLACEHOLDERS, Template

EVENTS = tuple(
    f"cos:ObjectCreated:{kind}"
    for kind in ("*", "Put", "Post", "Copy", "Append", "CompleteMultipartUpload",
                 "Origin", "Replication")
)  # fmt: skip
_FUNCTION = re.compile(r"[A-Za-z](?:[A-Za-z0-9_-]{0,58}[A-Za-z0-9])?")
MAX_PIPELINES = 100
_OF_OUTPUTS = ("width", "format")  # placeholders that a record has no value for
_SIZE = re.compile(r"(\d+)\s*(B|KB|MB|GB)?", re.IGNORECASE)
_UNITS = {"": 1, "b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}


def read(path: Path) -> Pipelines:
    """Raises `ConfigError` with every problem as `file:line: sentence`."""
    found: list[Pipeline] = []
    located.read(path, lambda root: found.extend(_build(root)))
    return Pipelines(tuple(found))


@dataclass
class _Lines:
    """Where each key template stands, for the checks that look at several at once."""

    outputs: dict[tuple[str, str], Node] = field(default_factory=dict)


def _build(root: Node) -> list[Pipeline]:
    top = root.mapping(("version", "watermarks", "pipelines"))
    if "version" in top and top["version"].text() != "1":
        top["version"].refuse("1 is the only version there is")
    if "pipelines" not in top:
        root.problems.add(root.line, "pipelines is missing: a mapping of names is expected")
        return []
    entries = top["pipelines"].mapping()
    if len(entries) > MAX_PIPELINES:
        top["pipelines"].problems.add(
            top["pipelines"].line, f"{len(entries)} pipelines: allowed are {MAX_PIPELINES}"
        )
        return []
    lines = _Lines()
    marks = watermarks_file.read(top["watermarks"]) if "watermarks" in top else {}
    pipelines = [_pipeline(name, node, lines, marks) for name, node in entries.items()]
    for loop in loops.find(pipelines):
        lines.outputs[loop.pipeline, loop.output].problems.add(
            lines.outputs[loop.pipeline, loop.output].line, loop.sentence
        )
    return pipelines


_FIELDS = (
    "description", "function", "when", "outputs", "record", "tags", "is_pic_info",
    "advanced_compression", "audit",
)  # fmt: skip


def _pipeline(name: str, node: Node, lines: _Lines, marks: Mapping[str, Mark | None]) -> Pipeline:
    if not NAME.fullmatch(name):
        node.problems.add(node.line, f"{name!r} is no pipeline name: letters, digits, - and _")
    fields = node.mapping(_FIELDS)
    is_audit = "audit" in fields
    for required in ("when",) if is_audit else ("when", "outputs"):
        if required not in fields:
            node.problems.add(node.line, f"{node.path}.{required} is missing")
    default = AUDIT if is_audit else "image"
    function = fields["function"].text() if "function" in fields else default
    if is_audit and function != AUDIT:
        fields["function"].refuse(f"audits are the work of {AUDIT}")
    elif function == AUDIT and not is_audit:
        node.problems.add(node.line, f"{node.path}.audit is missing: a mapping is expected")
    elif function == DISPATCH:
        fields["function"].refuse("it hands uploads on to functions that do the work")
    elif not _FUNCTION.fullmatch(function):
        fields["function"].refuse("the key of a function in serverless.yml is expected")
    advanced = "advanced_compression" in fields and fields["advanced_compression"].flag()
    outputs: list[Output] = []
    for field_name in ("outputs", "advanced_compression", "is_pic_info") if is_audit else ():
        if field_name in fields:
            fields[field_name].refuse(
                "an audit makes no outputs: a pipeline of its own is expected"
            )
    if is_audit:
        lines.outputs[name, "quarantine"] = lines.outputs[name, "manifest"] = fields["audit"]
    elif "outputs" in fields:
        for output, fileid in outputs_file.read(fields["outputs"], Context(marks, advanced)):
            lines.outputs[name, output.name] = fileid
            outputs.append(output)
    return Pipeline(
        name=name,
        when=_when(fields["when"]) if "when" in fields else When(),
        outputs=tuple(outputs),
        record=_record(name, node, fields.get("record"), lines),
        function=function,
        description=fields["description"].text() if "description" in fields else "",
        tags=fields["tags"].flag() if "tags" in fields else not is_audit,
        is_pic_info=fields["is_pic_info"].flag() if "is_pic_info" in fields else True,
        audit=audit_file.read(fields["audit"]) if is_audit else None,
    )


def _record(name: str, pipeline: Node, node: Node | None, lines: _Lines) -> Template:
    default = Template(f"/records/{name}/{{key}}.json")
    lines.outputs[name, "record"] = node or pipeline
    if node is None:
        return default
    known = [placeholder for placeholder in PLACEHOLDERS if placeholder not in _OF_OUTPUTS]
    return checked_fileid(node, known) or default


_WHEN = ("prefix", "suffix", "content_type", "bucket", "events", "size")


def _when(node: Node) -> When:
    fields = node.mapping(_WHEN)
    if not fields:
        node.problems.add(node.line, f"{node.path} is empty: allowed are {', '.join(_WHEN)}")
    low, high = _size_range(fields["size"]) if "size" in fields else (0, None)
    prefix = fields["prefix"].text() if "prefix" in fields else ""
    if prefix.startswith("/"):
        fields["prefix"].refuse("keys have no leading slash")
    return When(
        prefix=prefix,
        suffix=tuple(text.lower() for text in _texts(fields, "suffix")),
        content_type=tuple(text.lower() for text in _texts(fields, "content_type")),
        bucket=checked(fields, "bucket", BUCKET, "a bucket name-appid is expected"),
        events=_events(fields["events"]) if "events" in fields else DEFAULT_EVENTS,
        min_size=low,
        max_size=high,
    )


def _texts(fields: dict[str, Node], name: str) -> tuple[str, ...]:
    return fields[name].texts() if name in fields else ()


def _events(node: Node) -> tuple[str, ...]:
    for item in node.items():
        if item.text() not in EVENTS:
            item.refuse(f"allowed are {', '.join(EVENTS)}")
    return node.texts()


def _size_range(node: Node) -> tuple[int, int | None]:
    fields = node.mapping(("min", "max"))
    low = _bytes(fields["min"]) if "min" in fields else 0
    high = _bytes(fields["max"]) if "max" in fields else None
    if high is not None and low > high:
        node.problems.add(node.line, f"{node.path}.min is above max: no upload can match")
    return low, high


def _bytes(node: Node) -> int:
    found = _SIZE.fullmatch(node.text())
    if not found:
        node.refuse("a size such as 500KB, 32MB or a number of bytes is expected")
        return 0
    return int(found[1]) * _UNITS[(found[2] or "").lower()]
