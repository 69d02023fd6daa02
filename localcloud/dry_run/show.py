"""A dry run as text for people and as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from localcloud.dry_run.recorder import Exchange
from localcloud.dry_run.run import DryRun, Woken
from shared.events import Upload

_JSON_HEADER = "Pic-Operations"
_ACTION = "X-TC-Action"


def document(runs: list[DryRun]) -> dict[str, Any]:
    """The same facts for machines; `Pic-Operations` is a document there, not text."""
    return {"uploads": [_run_document(run) for run in runs]}


def text(runs: list[DryRun]) -> str:
    """A paragraph for each upload, then a block for each request in order."""
    return "\n\n".join("\n".join(_lines(run)) for run in runs)


def _lines(run: DryRun) -> Iterator[str]:
    yield f"upload {_shown(run.upload)}"
    for pipeline in run.pipelines:
        verdict = f"does not want it: {pipeline.refusal}" if pipeline.refusal else "wants it"
        if pipeline.gates:
            verdict += f", when {', '.join(pipeline.gates)} has let it pass"
        yield f"pipeline {pipeline.name} ({pipeline.function}) {verdict}"
    if not run.woken:
        yield "no trigger of serverless.yml wakes a function for it: no requests"
    for woken in run.woken:
        if woken.invoker:
            yield ""
        yield f"{_cause(woken)}: {_count(len(woken.requests))}"
        for number, request in enumerate(woken.requests, 1):
            yield ""
            yield from _block(number, request)


def _cause(woken: Woken) -> str:
    if woken.invoker:
        return f"{woken.invoker} invokes {woken.function}"
    return f"trigger {woken.trigger}"


def _block(number: int, request: Exchange) -> Iterator[str]:
    yield f"{number}. {request.method} {request.path}"
    yield f"   Host: {request.host}"
    for name, value in request.headers.items():
        if name == _JSON_HEADER:
            pretty = json.dumps(_parsed(value), indent=2, ensure_ascii=False)
            yield f"   {name}: " + pretty.replace("\n", "\n   ")
        else:
            yield f"   {name}: {_printable(value)}"
    if body := _body(request):
        yield f"   {_printable(' '.join(body.split()))}"


def _shown(upload: Upload) -> str:
    facts = [upload.event_name]
    if upload.size is not None:
        facts.append(f"{upload.size:,} bytes")
    if upload.content_type:
        facts.append(upload.content_type)
    return _printable(f"{upload.bucket}/{upload.key} in {upload.region} ({', '.join(facts)})")


def _count(number: int) -> str:
    return f"{number} request" if number == 1 else f"{number} requests"


def _parsed(header: str) -> Any:
    try:
        return json.loads(header)
    except ValueError:
        return header


def _body(request: Exchange) -> str:
    """An XML body, such as the tags, and what a call of API 3.0 asks for. The record is left out:
    most of it would be made up; so is the event of an invoke: it is the upload's."""
    if _ACTION in request.headers:
        fields = _parsed(request.body.decode("utf-8", "replace"))
        if isinstance(fields, dict):
            fields.pop("ClientContext", None)
            if "FileUrl" in fields:
                # What follows is a signature, and a token.
                fields["FileUrl"] = str(fields["FileUrl"]).partition("?")[0] + "?..."
        return json.dumps(fields, ensure_ascii=False)
    return request.body.decode("utf-8", "replace") if request.body.startswith(b"<") else ""


def _printable(text: str) -> str:
    """Keys come from outside: nothing in them moves the terminal's cursor."""
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def _run_document(run: DryRun) -> dict[str, Any]:
    upload = run.upload
    return {
        "bucket": upload.bucket,
        "region": upload.region,
        "key": upload.key,
        "size": upload.size,
        "content_type": upload.content_type,
        "event_name": upload.event_name,
        "pipelines": [
            {
                "name": pipeline.name,
                "function": pipeline.function,
                "wants": not pipeline.refusal,
                "refusal": pipeline.refusal,
                "gates": list(pipeline.gates),
            }
            for pipeline in run.pipelines
        ],
        "functions": [_woken_document(woken) for woken in run.woken],
    }


def _woken_document(woken: Woken) -> dict[str, Any]:
    return {
        "function": woken.function,
        "trigger": woken.trigger,
        "invoked_by": woken.invoker,
        "problems": woken.problems,
        "requests": [
            {
                "method": request.method,
                "host": request.host,
                "path": request.path,
                "headers": {
                    name: _parsed(value) if name == _JSON_HEADER else value
                    for name, value in request.headers.items()
                },
                "body": _body(request),
            }
            for request in woken.requests
        ],
    }
