"""Multipart uploads, from initiate to complete or abort."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import AsyncIterator

from localcloud.ci import persistence
from localcloud.cloud import Cloud
from localcloud.cos import acl, restore, sse, tagging, xml
from localcloud.cos import parts as joining
from localcloud.cos.copying import copy_source, source_range
from localcloud.cos.listing import shown_as
from localcloud.cos.objects import (
    DEFAULT_TYPE,
    check_key,
    kept_headers,
    location,
    only_new,
    publish,
    refuse_existing,
    written_headers,
)
from localcloud.cos.settings import encryption
from localcloud.cos.upload import Checksums, receive, require_length
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.limits import MAX_LIST, MAX_PARTS, MAX_XML, MIN_PART
from localcloud.storage import Part, StoredObject, Upload


async def initiate(cloud: Cloud, request: Request) -> Response:
    """POST ?uploads"""
    check_key(request.key)
    if only_new(cloud, request):
        refuse_existing(cloud, request.bucket, request.key)
    _, encrypted = sse.wanted(request.headers)
    upload = Upload(
        id=f"{int(time.time())}{uuid.uuid4().hex}",
        bucket=request.bucket,
        key=request.key,
        created=time.time(),
        content_type=request.headers.get("Content-Type", DEFAULT_TYPE),
        headers=encryption.with_default(
            cloud, request.bucket, {**kept_headers(request.headers), **encrypted}
        ),
        tags=tagging.from_header(request.headers.get("x-cos-tagging", "")),
        acl=acl.of_object(request),
    )
    cloud.storage.create_upload(upload)
    answer = xml_response(
        xml.document(
            "InitiateMultipartUploadResult",
            [
                xml.element("Bucket", upload.bucket),
                xml.element("Key", upload.key),
                xml.element("UploadId", upload.id),
            ],
        )
    )
    answer.headers |= sse.shown(upload.headers)
    return answer


async def upload_part(cloud: Cloud, request: Request) -> Response:
    """PUT ?partNumber&uploadId, and its copying form."""
    upload = _upload(cloud, request)
    number = request.number("partNumber", 0, 1, MAX_PARTS)
    copied = "x-cos-copy-source" in request.headers
    secret = sse.unlock(request.headers, upload.headers)
    body: AsyncIterator[bytes] = request.stream()
    if copied:
        source, opened = copy_source(cloud, request)
        start, length = source_range(request, source)
        cloud.storage.fetch(source)
        body = sse.read(source, start, length, opened)
    else:
        require_length(request)
    received = await receive(
        cloud.storage,
        body,
        expected=None if copied else Checksums.of(request.headers),
        key=secret.key if secret is not None else None,
    )
    part = Part(number, received.size, received.md5, time.time(), received.path)
    cloud.storage.put_part(upload, part)
    if copied:
        answer = xml_response(
            xml.document(
                "CopyPartResult",
                [
                    xml.element("ETag", f'"{part.etag}"'),
                    xml.element("LastModified", xml.iso_time(part.modified)),
                ],
            )
        )
        answer.headers |= sse.shown(upload.headers)
        return answer
    headers = {"ETag": f'"{part.etag}"', "x-cos-hash-crc64ecma": received.crc64}
    headers |= sse.shown(upload.headers)
    return Response(200, headers)


async def list_parts(cloud: Cloud, request: Request) -> Response:
    """GET ?uploadId"""
    upload = _upload(cloud, request)
    marker = request.number("part-number-marker", 0, 0, MAX_PARTS)
    limit = request.number("max-parts", MAX_LIST, 1, MAX_LIST)
    shown = shown_as(request)
    parts = [part for part in cloud.storage.parts(upload) if part.number > marker]
    page = parts[:limit]
    fields = [
        xml.element("Bucket", upload.bucket),
        xml.element("Key", shown(upload.key)),
        xml.element("UploadId", upload.id),
        xml.element("StorageClass", restore.class_of(upload.headers)),
        xml.element("PartNumberMarker", marker),
        xml.element("NextPartNumberMarker", page[-1].number if page else marker),
        xml.element("MaxParts", limit),
        xml.element("IsTruncated", "true" if len(parts) > len(page) else "false"),
    ]
    fields += [
        xml.element(
            "Part",
            xml.element("PartNumber", part.number),
            xml.element("LastModified", xml.iso_time(part.modified)),
            xml.element("ETag", f'"{part.etag}"'),
            xml.element("Size", part.size),
        )
        for part in page
    ]
    return xml_response(xml.document("ListPartsResult", fields))


async def list_uploads(cloud: Cloud, request: Request) -> Response:
    """GET ?uploads, in the order of keys and times, from behind a marker."""
    prefix, key_marker = request.get("prefix"), request.get("key-marker")
    marker = (key_marker, request.get("upload-id-marker"))
    limit = request.number("max-uploads", MAX_LIST, 1, MAX_LIST)
    shown = shown_as(request)
    found = [
        upload
        for upload in sorted(cloud.storage.uploads(request.bucket), key=lambda u: (u.key, u.id))
        if upload.key.startswith(prefix) and _is_behind(upload, *marker)
    ]
    page = found[:limit]
    fields = [
        xml.element("Bucket", request.bucket),
        xml.element("Prefix", shown(prefix)),
        xml.element("KeyMarker", shown(key_marker)),
        xml.element("UploadIdMarker", marker[1]),
        xml.element("MaxUploads", limit),
        xml.element("IsTruncated", "true" if len(found) > limit else "false"),
    ]
    if request.get("encoding-type"):
        fields.append(xml.element("EncodingType", request.get("encoding-type")))
    if len(found) > limit:
        fields.append(xml.element("NextKeyMarker", shown(page[-1].key)))
        fields.append(xml.element("NextUploadIdMarker", page[-1].id))
    fields += [
        xml.element(
            "Upload",
            xml.element("Key", shown(upload.key)),
            xml.element("UploadId", upload.id),
            xml.element("StorageClass", restore.class_of(upload.headers)),
            xml.element("Initiated", xml.iso_time(upload.created)),
        )
        for upload in page
    ]
    return xml_response(xml.document("ListMultipartUploadsResult", fields))


def _is_behind(upload: Upload, key_marker: str, id_marker: str) -> bool:
    if not key_marker:
        return True
    return upload.key > key_marker or (
        upload.key == key_marker and bool(id_marker) and upload.id > id_marker
    )


async def abort(cloud: Cloud, request: Request) -> Response:
    """DELETE ?uploadId"""
    cloud.storage.drop_upload(_upload(cloud, request))
    return Response(204)


async def complete(cloud: Cloud, request: Request) -> Response:
    """POST ?uploadId; with Pic-Operations, processing of the finished object."""
    upload = _upload(cloud, request)
    parts = _chosen(cloud.storage.parts(upload), await _listed(request))
    plan = persistence.plan(cloud, request)
    if only_new(cloud, request):
        refuse_existing(cloud, upload.bucket, upload.key)
    is_encrypted = sse.is_customers(upload.headers)
    if is_encrypted and plan is not None:
        raise ServiceError(
            "InvalidRequest", "Pic-Operations cannot read what a customer's key encrypts"
        )
    received = await joining.join(cloud.storage, parts, encrypted=is_encrypted)
    digest = hashlib.md5(b"".join(bytes.fromhex(p.etag) for p in parts), usedforsecurity=False)
    stored = StoredObject(
        bucket=upload.bucket,
        key=upload.key,
        size=received.size,
        etag=f"{digest.hexdigest()}-{len(parts)}",
        crc64=received.crc64,
        content_type=upload.content_type,
        last_modified=time.time(),
        path=received.path,
        headers=upload.headers,
        tags=upload.tags,
        acl=upload.acl,
    )
    event = "cos:ObjectCreated:CompleteMultipartUpload"
    stored = publish(cloud, request, stored, event, only_new=only_new(cloud, request))
    cloud.storage.drop_upload(upload)
    if plan is not None:
        return await persistence.run(cloud, request, stored, plan)
    region = cloud.storage.bucket(stored.bucket).region
    answer = xml_response(
        xml.document(
            "CompleteMultipartUploadResult",
            [
                xml.element("Location", f"http://{location(stored.bucket, region, stored.key)}"),
                xml.element("Bucket", stored.bucket),
                xml.element("Key", stored.key),
                xml.element("ETag", f'"{stored.etag}"'),
            ],
        )
    )
    answer.headers |= written_headers(stored)
    return answer


def _upload(cloud: Cloud, request: Request) -> Upload:
    return cloud.storage.upload(request.bucket, request.key, request.get("uploadId"))


async def _listed(request: Request) -> list[tuple[int, str]]:
    root = xml.parse(await request.read(MAX_XML), "CompleteMultipartUpload")
    listed = []
    for node in root.iter("Part"):
        number, etag = node.findtext("PartNumber") or "", node.findtext("ETag") or ""
        if not (number.isascii() and number.isdigit() and etag):
            raise ServiceError("MalformedXML", "each Part needs a PartNumber and an ETag")
        listed.append((int(number), etag.strip().strip('"')))
    if not 0 < len(listed) <= MAX_PARTS:
        raise ServiceError("MalformedXML", f"{len(listed)} parts: 1 to {MAX_PARTS} are allowed")
    return listed


def _chosen(known: list[Part], listed: list[tuple[int, str]]) -> list[Part]:
    numbers = [number for number, _ in listed]
    if numbers != sorted(set(numbers)):
        raise ServiceError("InvalidPartOrder", "the list of parts is not in ascending order")
    by_number = {part.number: part for part in known}
    chosen = []
    for number, etag in listed:
        part = by_number.get(number)
        if part is None or part.etag != etag:
            raise ServiceError("InvalidPart", f"part {number} was not uploaded with this ETag")
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size < MIN_PART:
            raise ServiceError(
                "EntityTooSmall", f"part {part.number} has {part.size} bytes: at least {MIN_PART}"
            )
    return chosen
