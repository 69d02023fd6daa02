"""What a bucket's owner keeps from strangers: originals, and pages that borrow pictures.

Origin protection (CI manual 004:957) lets strangers see an object only through a style; hotlink
protection (004:775) looks at the page that a download comes from. Who signs is no stranger: neither
applies to signed requests (the manual does not say).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from localcloud.ci import binding
from localcloud.ci.errors import refusal
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.limits import MAX_XML

MAX_URLS = 100
TYPES = ("white", "black", "off")
_ORIGIN, _HOTLINK = "origin-protect", "hotlink"
_DOMAIN = re.compile(r"(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*")


@dataclass(frozen=True)
class Hotlink:
    """`type` white lets in only the domains of `urls`, black all but them, off everybody."""

    type: str = "off"
    urls: tuple[str, ...] = ()

    def admits(self, referer: str) -> bool:
        """A download without Referer passes a black list and fails a white one."""
        if self.type == "off":
            return True
        host = _host(referer)
        listed = any(
            host == url or (url.startswith("*.") and host.endswith(url[1:])) for url in self.urls
        )
        return listed is (self.type == "white")


def check(cloud: Cloud, request: Request, rule: str | None) -> None:
    """Raises ServiceError -108 or -154 for a stranger's download that the owner does not want."""
    if request.secret_id is not None:
        return
    referer = request.headers.get("Referer", "")
    if not _hotlink(cloud, request.bucket).admits(referer):
        raise refusal(
            -108, f"Referer {referer[:200]!r} is not allowed by the bucket's hotlink protection"
        )
    protected = cloud.storage.get_setting(request.bucket, _ORIGIN) is not None
    if protected and not (rule or "").startswith("style/"):
        raise refusal(-154, "originals are protected: only the bucket's styles are allowed")


async def protect_origin(cloud: Cloud, request: Request) -> Response:
    """`PUT /?origin-protect` (004:957)."""
    binding.require(cloud, request.bucket)
    cloud.storage.set_setting(request.bucket, _ORIGIN, json.dumps("on"))
    return Response()


async def origin_status(cloud: Cloud, request: Request) -> Response:
    """`GET /?origin-protect`: on or off (004:1019)."""
    binding.require(cloud, request.bucket)
    word = "on" if cloud.storage.get_setting(request.bucket, _ORIGIN) else "off"
    return xml_response(xml.document("OriginProtectStatus", [word]))


async def release_origin(cloud: Cloud, request: Request) -> Response:
    """`DELETE /?origin-protect` (004:1093)."""
    binding.require(cloud, request.bucket)
    cloud.storage.set_setting(request.bucket, _ORIGIN, None)
    return Response()


async def put_hotlink(cloud: Cloud, request: Request) -> Response:
    """`PUT /?hotlink` (004:831): replaces the whole list."""
    binding.require(cloud, request.bucket)
    root = xml.parse(await request.read(MAX_XML), "Hotlink")
    kind = (root.findtext("Type") or "").strip()
    if kind not in TYPES:
        raise ServiceError("InvalidArgument", f"Type is {kind[:50]!r}: allowed: {', '.join(TYPES)}")
    urls = [_domain((node.text or "").strip().lower()) for node in root.iter("Url")]
    if len(urls) > MAX_URLS or (not urls and kind != "off"):
        raise ServiceError("InvalidArgument", f"{len(urls)} Url: 1 to {MAX_URLS} are allowed")
    setting = json.dumps({"type": kind, "urls": urls})
    cloud.storage.set_setting(request.bucket, _HOTLINK, setting)
    return Response()


async def get_hotlink(cloud: Cloud, request: Request) -> Response:
    """`GET /?hotlink` (004:775)."""
    binding.require(cloud, request.bucket)
    found = _hotlink(cloud, request.bucket)
    status = "off" if found.type == "off" else "on"
    parts = [xml.element("Status", status), xml.element("Type", found.type)]
    parts += [xml.element("Url", url) for url in found.urls]
    return xml_response(xml.document("Hotlink", parts))


def _hotlink(cloud: Cloud, bucket: str) -> Hotlink:
    setting = json.loads(cloud.storage.get_setting(bucket, _HOTLINK) or "{}")
    return Hotlink(setting.get("type", "off"), tuple(setting.get("urls", ())))


def _host(url: str) -> str:
    """The host of a URL in lower case, empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""


def _domain(url: str) -> str:
    host = _host(url if "//" in url else f"//{url}")
    if not _DOMAIN.fullmatch(host):
        raise ServiceError(
            "InvalidArgument", f"Url is {url[:100]!r}: a domain such as www.example.com is expected"
        )
    return host
