"""Certificates of custom domains (`?domaincertificate`): whether a domain has one.

https://cloud.tencent.com/document/product/436/93328. The private key is looked at and forgotten: it
is of no use here, and a data folder is no place for one.
"""

from __future__ import annotations

import json

from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.cos.settings import stored
from localcloud.cos.settings.shape import content, maybe, one, some, text, word
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response
from localcloud.limits import KIB

_STORED = "cos:domaincertificate"
_MAX_PEM = 64 * KIB
_MAX_DOMAINS = 20
_CUSTOM = "CustomCert"

_UPLOAD = stored.Setting(
    "domaincertificate",
    "DomainCertificate",
    {
        "CertificateInfo": one(
            {
                "CertType": one(word(_CUSTOM, "CloudCert")),
                _CUSTOM: maybe({"Cert": one(text(_MAX_PEM, 1)), "PrivateKey": one(text(_MAX_PEM))}),
            }
        ),
        "DomainList": some({"DomainName": some(text(255, 1), _MAX_DOMAINS)}, _MAX_DOMAINS),
    },
)


async def put(cloud: Cloud, request: Request) -> Response:
    """PUT ?domaincertificate, for domains that the bucket has (`?domain`)."""
    root = await stored.read(cloud, request, _UPLOAD)
    if root is None:
        return Response()
    path = f"CertificateInfo/{_CUSTOM}"
    if content(root, "CertificateInfo/CertType") == _CUSTOM and not (
        "-----BEGIN CERTIFICATE-----" in content(root, f"{path}/Cert")
        and "PRIVATE KEY-----" in content(root, f"{path}/PrivateKey")
    ):
        raise ServiceError("InvalidArgument", f"{path}: Cert and PrivateKey must be PEM text")
    domains = [node.text or "" for node in root.iter("DomainName")]
    bound = stored.find(cloud, request.bucket, "domain")
    known = set() if bound is None else {node.text for node in bound.iter("Name")}
    for domain in domains:
        if domain not in known:
            raise ServiceError(
                "InvalidArgument", f"DomainName {domain[:100]!r} is no domain of the bucket"
            )
    _keep(cloud, request.bucket, sorted({*_certified(cloud, request.bucket), *domains}))
    return Response()


async def get(cloud: Cloud, request: Request) -> Response:
    """GET ?domaincertificate&domainname: Enabled or Disabled."""
    has_one = request.get("domainname") in _certified(cloud, request.bucket)
    status = xml.element("Status", "Enabled" if has_one else "Disabled")
    return xml_response(xml.document("DomainCertificate", [status]))


async def delete(cloud: Cloud, request: Request) -> Response:
    """DELETE ?domaincertificate&domainname: 204 whether or not there was one."""
    left = [d for d in _certified(cloud, request.bucket) if d != request.get("domainname")]
    _keep(cloud, request.bucket, left)
    return Response(204)


def _certified(cloud: Cloud, bucket: str) -> list[str]:
    found: list[str] = json.loads(cloud.storage.get_setting(bucket, _STORED) or "[]")
    return found


def _keep(cloud: Cloud, bucket: str, domains: list[str]) -> None:
    cloud.storage.set_setting(bucket, _STORED, json.dumps(domains) if domains else None)
