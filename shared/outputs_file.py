"""`outputs` of `pipelines.yml` -> outputs: each entry is checked and becomes one or several."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from shared import blind_text, formats, rules
from shared.located import Node
from shared.pic_operations import PicOperationsError, check_fileid
from shared.pipelines import Mark, Output
from shared.templates import PLACEHOLDERS, Template, TemplateError
from shared.variants import appended, complete, with_format

MAX_OUTPUTS = 50
MAX_RULE_BYTES = 4096
MAX_SIDE = 9999  # CI makes no longer side
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
BUCKET = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?-\d{5,20}")
_STEPS = ("rule", "widths", "format", "formats", "watermark", "blind_watermark")
_UPRIGHT = "imageMogr2/auto-orient"
# The bucket and the text of some upload: rules are checked with them.
_EXAMPLE = ("examplebucket-1250000000", "ap-guangzhou")


@dataclass(frozen=True)
class Context:
    """What the rest of the file says: the marks by name, and whether CI may be asked for AVIF."""

    marks: Mapping[str, Mark | None]
    advanced: bool


def read(node: Node, context: Context) -> Iterator[tuple[Output, Node]]:
    """The outputs of a pipeline, each with the node of its `fileid`."""
    entries = node.mapping()
    found = [item for name, entry in entries.items() for item in _expand(name, entry, context)]
    if not entries or len(found) > MAX_OUTPUTS:
        count = max(len(entries), len(found))
        node.problems.add(
            node.line, f"{node.path} has {count} outputs: allowed are 1 to {MAX_OUTPUTS}"
        )
        return
    names: set[str] = set()
    taken: dict[tuple[str | None, str], tuple[str, Node]] = {}
    for output, fileid in found:
        if output.name in names:
            fileid.problems.add(fileid.line, f"{node.path} has two outputs {output.name}")
        names.add(output.name)
        for place in _places(output):
            other, its = taken.setdefault(place, (output.name, fileid))
            if other != output.name:
                remedy = ": write {width}, {ext} or {output} in it" if its is fileid else ""
                fileid.problems.add(
                    fileid.line,
                    f"{fileid.path} of {output.name} is that of {other}: one would overwrite the "
                    f"other{remedy}",
                )
                break
        yield output, fileid


def _places(output: Output) -> set[tuple[str | None, str]]:
    fileid = output.fileid.fill({"output": output.name})
    options = output.auto or ("",)
    return {(output.bucket, fileid.fill(_format_values(name)).text) for name in options}


def _format_values(name: str) -> dict[str, str]:
    return {"ext": name, "format": name} if name else {}


def _expand(name: str, node: Node, context: Context) -> list[tuple[Output, Node]]:
    """One entry -> an output for each width and format."""
    if not NAME.fullmatch(name) or name == "record":
        node.problems.add(node.line, f"{name!r} is no output name: letters, digits, - and _")
    fields = node.mapping((*_STEPS, "fileid", "bucket"))
    if not any(step in fields for step in _STEPS):
        others = ", ".join(_STEPS[1:])
        node.problems.add(node.line, f"{node.path}.rule is missing: it, or one of {others}")
    if "fileid" not in fields:
        node.problems.add(node.line, f"{node.path}.fileid is missing")
    if "format" in fields and "formats" in fields:
        node.problems.add(node.line, f"{node.path} has format and formats: one of them is expected")
    fileid = _fileid(fields) if "fileid" in fields else None
    bucket = checked(fields, "bucket", BUCKET, "a bucket name-appid is expected")
    rule = _own_rule(fields["rule"]) if "rule" in fields else _UPRIGHT
    widths = _widths(fields["widths"]) if "widths" in fields else [0]
    single = _format(fields["format"], formats.FORMATS, formats.AUTO) if "format" in fields else ""
    several = _formats(fields["formats"]) if "formats" in fields else [single]
    output = Output(
        name,
        rule or "",
        fileid or Template(""),
        bucket[0] if bucket else None,
        mark=_mark(fields["watermark"], context) if "watermark" in fields else None,
        blind_text=_blind_text(fields["blind_watermark"]) if "blind_watermark" in fields else None,
    )
    if fileid is None or rule is None or not any(step in fields for step in _STEPS):
        return []
    if len(widths) * len(several) > MAX_OUTPUTS:
        node.problems.add(
            node.line,
            f"{node.path} makes {len(widths) * len(several)} outputs: allowed are {MAX_OUTPUTS}",
        )
        return []
    expanded = [
        _one(output, width, format, context, is_listed="formats" in fields)
        for width, format in product(widths, several)
    ]
    at = fields.get("rule", node)
    return [(made, fields["fileid"]) for made in expanded if _is_right(made, at, fields)]


def _one(output: Output, width: int, format: str, context: Context, *, is_listed: bool) -> Output:
    """The output for one width (0: none) and one format (empty: the source's)."""
    name, rule, fileid = output.name, output.rule, output.fileid
    if width:
        name += f"-{width}"
        # Only the form that names both sides never enlarges (CI manual 004:1269).
        rule = appended(rule, f"thumbnail/{width}x{MAX_SIDE}>")
        fileid = fileid.fill({"width": str(width)})
    auto = formats.candidates(advanced=context.advanced) if format == formats.AUTO else ()
    if format and not auto:
        name += f"-{format}" if is_listed else ""
        rule = with_format(rule, format)
        fileid = fileid.fill(_format_values(format))
    return replace(output, name=name, rule=rule, fileid=fileid, auto=auto)


def _is_right(output: Output, node: Node, fields: Mapping[str, Node]) -> bool:
    """Whether the whole rule is one that CI takes, whatever format is chosen."""
    if set(fields) & set(_STEPS) == {"rule"}:
        return True  # checked as it was written
    for format in output.auto or ("",):
        text = complete(output, *_EXAMPLE, format, "text")
        if problem := _rule_problem(text):
            node.problems.add(node.line, f"{node.path}: the whole rule is {text!r}: {problem}")
            return False
    return True


def _own_rule(node: Node) -> str | None:
    text = node.text()
    if text and (problem := _rule_problem(text)):
        node.problems.add(node.line, f"{node.path}: {problem}")
        return None
    if not text:
        node.refuse("a rule such as imageMogr2/thumbnail/640x is expected")
        return None
    return text


def _rule_problem(text: str) -> str:
    """Why CI would refuse the rule, empty if it would not."""
    if len(text.encode()) > MAX_RULE_BYTES:
        return f"{len(text.encode())} bytes: allowed are {MAX_RULE_BYTES}"
    try:
        if rules.parse(text).is_info:
            return f"{text!r} only reads information, a rule that makes an image is expected"
    except rules.RuleError as error:
        return str(error)
    return ""


def _widths(node: Node) -> list[int]:
    found: list[int] = []
    for item in node.items():
        text = item.text()
        if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MAX_SIDE):
            item.refuse(f"a width from 1 to {MAX_SIDE} px is expected")
        elif int(text) in found:
            item.refuse("it stands twice")
        else:
            found.append(int(text))
    if not found:
        node.problems.add(node.line, f"{node.path} has no width: [320, 640] is an example")
    return found


