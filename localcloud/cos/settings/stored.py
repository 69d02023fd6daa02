"""Settings of a bucket that are XML documents: put, got, deleted and listed, whatever they say."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from xml.etree.ElementTree import Element, fromstring, tostring

from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.cos.settings.shape import Shape, check, content
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.limits import KIB, MAX_XML

MAX_PER_ID = 1000  # documents of one kind in a bucket
MAX_PER_ID_SIZE = 16 * KIB
_MAX_ID = 64
_CACHED_SIZE = 64 * KIB

Judge = Callable[[Cloud, Request, Element], None]


@dataclass(frozen=True)
class Setting:
    """One kind of document.

    `name` is the sub-resource, `root` the document's element, `missing` the code of a GET that
    finds none (empty: the service answers an empty document). `judge` refuses, with `ServiceError`,
    what the shape cannot say, and completes the document. `digest` is whether the manual asks for
    Content-MD5. `clears` is whether an empty body removes the document.
    """

    name: str
    root: str
    shape: Shape
    missing: str = ""
    judge: Judge | None = None
    digest: bool = True
    removable: bool = True
    clears: bool = False


@dataclass(frozen=True)
class Listed(Setting):
    """Documents with an id each (`?name&id=...`), listed in the order in which they were made.

    `listing` is the element of the list, which is cut into pages of `page`, 0: never.
    """

    listing: str = ""
    page: int = 0


def find(cloud: Cloud, bucket: str, name: str) -> Element | None:
    """The stored document of a setting, None if there is none. It must not be changed."""
    document = cloud.storage.get_setting(bucket, _key(name))
    if document is None:
        return None
    return _cached(document) if len(document) <= _CACHED_SIZE else _parsed(document)


def keep(cloud: Cloud, bucket: str, name: str, root: Element | None) -> None:
    """Store a document, or with None remove it."""
    document = None if root is None else tostring(root, encoding="unicode")
    cloud.storage.set_setting(bucket, _key(name), document)


def find_all(cloud: Cloud, bucket: str, name: str) -> dict[str, str]:
    """The documents of a setting with ids, as XML, by id, the oldest first."""
    found: dict[str, str] = json.loads(cloud.storage.get_setting(bucket, _key(name)) or "{}")
    return found


def keep_all(cloud: Cloud, bucket: str, name: str, documents: Mapping[str, str]) -> None:
    """Store all documents of a setting with ids."""
    value = json.dumps(documents, ensure_ascii=False) if documents else None
    cloud.storage.set_setting(bucket, _key(name), value)


def bucket_tags(cloud: Cloud, bucket: str) -> dict[str, str]:
    """The tags of a bucket (`?tagging`)."""
    root = find(cloud, bucket, "tagging")
    tags = [] if root is None else root.iter("Tag")
    return {content(tag, "Key"): content(tag, "Value") for tag in tags}


async def read(
    cloud: Cloud, request: Request, setting: Setting, limit: int = MAX_XML
) -> Element | None:
    """The checked document of a PUT or POST; None for an empty body that clears the setting."""
    body = await request.read(limit)
    check_digest(request, body, required=setting.digest)
    if setting.clears and not body.strip():
        return None
    root = xml.parse(body, setting.root)
    check(root, setting.shape)
    if setting.judge is not None:
        setting.judge(cloud, request, root)
    return root


async def put(cloud: Cloud, request: Request, setting: Setting) -> Response:
    """PUT ?name: replaces the document whole."""
    keep(cloud, request.bucket, setting.name, await read(cloud, request, setting))
    return Response()


async def get(cloud: Cloud, request: Request, setting: Setting) -> Response:
    """GET ?name. Raises `ServiceError` with the setting's own code if there is none."""
    root = find(cloud, request.bucket, setting.name)
    if root is None:
        if setting.missing:
            raise _nothing(setting, "the bucket has none")
        root = Element(setting.root)
    return xml_response(root)


async def delete(cloud: Cloud, request: Request, setting: Setting) -> Response:
    """DELETE ?name: 204 whether or not there was one."""
    keep(cloud, request.bucket, setting.name, None)
    return Response(204)


async def put_one(cloud: Cloud, request: Request, setting: Listed) -> Response:
    """PUT ?name&id: makes the document of an id, or replaces it."""
    root = await read(cloud, request, setting, MAX_PER_ID_SIZE)
    return keep_one(cloud, request, setting, root)


