"""Which pipelines CI's batch jobs can do, and the operation of each of their outputs.

A batch applies one rule and names its results by `${...}` (CI manual 004:28795). What it cannot say
is refused with the reason, never done differently.
"""

from __future__ import annotations

from typing import Any

from shared.backfills import Plan
from shared.pipelines import Output, Pipeline
from shared.templates import Template
from shared.variants import complete

_PLAIN = {"name": "${InputNameAndExt}", "stem": "${InputName}"}
_FOLDERS = {"dir": "${InputPath}", "key": "${InputPath}/${InputNameAndExt}"}
_WHY = {
    "ext": "it is the upload's own extension, ${Ext} that of the result; give the output a format",
    "subdir": "a batch knows ${InputPath}, the whole folder: use {dir}",
    "etag": "a batch does not know it",
    "version": "a batch does not know it",
    **dict.fromkeys(("date", "year", "month", "day"), "a batch does not know the time of upload"),
}


class UnfitError(ValueError):
    """A pipeline that is no batch job; the message names the output and the reason."""


def operations(pipeline: Pipeline, plan: Plan, region: str) -> dict[str, dict[str, Any]]:
    """The `Operation` of a batch job for each output, by name. Raises `UnfitError`."""
    if pipeline.function != "image":
        raise UnfitError(
            f"{pipeline.name}: its function is {pipeline.function}: a batch makes pictures only"
        )
    return {
        output.name: _operation(pipeline, output, plan, region, first=not number)
        for number, output in enumerate(pipeline.outputs)
    }


def _operation(
    pipeline: Pipeline, output: Output, plan: Plan, region: str, *, first: bool
) -> dict[str, Any]:
    def unfit(reason: str) -> UnfitError:
        return UnfitError(f"{pipeline.name}: output {output.name}: {reason}")

    if len(output.auto) > 1:
        raise unfit("its format is chosen for each object: a batch has one rule")
    format = output.auto[0] if output.auto else ""
    constants = {"pipeline": pipeline.name, "output": output.name, "bucket": plan.bucket}
    hidden = ""
    if output.blind_text:
        known = {**constants, "appid": plan.bucket.rpartition("-")[2]}
        if unknown := [each for each in output.blind_text.fields if each not in known]:
            raise unfit(f"it hides {{{unknown[0]}}}, another text for each object")
        hidden = output.blind_text.render(known)
    settled = output.fileid.fill(
        {**constants, **({"ext": format, "format": format} if format else {})}
    )
    rule = complete(output, plan.bucket, region, format, hidden)
    process = {"IsPicInfo": "true" if first and pipeline.is_pic_info else "false",
               "ProcessRule": rule}  # fmt: skip
    place = {
        "Region": region,
        "Bucket": output.bucket or plan.bucket,
        "Object": _pattern(settled, pipeline, plan, unfit),
    }
    return {"Tag": "PicProcess", "JobParam": {"PicProcess": process}, "Output": place}


def _pattern(template: Template, pipeline: Pipeline, plan: Plan, unfit: Any) -> str:
    text = template.text
    # In the root `${InputPath}` is empty, and what that leaves of `/${InputPath}/` is not told.
    has_folder = "/" in plan.prefix or "/" in pipeline.when.prefix
    names = dict(_PLAIN)
    if has_folder:
        names.update(_FOLDERS)
        if "/" not in pipeline.when.prefix:
            names["subdir"] = "${InputPath}"
    for field in template.fields:
        if field in names:
            continue
        if field in _FOLDERS:
            raise unfit(f"{{{field}}} is empty or short in the root: name a prefix with a folder")
        raise unfit(f"{{{field}}}: {_WHY.get(field, 'a batch does not know it')}")
    if not text.startswith("/"):
        if not has_folder:
            raise unfit("it lies beside the upload, maybe in the root: name a prefix with a folder")
        text = "/{dir}/" + text
        names.update(_FOLDERS)
    return Template(text[1:]).render(names)
