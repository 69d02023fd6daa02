"""`pipelines.yml` -> pipelines: read whole, checked whole, every problem with its line."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from shared import located, loops, rules
from shared.located import Node
from shared.pic_operations import PicOperationsError, check_fileid
from shared.pipelines import DEFAULT_EVENTS, Output, Pipeline, Pipelines, When
from shared.templates import Template, TemplateError

EVENTS = tuple(
    f"cos:ObjectCreated:{kind}"
    for kind in ("*", "Put", "Post", "Copy", "Append", "CompleteMultipartUpload",
                 "Origin", "Replication")
)  # fmt: skip
FUNCTIONS = ("image",)
MAX_PIPELINES = 100
MAX_OUTPUTS = 50
MAX_RULE_BYTES = 4096
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?-\d{5,20}")
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
    top = root.mapping(("version", "pipelines"))
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
    pipelines = [_pipeline(name, node, lines) for name, node in entries.items()]
    for loop in loops.find(pipelines):
        lines.outputs[loop.pipeline, loop.output].problems.add(
            lines.outputs[loop.pipeline, loop.output].line, loop.sentence
        )
    return pipelines


_FIELDS = ("description", "function", "when", "outputs", "record", "tags", "is_pic_info")


def _pipeline(name: str, node: Node, lines: _Lines) -> Pipeline:
    if not _NAME.fullmatch(name):
        node.problems.add(node.line, f"{name!r} is no pipeline name: letters, digits, - and _")
    fields = node.mapping(_FIELDS)
    for required in ("when", "outputs"):
        if required not in fields:
            node.problems.add(node.line, f"{node.path}.{required} is missing")
    function = fields["function"].text() if "function" in fields else "image"
    if function not in FUNCTIONS:
        fields["function"].refuse(f"allowed are {', '.join(FUNCTIONS)}")
    outputs = _outputs(name, fields["outputs"], lines) if "outputs" in fields else ()
    return Pipeline(
        name=name,
        when=_when(fields["when"]) if "when" in fields else When(),
        outputs=outputs,
        record=_record(name, node, fields.get("record"), lines),
        function=function,
        description=fields["description"].text() if "description" in fields else "",
        tags=fields["tags"].flag() if "tags" in fields else True,
        is_pic_info=fields["is_pic_info"].flag() if "is_pic_info" in fields else True,
    )


def _record(name: str, pipeline: Node, node: Node | None, lines: _Lines) -> Template:
    default = Template(f"/records/{name}/{{key}}.json")
    lines.outputs[name, "record"] = node or pipeline
    if node is None:
        return default
    template = _fileid(node)
    return template if template else default


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
        bucket=_checked(fields, "bucket", _BUCKET, "a bucket name-appid is expected"),
        events=_events(fields["events"]) if "events" in fields else DEFAULT_EVENTS,
        min_size=low,
        max_size=high,
    )


def _texts(fields: dict[str, Node], name: str) -> tuple[str, ...]:
    return fields[name].texts() if name in fields else ()


def _checked(
    fields: dict[str, Node], name: str, pattern: re.Pattern[str], allowed: str
) -> tuple[str, ...]:
    if name not in fields:
        return ()
    for item in fields[name].items():
        if not pattern.fullmatch(item.text()):
            item.refuse(allowed)
    return fields[name].texts()


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


def _outputs(pipeline: str, node: Node, lines: _Lines) -> tuple[Output, ...]:
    entries = node.mapping()
    if not entries or len(entries) > MAX_OUTPUTS:
        node.problems.add(
            node.line, f"{node.path} has {len(entries)} outputs: allowed are 1 to {MAX_OUTPUTS}"
        )
    outputs: list[Output] = []
    taken: dict[tuple[str | None, str], str] = {}
    for name, entry in entries.items():
        output = _output(pipeline, name, entry, lines)
        if output is None:
            continue
        place = (output.bucket, output.fileid.text.replace("{output}", name))
        if place in taken:
            entry.problems.add(
                entry.line,
                f"{entry.path}.fileid is that of {taken[place]}: one would overwrite the other",
            )
        taken[place] = name
        outputs.append(output)
    return tuple(outputs)


def _output(pipeline: str, name: str, node: Node, lines: _Lines) -> Output | None:
    if not _NAME.fullmatch(name) or name == "record":
        node.problems.add(node.line, f"{name!r} is no output name: letters, digits, - and _")
    fields = node.mapping(("rule", "fileid", "bucket"))
    missing = [required for required in ("rule", "fileid") if required not in fields]
    for required in missing:
        node.problems.add(node.line, f"{node.path}.{required} is missing")
    if missing:
        return None
    lines.outputs[pipeline, name] = fields["fileid"]
    rule = _rule(fields["rule"])
    fileid = _fileid(fields["fileid"])
    bucket = _checked(fields, "bucket", _BUCKET, "a bucket name-appid is expected")
    if fileid is None or rule is None:
        return None
    return Output(name, rule, fileid, bucket[0] if bucket else None)


def _rule(node: Node) -> str | None:
    text = node.text()
    try:
        if len(text.encode()) > MAX_RULE_BYTES:
            node.problems.add(node.line, f"{node.path} is over {MAX_RULE_BYTES} bytes")
            return None
        if rules.parse(text).is_info:
            node.refuse("it only reads information, a rule that makes an image is expected")
            return None
    except rules.RuleError as error:
        # What CI knows and the grammar does not yet is CI's to judge.
        if error.reason == "invalid":
            node.problems.add(node.line, f"{node.path}: {error}")
            return None
    return text


def _fileid(node: Node) -> Template | None:
    text = node.text()
    try:
        check_fileid(text, node.path)
        return Template.parse(text)
    except PicOperationsError as error:
        node.problems.add(node.line, error.message)
    except TemplateError as error:
        node.problems.add(node.line, f"{node.path}: {error}")
    return None
