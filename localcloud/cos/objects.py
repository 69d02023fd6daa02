"""Objects: put, get, head, delete. `store` is the one way in for bytes."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from urllib.parse import quote

from localcloud.ci import persistence, processing, protection
from localcloud.ci.audit import freeze
from localcloud.cloud import Cloud
from localcloud.cos import acl, conditions, copying, restore, retention, sse, symlink, tagging, xml
from localcloud.cos.settings import encryption as bucket_encryption
from localcloud.cos.settings import referer
from localcloud.cos.upload import Checksums, receive, require_length
from localcloud.errors import ServiceError
from localcloud.events import cos_event
from localcloud.http import Request, Response, xml_response
from localcloud.identity.authorization import require
from localcloud.limits import MAX_CONTENT_HEADER, MAX_KEY, MAX_LIST, MAX_META, MAX_XML
from localcloud.storage import StoredObject

DEFAULT_TYPE = "application/octet-stream"
# Headers of an upload that come back with the object, in the case that they go out with.
_KEPT = {
    name.lower(): name
    for name in (
        "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Expires",
    )
}  # fmt: skip
_META = "x-cos-meta-"


async def put_object(cloud: Cloud, request: Request) -> Response:
    """PUT Object, and PUT Object - Copy; with Pic-Operations, processing on upload."""
    if "x-cos-copy-source" in request.headers:
        return await copying.copy_object(cloud, request)
    require_length(request)
    plan = persistence.plan(cloud, request)
    if plan is not None and sse.customer_key(request.headers) is not None:
        raise ServiceError(
            "InvalidRequest", "Pic-Operations cannot read what a customer's key encrypts"
        )
    stored = await store(
        cloud,
        request,
        request.bucket,
        request.key,
        request.stream(),
        content_type=request.headers.get("Content-Type", ""),
        headers=kept_headers(request.headers),
        tags=tagging.from_header(request.headers.get("x-cos-tagging", "")),
        acl=acl.of_object(request),
        only_new=only_new(cloud, request),
        expected=Checksums.of(request.headers),
        encryption=request.headers,
    )
    if plan is not None:
        return await persistence.run(cloud, request, stored, plan)
    return Response(200, written_headers(stored))


async def store(
    cloud: Cloud,
    request: Request,
    bucket: str,
    key: str,
    body: bytes | AsyncIterator[bytes],
    *,
    content_type: str,
    headers: Mapping[str, str] | None = None,
    tags: Mapping[str, str] | None = None,
    acl: str = "default",
    only_new: bool = False,
    expected: Checksums | None = None,
    encryption: Mapping[str, str] | None = None,
    event: str = "cos:ObjectCreated:Put",
) -> StoredObject:
    """Make `body` the object of `key`, durably, and then tell of it.

    `expected` are checksums that the body must have; `only_new` refuses to overwrite; `encryption`
    are the request headers that may ask for it. Raises `ServiceError`; nothing is stored then.
    """
    check_key(key)
    secret, encrypted = sse.wanted(encryption or {})
    if only_new:
        refuse_existing(cloud, bucket, key)
    cloud.storage.bucket(bucket)
    retention.check_key(cloud, bucket, key)
    stream = _once(body) if isinstance(body, bytes) else body
    received = await receive(
        cloud.storage, stream, expected=expected, key=secret.key if secret is not None else None
    )
    stored = StoredObject(
        bucket=bucket,
        key=key,
        size=received.size,
        etag=received.md5,
        crc64=received.crc64,
        content_type=content_type or DEFAULT_TYPE,
        last_modified=time.time(),
        path=received.path,
        headers=bucket_encryption.with_default(cloud, bucket, {**(headers or {}), **encrypted}),
        tags=dict(tags or {}),
        acl=acl,
    )
    return publish(cloud, request, stored, event, only_new=only_new)


def publish(
    cloud: Cloud,
    request: Request,
    stored: StoredObject,
    event: str,
    *,
    only_new: bool = False,
    over: StoredObject | None = None,
) -> StoredObject:
    """Put an object whose file is finished in its place, then emit `event`.

    Raises `ServiceError`: FileAlreadyExists with `only_new`, OperationConflict where the object
    that it would replace is not `over`.
    """
    try:
        retention.check_key(cloud, stored.bucket, stored.key)
        if held := retention.default(cloud, stored.bucket):
            stored = replace(stored, headers={**stored.headers, **held})
        stored = cloud.storage.put(stored, only_new=only_new, over=over)
    except BaseException:
        stored.path.unlink(missing_ok=True)
        raise
    cloud.proxies.discard(stored.bucket, stored.key)
    _emit(cloud, request, stored, event)
    return stored


def only_new(cloud: Cloud, request: Request) -> bool:
    """Whether the request forbids to overwrite.

    The header does nothing in a bucket that ever had versions, as in COS.
    """
    asked = request.headers.get("x-cos-forbid-overwrite", "").lower() == "true"
    return asked and not cloud.storage.bucket(request.bucket).versioning


def refuse_existing(cloud: Cloud, bucket: str, key: str) -> None:
    """Raises `ServiceError` FileAlreadyExists before a body is read that could not be stored."""
    try:
        cloud.storage.head(bucket, key)
    except ServiceError:
        return
    raise ServiceError(
        "FileAlreadyExists", "The object exists, and the request forbids overwriting"
    )


def check_key(key: str) -> None:
    """Refuse a key that COS does not take."""
    if len(key.encode("utf-8", "surrogatepass")) > MAX_KEY:
        raise ServiceError("KeyTooLong", f"the key has over {MAX_KEY} bytes, the most allowed")
    if "\0" in key:
        raise ServiceError("InvalidObjectName", "the key has a NUL character")


def kept_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What of an upload's headers belongs to the object. Raises `ServiceError` for too much."""
    kept = {}
    for name, value in headers.items():
        small = name.lower()
        if small in _KEPT or small.startswith(_META):
            kept[_KEPT.get(small, name)] = value
    meta = sum(len(n) + len(v) for n, v in kept.items() if n.lower().startswith(_META))
    if meta > MAX_META:
        raise ServiceError("InvalidArgument", f"{_META}* have {meta} bytes: at most {MAX_META}")
    for name in _KEPT.values():
        if len(kept.get(name, "")) > MAX_CONTENT_HEADER:
            raise ServiceError(
                "InvalidArgument", f"{name} has over {MAX_CONTENT_HEADER} characters"
            )
    # The client's own encoding of the transfer is none of the object's.
    if kept.get("Content-Encoding", "").lower() == "aws-chunked":
        del kept["Content-Encoding"]
    return kept | restore.kept_class(headers)


