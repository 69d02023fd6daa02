"""Persistent processing: `Pic-Operations` on upload, on completion, and `POST ?image_process`.

CI manual 004:7057-7640. Everything that can be refused without the picture is refused before
anything is stored. All rules run before the first result is stored, so that a rule that fails
leaves no outputs of the others behind; the upload itself stays, its processing was asked for later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.ci import binding, guetzli, jobs, marks, styles, upload_result
from localcloud.ci.audit import freeze
from localcloud.ci.errors import from_pic_operations, from_rule, refusal
from localcloud.cloud import Cloud
from localcloud.cos import objects, restore
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.identity.authorization import require
from localcloud.imaging import ImageFacts, ImageResult
from localcloud.storage import StoredObject
from shared.pic_operations import PicOperations, PicOperationsError, PicRule, target_key
from shared.rules import Rule, RuleError, parse

HEADER = "Pic-Operations"


@dataclass(frozen=True)
class Output:
    """One result to be made: `rule` (styles resolved), stored at `key` of `bucket`."""

    bucket: str
    key: str
    rule: Rule


@dataclass(frozen=True)
class Plan:
    """A checked `Pic-Operations`."""

    outputs: tuple[Output, ...]
    is_pic_info: bool


def plan(cloud: Cloud, request: Request) -> Plan | None:
    """Read and check the request's `Pic-Operations`; None when it has none.

    Raises ServiceError: -60949 for too many requests a second, -60998 for what cannot be read or
    run, -60997 over five rules, -60967 for an unknown style, -60936 and -60972 for a target bucket
    of another account or region.
    """
    text = request.headers.get(HEADER)
    if text is None:
        return None
    binding.require(cloud, request.bucket)
    cloud.ci_rate.take()
    try:
        operations = PicOperations.from_header(text)
    except PicOperationsError as error:
        raise from_pic_operations(error) from None
    outputs: list[Output] = []
    for index, entry in enumerate(operations.rules):
        output = _output(cloud, request, entry, f"rules[{index}]")
        if any((known.bucket, known.key) == (output.bucket, output.key) for known in outputs):
            raise refusal(
                -60998,
                f"rules[{index}].fileid is {entry.fileid!r}: another rule stores there already, "
                "each needs a name of its own",
            )
        outputs.append(output)
    return Plan(tuple(outputs), operations.is_pic_info)


async def image_process(cloud: Cloud, request: Request) -> Response:
    """`POST /<key>?image_process`: process an object that is stored."""
    checked = plan(cloud, request)
    if checked is None:
        raise refusal(-60998, f"?image_process needs the header {HEADER} with its rules as JSON")
    stored = cloud.storage.head(request.bucket, request.key)
    restore.check_readable(stored, cloud.clock())
    freeze.check(stored)
    return await run(cloud, request, stored, checked)


async def run(cloud: Cloud, request: Request, stored: StoredObject, plan: Plan) -> Response:
    """Carry `plan` out on `stored` and answer with what was made.

    Raises ServiceError when a rule fails; then no output is stored.
    """
    rules = [output.rule for output in plan.outputs]
    results, facts = await process(cloud, stored, rules, is_pic_info=plan.is_pic_info)
    region = cloud.storage.bucket(stored.bucket).region
    made = []
    current = stored
    for output, result in zip(plan.outputs, results, strict=True):
        written = await objects.store(
            cloud,
            request,
            output.bucket,
            output.key,
            result.data,
            content_type=result.content_type,
        )
        place = objects.location(output.bucket, region, output.key)
        made.append(upload_result.processed_object(written, place, result))
        if (output.bucket, output.key) == (stored.bucket, stored.key):
            current = written
    place = objects.location(stored.bucket, region, stored.key)
    original = upload_result.original_info(stored.key, place, current.etag, facts)
    if request.has("uploadId"):
        body = upload_result.multipart_document(stored, place, current.etag, original, made)
    else:
        body = upload_result.document(original, made)
    response = xml_response(body)
    response.headers |= objects.written_headers(current)
    return response


async def process(
    cloud: Cloud, stored: StoredObject, rules: Sequence[Rule], *, is_pic_info: bool
) -> tuple[list[ImageResult], ImageFacts | None]:
    """The results of `rules` on `stored`, none of them stored yet, and the facts if asked for.

    Raises ServiceError for the first rule that fails.
    """
    facts = None
    results: list[ImageResult] = []
    if rules or is_pic_info:
        cloud.storage.fetch(stored)
        with jobs.Source(stored) as source:
            jobs.check_size(stored, persistent=True)
            pictures = await marks.load(cloud, stored.bucket, rules, persistent=True)
            results = await jobs.run_rules(
                cloud, source, rules, pictures,
                slow_jpeg=guetzli.is_on(cloud, stored.bucket), persistent=True,
            )  # fmt: skip
            if is_pic_info:
                facts = await jobs.run_describe(cloud, source, persistent=True)
    return results, facts


def _output(cloud: Cloud, request: Request, entry: PicRule, where: str) -> Output:
    bucket = entry.bucket or request.bucket
    _check_bucket(cloud, request.bucket, bucket, where)
    try:
        rule = parse(entry.rule)
    except RuleError as error:
        raise from_rule(error, persistent=True, where=f"{where}.rule") from None
    rule = styles.resolve(cloud, request.bucket, rule, persistent=True)
    if rule.is_info:
        raise refusal(
            -60998, f"{where}.rule is {entry.rule!r}: information is for downloads, store a picture"
        )
    output = Output(bucket, _key(request.key, entry.fileid, where), rule)
    require(cloud, request, "cos:PutObject", output.bucket, output.key)
    return output


def _check_bucket(cloud: Cloud, own: str, target: str, where: str) -> None:
    if target == own:
        return
    appid = own.rpartition("-")[2]
    if target.rpartition("-")[2] != appid:
        raise refusal(-60936, f"{where}.bucket is {target!r}: only buckets of appid {appid}")
    try:
        region = cloud.storage.bucket(target).region
    except ServiceError as error:
        raise ServiceError(error.code, f"{where}.bucket is {target!r}: {error.message}") from None
    if region != (expected := cloud.storage.bucket(own).region):
        raise refusal(-60972, f"{where}.bucket is {target!r} in {region}: allowed is {expected}")


def _key(source: str, fileid: str, where: str) -> str:
    key = target_key(source, fileid)
    if not key or key.endswith("/"):
        raise refusal(-60998, f"{where}.fileid is {fileid!r}: it must name a file, not a folder")
    # What is not UTF-8 decodes to U+FFFD; JSON can also spell half a surrogate pair.
    if "\ufffd" in key or any("\ud800" <= character <= "\udfff" for character in key):
        raise refusal(-60998, f"{where}.fileid is {fileid!r}: UTF-8 in percent-encoding is allowed")
    objects.check_key(key)
    return key
