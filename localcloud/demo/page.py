"""The results as one HTML page that needs nothing but itself: no network, no script."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from html import escape
from importlib import resources

from localcloud.demo.result import Output, Result
from shared.verdicts import PASS

# First bytes -> media type; what cannot be recognised is not embedded.
_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)
# The page can load nothing, even if a name in it were to slip through the escaping.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def media_type(data: bytes) -> str:
    """The picture's media type by its first bytes, empty if it is none.

    >>> media_type(b"GIF89a"), media_type(b"some text")
    ('image/gif', '')
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for start, kind in _SIGNATURES if data.startswith(start)), "")


def render(results: Sequence[Result]) -> str:
    """The whole document. Every text from outside is escaped, every picture a `data:` URI."""
    style = resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    variants = sum(len(result.outputs) for result in results)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>localcloud demo</title>
<style>
{style}</style>
</head>
<body>
<h1>{_count(len(results), "upload")}, {_count(variants, "variant")}</h1>
<p class="lead">Each file was uploaded to a local bucket. The upload triggered the function, which
asked the local Cloud Infinite for the variants of its pipeline and wrote the record beside
them.</p>
{"".join(_article(result) for result in results)}</body>
</html>
"""


def _article(result: Result) -> str:
    facts = [f"pipeline {result.pipeline}"]
    if result.milliseconds is not None:
        facts.append(f"{result.milliseconds} ms")
    figures = [_original(result), *(_variant(result, output) for output in result.outputs)]
    return f"""<article>
<header class="upload"><h2>{escape(result.sample.key)}</h2>
<span class="outcome {_tone(result)}">{escape(result.outcome)}</span></header>
<p class="facts">{escape(", ".join(facts))}</p>
<div class="pictures">
{"".join(figures)}{_refusal(result)}</div>
{_record(result)}</article>
"""


def _tone(result: Result) -> str:
    if result.surprise:
        return "wrong"
    return "done" if result.outcome in ("done", PASS) else "refused"


def _original(result: Result) -> str:
    data = result.sample.path.read_bytes()
    details = _size(len(data))
    original = (result.record or {}).get("original")
    if original:
        details = f"{original['format']}, {original['width']} x {original['height']}, {details}"
        if original.get("orientation") not in (None, 0, 1):
            details += f", EXIF orientation {original['orientation']}"
    caption = f"<strong>original</strong><code>{escape(result.sample.key)}</code>{escape(details)}"
    return _figure(data, f"original of {result.sample.key}", caption)


def _variant(result: Result, output: Output) -> str:
    facts = output.facts
    details = f"{facts['format']}, {output.dimensions}, {_size(len(output.data))}"
    caption = (
        f"<strong>{escape(str(facts['name']))}</strong>"
        f"<code>{escape(output.key)}</code>{escape(details)}"
        f'<code class="rule">{escape(str(facts["rule"]))}</code>'
    )
    return _figure(output.data, f"{facts['name']} of {result.sample.key}", caption)


def _figure(data: bytes, alt: str, caption: str) -> str:
    kind = media_type(data)
    if kind:
        source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
        frame = f'<div class="frame"><img alt="{escape(alt)}" src="{source}"></div>'
    else:
        frame = '<div class="frame empty">not a picture</div>'
    return f"<figure>{frame}<figcaption>{caption}</figcaption></figure>\n"


def _refusal(result: Result) -> str:
    if said := result.held or (result.verdict and str((result.record or {})["reason"])):
        return f'<div class="refusal"><p>{escape(said)}</p></div>\n'
    if result.record is None:
        return '<div class="refusal"><p>No record arrived before the deadline.</p></div>\n'
    if not result.error:
        return ""
    error = result.error
    sentences = "".join(
        f"<p>{escape(str(error[field]))}</p>" for field in ("message", "advice") if error.get(field)
    )
    code = escape(str(error["code"]))
    return f'<div class="refusal"><code>{code}</code>{sentences}</div>\n'


def _record(result: Result) -> str:
    if result.record is None:
        return ""
    text = json.dumps(result.record, indent=2, ensure_ascii=False)
    return (
        f"<details><summary>Record <code>{escape(result.record_key)}</code></summary>"
        f"<pre>{escape(text)}</pre></details>\n"
    )


def _size(count: int) -> str:
    return f"{count:,} bytes"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