def client_headers(stored: StoredObject) -> dict[str, str]:
    """Of an object's headers those that its owner chose and that go with a copy."""
    return {
        name: value
        for name, value in stored.headers.items()
        if name.lower() in _KEPT or name.lower().startswith(_META)
    }


async def get_object(cloud: Cloud, request: Request) -> Response:
    """GET Object; with an image rule in the query, processing on download."""
    referer.check(cloud, request)
    stored = cloud.storage.head(request.bucket, request.key, request.get("versionId"))
    stored = symlink.follow(cloud, request, stored)
    rule = processing.rule_of(request)
    protection.check(cloud, request, rule)
    restore.check_readable(stored, cloud.clock())
    freeze.check(stored)
    if rule is not None:
        return await processing.respond(cloud, request, stored, rule)
    secret = sse.unlock(request.headers, stored.headers)
    if conditions.is_unchanged(request, stored):
        return Response(304, _validators(stored))
    cloud.storage.fetch(stored)
    headers = object_headers(cloud, stored) | conditions.overrides(request)
    found = conditions.wanted_range(request, stored)
    if found is None:
        return Response(200, headers, sse.body(stored, 0, stored.size, secret))
    start, length = found
    headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{stored.size}"
    return Response(206, headers, sse.body(stored, start, length, secret))


async def head_object(cloud: Cloud, request: Request) -> Response:
    """HEAD Object."""
    referer.check(cloud, request)
    stored = cloud.storage.head(request.bucket, request.key, request.get("versionId"))
    stored = symlink.follow(cloud, request, stored)
    secret = sse.unlock(request.headers, stored.headers)
    if conditions.is_unchanged(request, stored):
        return Response(304, _validators(stored))
    headers = object_headers(cloud, stored) | conditions.overrides(request)
    return Response(200, headers, sse.body(stored, 0, stored.size, secret))


def object_headers(cloud: Cloud, stored: StoredObject) -> dict[str, str]:
    """What GET and HEAD say of an object."""
    return {
        "Content-Type": stored.content_type,
        **_validators(stored),
        "Accept-Ranges": "bytes",
        "x-cos-hash-crc64ecma": stored.crc64,
        **({"x-cos-tagging-count": str(len(stored.tags))} if stored.tags else {}),
        **_version_header(stored),
        **{name: value for name, value in stored.headers.items() if not name.startswith(":")},
        **restore.shown(stored, cloud.clock()),
    }


