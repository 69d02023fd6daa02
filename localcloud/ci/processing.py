"""Processing on download: `GET /<key>?<rule>` (CI manual 004:1407 and each operation's page)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace

from localcloud.ci import binding, guetzli, jobs, marks, styles
from localcloud.ci.errors import from_rule
from localcloud.cloud import Cloud
from localcloud.cos import conditions, xml
from localcloud.errors import ServiceError
from localcloud.http import FileSlice, Param, Request, Response
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
    """The result of `rule` on `stored`; nothing is kept.

    The ETag stands for source and rule, so that a conditional request costs no processing.
    Raises ServiceError with CI's number in `X-ErrNo`.
    """
    with jobs.Source(stored) as source:
        binding.require(cloud, stored.bucket)
        parsed = _parse(cloud, stored.bucket, rule)
        pictures = await marks.load(cloud, stored.bucket, [parsed])
        slow_jpeg = guetzli.is_on(cloud, stored.bucket)
        view = replace(stored, etag=_etag(stored, parsed, pictures, slow_jpeg))
        validators = {
            "ETag": f'"{view.etag}"',
            "Last-Modified": xml.http_time(stored.last_modified),
        }
        if conditions.is_unchanged(request, view):
            return Response(304, validators)
        try:
            jobs.check_size(stored)
            [result] = await jobs.run_rules(cloud, source, [parsed], pictures, slow_jpeg=slow_jpeg)
        except ServiceError:
            if not parsed.ignore_error:
                raise
            headers = {"Content-Type": stored.content_type, **validators}
            return Response(200, headers, FileSlice(stored.path, 0, stored.size))
    headers = {"Content-Type": result.content_type, "Content-Length": str(len(result.data))}
    return Response(200, headers | validators | conditions.overrides(request), result.data)


def _parse(cloud: Cloud, bucket: str, text: str) -> Rule:
    try:
        rule = parse(text)
    except RuleError as error:
        raise from_rule(error) from None
    return styles.resolve(cloud, bucket, rule)


def _etag(stored: StoredObject, rule: Rule, marks: Mapping[str, bytes], slow_jpeg: bool) -> str:
    digest = hashlib.md5(f"{stored.etag} {rule} {slow_jpeg}".encode(), usedforsecurity=False)
    for address in sorted(marks):
        digest.update(marks[address])
    return digest.hexdigest()