def _formats(node: Node) -> list[str]:
    found: list[str] = []
    for item in node.items():
        name = _format(item, formats.FORMATS)
        if name in found:
            item.refuse("it stands twice")
        elif name:
            found.append(name)
    if not found:
        node.problems.add(node.line, f"{node.path} has no format: [webp, jpg] is an example")
    return found


def _format(node: Node, *allowed: str | tuple[str, ...]) -> str:
    words = [word for each in allowed for word in ((each,) if isinstance(each, str) else each)]
    if node.text() not in words:
        node.refuse(f"allowed are {', '.join(words)}")
        return ""
    return node.text()


def _mark(node: Node, context: Context) -> Mark | None:
    name = node.text()
    if name not in context.marks:
        known = ", ".join(context.marks) or "none: the file has no section watermarks"
        node.refuse(f"known are {known}")
        return None
    return context.marks[name]


def _blind_text(node: Node) -> Template | None:
    fields = node.mapping(("text",))
    if "text" not in fields:
        node.problems.add(node.line, f"{node.path}.text is missing")
        return None
    text = fields["text"].text()
    try:
        template = blind_text.parse(text)
    except TemplateError as error:
        node.problems.add(fields["text"].line, f"{fields['text'].path}: {error}")
        return None
    if not template.fields and not 0 < len(blind_text.reduced(text)) <= blind_text.MAX_LENGTH:
        fields["text"].refuse(
            f"1 to {blind_text.MAX_LENGTH} digits and English letters are expected"
        )
        return None
    return template


def _fileid(fields: Mapping[str, Node]) -> Template | None:
    known = [
        name
        for name in PLACEHOLDERS
        if (name != "width" or "widths" in fields)
        and (name != "format" or {"format", "formats"} & set(fields))
    ]
    return checked_fileid(fields["fileid"], known)


def checked_fileid(node: Node, known: list[str]) -> Template | None:
    """A checked `fileid` with the placeholders that are `known` there; None after a problem."""
    text = node.text()
    try:
        check_fileid(text, node.path)
        return Template.parse(text, known)
    except PicOperationsError as error:
        node.problems.add(node.line, error.message)
    except TemplateError as error:
        node.problems.add(node.line, f"{node.path}: {error}")
    return None


def checked(
    fields: Mapping[str, Node], name: str, pattern: re.Pattern[str], allowed: str
) -> tuple[str, ...]:
    """The texts of a field that may be absent; what does not fit `pattern` is reported."""
    if name not in fields:
        return ()
    for item in fields[name].items():
        if not pattern.fullmatch(item.text()):
            item.refuse(allowed)
    return fields[name].texts()