def written_headers(stored: StoredObject) -> dict[str, str]:
    """What the answer to a write says of the object."""
    headers = {"ETag": f'"{stored.etag}"', "x-cos-hash-crc64ecma": stored.crc64}
    return headers | _version_header(stored) | bucket_encryption.headers_of(stored.headers)


def _version_header(stored: StoredObject) -> dict[str, str]:
    return {"x-cos-version-id": stored.version} if stored.version else {}


def _validators(stored: StoredObject) -> dict[str, str]:
    return {"ETag": f'"{stored.etag}"', "Last-Modified": xml.http_time(stored.last_modified)}


async def delete_object(cloud: Cloud, request: Request) -> Response:
    """DELETE Object, or one of its versions; 204 whether or not it was there."""
    gone = _delete(cloud, request, request.key, request.get("versionId"))
    return Response(204, _deleted_headers(gone))


async def delete_objects(cloud: Cloud, request: Request) -> Response:
    """POST ?delete: up to a thousand keys or versions at once."""
    body = await request.read(MAX_XML)
    Checksums.of(request.headers).check(body)
    root = xml.parse(body, "Delete")
    wanted = [
        (node.findtext("Key") or "", node.findtext("VersionId") or "")
        for node in root.iter("Object")
    ]
    if not 0 < len(wanted) <= MAX_LIST or not all(key for key, _ in wanted):
        raise ServiceError("MalformedXML", f"Delete holds 1 to {MAX_LIST} Objects, each with a Key")
    quiet = (root.findtext("Quiet") or "").strip().lower() == "true"
    refused = {key: error for key, _ in wanted if (error := _delete_refusal(cloud, request, key))}
    if all(key in refused for key, _ in wanted):
        raise refused[wanted[0][0]]
    done = []
    for key, version in wanted:
        try:
            if key in refused:
                raise refused[key]
            gone = _delete(cloud, request, key, version)
        except ServiceError as error:
            done.append(_refused_entry(key, version, error))
        else:
            if not quiet:
                done.append(_deleted_entry(key, version, gone))
    return xml_response(xml.document("DeleteResult", done))


def _delete_refusal(cloud: Cloud, request: Request, key: str) -> ServiceError | None:
    try:
        require(cloud, request, "cos:DeleteMultipleObjects", request.bucket, key)
    except ServiceError as error:
        return error
    return None


def _refused_entry(key: str, version: str, error: ServiceError) -> str:
    parts = [xml.element("Key", key)]
    if version:
        parts.append(xml.element("VersionId", version))
    parts.append(xml.element("Code", error.code))
    parts.append(xml.element("Message", error.message))
    return xml.element("Error", *parts)


def _deleted_headers(gone: StoredObject | None) -> dict[str, str]:
    if gone is None or not gone.version:
        return {}
    marker = {"x-cos-delete-marker": "true"} if gone.marker else {}
    return {"x-cos-version-id": gone.version, **marker}


def _deleted_entry(key: str, version: str, gone: StoredObject | None) -> str:
    """`Deleted`: what was asked for, and the delete marker that was made or removed."""
    parts = [xml.element("Key", key)]
    if version:
        parts.append(xml.element("VersionId", version))
    if gone is not None and gone.marker:
        parts.append(xml.element("DeleteMarker", "true"))
        parts.append(xml.element("DeleteMarkerVersionId", gone.version))
    return xml.element("Deleted", *parts)


def _delete(cloud: Cloud, request: Request, key: str, version: str) -> StoredObject | None:
    retention.check_delete(cloud, request.bucket, key, version)
    gone = cloud.storage.delete(request.bucket, key, version)
    if gone is not None:
        cloud.proxies.discard(gone.bucket, gone.key)
        event = "DeleteMarkerCreated" if gone.marker and not version else "Delete"
        _emit(cloud, request, gone, f"cos:ObjectRemove:{event}")
    return gone


def _emit(cloud: Cloud, request: Request, stored: StoredObject, event: str) -> None:
    if not cloud.observed:
        return
    meta = {name: value for name, value in stored.headers.items() if name.lower().startswith(_META)}
    cloud.emit(
        cos_event(
            bucket=stored.bucket,
            region=cloud.storage.bucket(stored.bucket).region,
            key=stored.key,
            size=stored.size,
            event_name=event,
            event_time=int(time.time()),
            meta={"Content-Type": stored.content_type, **meta},
            version_id=stored.version,
            request_id=request.request_id,
        )
    )


def location(bucket: str, region: str, key: str) -> str:
    """`<bucket>.cos.<region>.myqcloud.com/<key>`, the key percent-encoded."""
    return f"{bucket}.cos.{region}.myqcloud.com/{quote(key, safe='/-_.~')}"


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
