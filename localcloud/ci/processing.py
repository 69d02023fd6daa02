"""Processing on download: `GET /<key>?<rule>` (CI manual 004:1407 and each operation's page)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from localcloud.ci import binding, guetzli, jobs, marks, styles
from localcloud.ci.errors import from_rule, refusal
from localcloud.cloud import Cloud
from localcloud.cos import conditions, sse, xml
from localcloud.errors import ServiceError
from localcloud.http import FileSlice, Param, Request, Response
from localcloud.imaging import ImageResult
from localcloud.storage import StoredObject
from shared.rules import Rule, RuleError, parse

_RULE = re.compile(r"(imageMogr2|imageView2|watermark|imageInfo|imageAve|exif|style)(?=[/|]|$)")


def rule_of(request: Request) -> str | None:
    """The processing rule among the query parameters, percent-decoded once, None without one.

    A rule is the name of a parameter with an empty value; it may stand before or after those of a
    signature. Several run one after the other, as if joined with `|`.
    """
    rules = [_text(param) for param in request.query if _RULE.match(param.name)]
    return "|".join(rules) if rules else None


def _text(param: Param) -> str:
    # Base64 padding inside a rule looks like the end of a parameter's name.
    return f"{param.name}={param.value}" if param.value else param.name


async def respond(cloud: Cloud, request: Request, stored: StoredObject, rule: str) -> Response:
    """The result of `rule` on `stored`; nothing is stored.

    The ETag stands for source and rule, so that a conditional request costs no processing.
    Raises ServiceError with CI's number in `X-ErrNo`.
    """
    binding.require(cloud, stored.bucket)
    sse.refuse_customers(stored)
    parsed, text = _parse(cloud, stored.bucket, rule)
    pictures = marks.find(cloud, stored.bucket, [parsed])
    slow_jpeg = guetzli.is_on(cloud, stored.bucket)
    etag, key = _identities(stored, text, pictures, slow_jpeg)
    validators = {"ETag": f'"{etag}"', "Last-Modified": xml.http_time(stored.last_modified)}
    if conditions.is_asked(request) and conditions.is_unchanged(
        request, replace(stored, etag=etag)
    ):
        return Response(304, validators)
    try:
        jobs.check_size(stored)
        for item in (stored, *pictures.values()):
            cloud.storage.fetch(item)
        result = await cloud.results.get(
            key,
            # The source is opened at once: it may be replaced before the job runs.
            lambda: _result(
                cloud, stored, jobs.Source(stored), parsed, pictures, slow_jpeg=slow_jpeg
            ),
            original=stored.size,
        )
    except ServiceError:
        if not parsed.ignore_error:
            raise
        cloud.storage.fetch(stored)
        headers = {"Content-Type": stored.content_type, **validators}
        return Response(200, headers, FileSlice(stored.path, 0, stored.size))
    headers = {"Content-Type": result.content_type, "Content-Length": str(len(result.data))}
    return Response(200, headers | validators | conditions.overrides(request), result.data)


async def _result(
    cloud: Cloud,
    stored: StoredObject,
    source: jobs.Source,
    rule: Rule,
    pictures: Mapping[str, StoredObject],
    *,
    slow_jpeg: bool,
) -> ImageResult:
    with source:
        files = await marks.read(cloud, pictures)
        return await jobs.run_download(cloud, stored, source, rule, files, slow_jpeg=slow_jpeg)


def _parse(cloud: Cloud, bucket: str, text: str) -> tuple[Rule, str]:
    """The rule, styles resolved, and its canonical text."""
    try:
        rule, canonical = _read(text)
    except RuleError as error:
        raise from_rule(error) from None
    if rule.style is not None:
        rule = styles.resolve(cloud, bucket, rule)
        canonical = str(rule)
    if rule.extraction is not None:
        raise refusal(-106, "watermark/4 is for Pic-Operations, not for downloads")
    return rule, canonical


@lru_cache(maxsize=128)
def _read(text: str) -> tuple[Rule, str]:
    rule = parse(text)
    return rule, str(rule)


def _identities(
    stored: StoredObject, rule: str, marks: Mapping[str, StoredObject], slow_jpeg: bool
) -> tuple[str, bytes]:
    """The result's ETag, the same wherever the same picture lies; and the key to keep it under,
    which names the object and its body as well."""
    content = "\0".join((stored.etag, str(slow_jpeg), *map(_content, marks.values()), rule))
    place = "\0".join((stored.bucket, stored.key, str(stored.path), str(stored.size), content))
    etag = hashlib.md5(_bytes(content), usedforsecurity=False).hexdigest()
    return etag, hashlib.sha256(_bytes(place)).digest()


def _content(mark: StoredObject) -> str:
    return f"{mark.etag} {mark.size}"


def _bytes(text: str) -> bytes:
    # A folder's name may hold bytes that are no text.
    return text.encode("utf-8", "surrogateescape")