def keep_one(cloud: Cloud, request: Request, setting: Listed, root: Element | None) -> Response:
    """Store the checked document of a request's id; none leaves what is there."""
    wanted = _id(request)
    documents = find_all(cloud, request.bucket, setting.name)
    if wanted not in documents and len(documents) >= MAX_PER_ID:
        raise ServiceError(
            "InvalidArgument", f"the bucket has {MAX_PER_ID} {setting.root}: no more are allowed"
        )
    if root is not None:
        if (said := root.findtext("Id")) != wanted:
            raise ServiceError(
                "InvalidArgument", f"Id is {(said or '')[:100]!r}, the parameter id {wanted!r}"
            )
        documents[wanted] = tostring(root, encoding="unicode")
        keep_all(cloud, request.bucket, setting.name, documents)
    return Response()


async def get_one(cloud: Cloud, request: Request, setting: Listed) -> Response:
    """GET ?name&id; without an id, all of them."""
    documents = find_all(cloud, request.bucket, setting.name)
    if not request.has("id"):
        return _list(request, setting, documents)
    wanted = _id(request)
    if wanted not in documents:
        raise _nothing(setting, f"there is none with the id {wanted!r}")
    return xml_response(f"{xml.DECLARATION}\n{documents[wanted]}")


async def delete_one(cloud: Cloud, request: Request, setting: Listed) -> Response:
    """DELETE ?name&id: 204 whether or not there was one."""
    documents = find_all(cloud, request.bucket, setting.name)
    if documents.pop(_id(request), None) is not None:
        keep_all(cloud, request.bucket, setting.name, documents)
    return Response(204)


def check_digest(request: Request, body: bytes, *, required: bool) -> None:
    """Refuse a body that is not the one of Content-MD5.

    Raises `ServiceError`: InvalidDigest (no base64 of 16 bytes), BadDigest (of another body),
    InvalidRequest (missing though required; S3 clients send a checksum of their own instead).
    """
    header = request.headers.get("Content-MD5", "")
    if not header:
        if required and not request.is_s3:
            raise ServiceError(
                "InvalidRequest", f"{request.method} of this setting needs the header Content-MD5"
            )
        return
    try:
        digest = base64.b64decode(header, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise ServiceError("InvalidDigest", "Content-MD5 must be the base64 of 16 bytes")
    if digest != hashlib.md5(body, usedforsecurity=False).digest():
        raise ServiceError("BadDigest", "the body is not the one that Content-MD5 describes")


def _list(request: Request, setting: Listed, documents: Mapping[str, str]) -> Response:
    ids = list(documents)
    token = request.get("continuation-token")
    start = _behind(token, ids) if token else 0
    page = ids[start : start + setting.page] if setting.page else ids
    parts: list[object] = [xml.Markup(documents[each]) for each in page]
    if setting.page:
        more = start + len(page) < len(ids)
        parts.append(xml.element("IsTruncated", "true" if more else "false"))
        parts.append(xml.element("ContinuationToken", token))
        if more:
            following = base64.urlsafe_b64encode(page[-1].encode()).decode()
            parts.append(xml.element("NextContinuationToken", following))
    return xml_response(xml.document(setting.listing, parts))


def _behind(token: str, ids: list[str]) -> int:
    """Where the page of a token starts: behind the last document of the page before."""
    try:
        return ids.index(base64.urlsafe_b64decode(token.encode()).decode()) + 1
    except ValueError:
        raise ServiceError(
            "InvalidArgument", f"continuation-token {token[:100]!r} is none of an answer before"
        ) from None


def _id(request: Request) -> str:
    wanted = request.get("id")
    if not (0 < len(wanted) <= _MAX_ID and wanted.isprintable()):
        raise ServiceError(
            "InvalidArgument", f"id is {wanted[:100]!r}: 1 to {_MAX_ID} characters are expected"
        )
    return wanted


def _nothing(setting: Setting, reason: str) -> ServiceError:
    return ServiceError(setting.missing, f"no {setting.root}: {reason}")


def _key(name: str) -> str:
    return f"cos:{name}"


def _parsed(document: str) -> Element:
    return fromstring(document)  # noqa: S314 - our own writing, made from a checked document


_cached = lru_cache(maxsize=64)(_parsed)  # downloads ask for the same few again and again
