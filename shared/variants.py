"""What the outputs of a pipeline come to for one upload: their keys and their complete rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from shared import blind_text, formats
from shared.events import Upload
from shared.pipelines import Mark, Output, Pipeline
from shared.templates import stored_key


@dataclass(frozen=True)
class Variant:
    """One result to ask CI for: `rule` applied to the upload, stored at `key` of `bucket`."""

    name: str
    bucket: str
    key: str
    rule: str


def plan(pipeline: Pipeline, upload: Upload, etag: str = "") -> list[Variant]:
    """The variants of one upload in the file's order. Raises `CloudError` InvalidBlindWatermark."""
    found = []
    for output in pipeline.outputs:
        format = formats.choose(upload, output.auto) if output.auto else ""
        values = pipeline.values(upload, output.name, etag, format)
        found.append(
            Variant(
                output.name,
                output.bucket or upload.bucket,
                stored_key(output.fileid, upload, values),
                _rule(output, upload, values, format),
            )
        )
    return found


def _rule(output: Output, upload: Upload, values: Mapping[str, str], format: str) -> str:
    text = ""
    if template := output.blind_text:
        text = template.render({**values, **blind_text.values(template, upload)})
    return complete(output, upload.bucket, upload.region, format, text)


def complete(output: Output, bucket: str, region: str, format: str, hidden: str) -> str:
    """The rule of `output` with what the upload decides: `hidden` is the blind watermark's text."""
    rule = with_format(output.rule, format)
    if output.mark:
        rule += f"|{_mark(output.mark, bucket, region)}"
    if output.blind_text:
        rule += f"|{blind_text.stage(hidden)}"
    return rule.removeprefix("|")


def with_format(rule: str, format: str) -> str:
    """`rule` with the result's format, in its last imageMogr2 segment or one of its own."""
    return appended(rule, f"format/{format}") if format else rule


def appended(rule: str, operation: str) -> str:
    """`rule` with one more operation of imageMogr2."""
    last = rule.rpartition("|")[2]
    if last.startswith("imageMogr2/"):
        return f"{rule}/{operation}"
    return f"{rule}|imageMogr2/{operation}".removeprefix("|")


def _mark(mark: Mark, bucket: str, region: str) -> str:
    if not mark.image:
        return mark.rule
    # CI takes plain http:// and nothing else (CI manual 004:3745).
    address = f"http://{bucket}.cos.{region}.myqcloud.com/{quote(mark.image, safe='/-_.~')}"
    return f"watermark/1/image/{blind_text.base64_word(address)}{mark.rule}"
