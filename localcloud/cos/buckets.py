"""Buckets: create, head, delete, list, location, ACL."""

from __future__ import annotations

import re
import time

from localcloud.cloud import Cloud
from localcloud.cos import acl, xml
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.limits import MAX_BUCKETS, MAX_XML
from localcloud.storage import Bucket

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
    await request.read(MAX_XML)
    check_name(request.bucket)
    if len(cloud.storage.buckets()) >= MAX_BUCKETS:
        raise ServiceError("TooManyBuckets", f"at most {MAX_BUCKETS} buckets are allowed")
    canned = acl.of_bucket(request)
    region = request.region or cloud.config.region
    cloud.storage.create_bucket(Bucket(request.bucket, region, time.time(), canned))
    return Response(200, {"Location": f"/{request.bucket}"})


async def head_bucket(cloud: Cloud, request: Request) -> Response:
    """HEAD Bucket."""
    found = cloud.storage.bucket(request.bucket)
    return Response(200, {"x-cos-bucket-region": found.region})


async def delete_bucket(cloud: Cloud, request: Request) -> Response:
    """DELETE Bucket; refused unless it is empty."""
    cloud.storage.delete_bucket(request.bucket)
    return Response(204)


async def list_buckets(cloud: Cloud, request: Request) -> Response:
    """GET Service."""
    entries = [
        xml.element(
            "Bucket",
            xml.element("Name", bucket.name),
            xml.element("Location", bucket.region),
            xml.element("CreationDate", xml.iso_time(bucket.created)),
        )
        for bucket in cloud.storage.buckets()
        if not request.region or bucket.region == request.region
        if request.caller and cloud.credentials.owner(bucket.name) == request.caller.account
    ]
    owner = xml.element("Owner", xml.element("ID", "owner"), xml.element("DisplayName", "owner"))
    parts = [owner, xml.element("Buckets", *entries)]
    return xml_response(xml.document("ListAllMyBucketsResult", parts))


async def get_location(cloud: Cloud, request: Request) -> Response:
    """GET Bucket location."""
    region = cloud.storage.bucket(request.bucket).region
    return xml_response(xml.document("LocationConstraint", [region]))
