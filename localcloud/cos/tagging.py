"""Object tags: `?tagging`, and the header x-cos-tagging."""

from __future__ import annotations

from urllib.parse import parse_qsl

from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.limits import MAX_TAG_KEY, MAX_TAG_VALUE, MAX_TAGS, MAX_XML


async def put_tagging(cloud: Cloud, request: Request) -> Response:
    """PUT Object tagging: replaces the whole set."""
    root = xml.parse(await request.read(MAX_XML), "Tagging")
    pairs = [(tag.findtext("Key") or "", tag.findtext("Value") or "") for tag in root.iter("Tag")]
    version = request.get("versionId")
    cloud.storage.set_tags(request.bucket, request.key, _checked(pairs), version)
    return Response()


async def get_tagging(cloud: Cloud, request: Request) -> Response:
    """GET Object tagging."""
    tags = cloud.storage.head(request.bucket, request.key, request.get("versionId")).tags
    entries = [
        xml.element("Tag", xml.element("Key", name), xml.element("Value", value))
        for name, value in tags.items()
    ]
    return xml_response(xml.document("Tagging", [xml.element("TagSet", *entries)]))


async def delete_tagging(cloud: Cloud, request: Request) -> Response:
    """DELETE Object tagging."""
    cloud.storage.set_tags(request.bucket, request.key, {}, request.get("versionId"))
    return Response(204)


def from_header(value: str) -> dict[str, str]:
    """The tags of `x-cos-tagging: a=1&b=2`. Raises InvalidTag."""
    return _checked(parse_qsl(value, keep_blank_values=True, max_num_fields=100)) if value else {}


def _checked(pairs: list[tuple[str, str]]) -> dict[str, str]:
    if len(pairs) > MAX_TAGS:
        raise ServiceError("InvalidTag", f"{len(pairs)} tags: at most {MAX_TAGS} are allowed")
    for name, value in pairs:
        if not 0 < len(name) <= MAX_TAG_KEY or len(value) > MAX_TAG_VALUE:
            raise ServiceError(
                "InvalidTag",
                f"a tag's key has 1 to {MAX_TAG_KEY} characters, its value up to {MAX_TAG_VALUE}",
            )
    if len(dict(pairs)) != len(pairs):
        raise ServiceError("InvalidTag", "a tag's key stands twice: keys must differ")
    return dict(pairs)
