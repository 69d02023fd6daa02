"""Buckets: create, head, delete, list, location, ACL."""

from __future__ import annotations

import json
import operator
import re
import time

from localcloud.cloud import Cloud
from localcloud.cos import acl, xml
from localcloud.cos.settings import stored
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.limits import MAX_BUCKETS, MAX_XML
from localcloud.storage import Bucket

MAX_LISTED = 2000  # buckets of one answer
MAX_TIME = 10**11
_KIND = "bucket-kind"
_RANGES = {"gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le}
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?-[0-9]{5,20}")


def check_name(name: str) -> None:
    """Refuse what is no `BucketName-APPID`."""
    if not _NAME.fullmatch(name):
        raise ServiceError(
            "InvalidBucketName",
            f"{name!r}: lower-case letters, digits and -, then - and the appid, are expected",
        )


async def put_bucket(cloud: Cloud, request: Request) -> Response:
    """PUT Bucket."""
    body = await request.read(MAX_XML)
    check_name(request.bucket)
    kind = _kind(body) if body.strip() else {}
    if len(cloud.storage.buckets()) >= MAX_BUCKETS:
        raise ServiceError("TooManyBuckets", f"at most {MAX_BUCKETS} buckets are allowed")
    canned = acl.of_bucket(request)
    region = request.region or cloud.config.region
    cloud.storage.create_bucket(Bucket(request.bucket, region, time.time(), canned))
    if kind:
        cloud.storage.set_setting(request.bucket, _KIND, json.dumps(kind))
    return Response(200, {"Location": f"/{request.bucket}"})


async def head_bucket(cloud: Cloud, request: Request) -> Response:
    """HEAD Bucket."""
    found = cloud.storage.bucket(request.bucket)
    kind = json.loads(cloud.storage.get_setting(request.bucket, _KIND) or "{}")
    return Response(200, {"x-cos-bucket-region": found.region, **kind})


async def delete_bucket(cloud: Cloud, request: Request) -> Response:
    """DELETE Bucket; refused unless it is empty."""
    cloud.storage.delete_bucket(request.bucket)
    cloud.forget_jobs(request.bucket)
    return Response(204)


async def list_buckets(cloud: Cloud, request: Request) -> Response:
    """GET Service: those behind `marker`; of a region, with a tag, made before or after a time."""
    marker = request.get("marker")
    limit = request.number("max-keys", MAX_LISTED, 1, MAX_LISTED)
    found = [bucket for bucket in _chosen(cloud, request) if bucket.name > marker]
    page = found[:limit]
    entries = [
        xml.element(
            "Bucket",
            xml.element("Name", bucket.name),
            xml.element("Location", bucket.region),
            xml.element("CreationDate", xml.whole_time(bucket.created)),
            xml.element("BucketType", "cos"),
        )
        for bucket in page
    ]
    more = len(found) > len(page)
    owner = xml.element("Owner", xml.element("ID", "owner"), xml.element("DisplayName", "owner"))
    parts = [
        owner,
        xml.element("Buckets", *entries),
        xml.element("IsTruncated", "true" if more else "false"),
        xml.element("Marker", marker),
    ]
    if more:
        parts.append(xml.element("NextMarker", page[-1].name))
    return xml_response(xml.document("ListAllMyBucketsResult", parts))


def _chosen(cloud: Cloud, request: Request) -> list[Bucket]:
    region = request.get("region") or request.region
    key, value = request.get("tagkey"), request.get("tagvalue")
    moment = request.number("create-time", 0, 0, MAX_TIME)
    compare = _RANGES.get(request.get("range", "gt"))
    if compare is None:
        raise ServiceError(
            "InvalidArgument",
            f"range is {request.get('range')[:20]!r}: allowed are {', '.join(_RANGES)}",
        )
    return [
        bucket
        for bucket in cloud.storage.buckets()
        if request.caller
        and cloud.credentials.owner(bucket.name) == request.caller.account
        and (not region or bucket.region == region)
        and (not moment or compare(bucket.created, moment))
        and (not key or stored.bucket_tags(cloud, bucket.name).get(key) == value)
    ]


def _kind(body: bytes) -> dict[str, str]:
    """What CreateBucketConfiguration asks for, as HEAD Bucket tells it. Zones and the arrangement
    of folders are told only: the local cloud has one disk."""
    root = xml.parse(body, "CreateBucketConfiguration")
    zones, arch = root.findtext("BucketAZConfig"), root.findtext("BucketArchConfig")
    for name, value, allowed in (
        ("BucketAZConfig", zones, "MAZ"),
        ("BucketArchConfig", arch, "OFS"),
    ):
        if value not in (None, allowed):
            raise ServiceError(
                "InvalidArgument", f"{name} is {(value or '')[:50]!r}: {allowed} is allowed"
            )
    kind = {"x-cos-bucket-az-type": "MAZ"} if zones else {}
    return kind | ({"x-cos-bucket-arch": "OFS"} if arch else {})


async def get_location(cloud: Cloud, request: Request) -> Response:
    """GET Bucket location."""
    region = cloud.storage.bucket(request.bucket).region
    return xml_response(xml.document("LocationConstraint", [region]))
