"""Request target and Host -> which service, bucket, region and key are meant.

Three ways lead here: as an HTTP proxy (absolute target with the real host), directly with the real
host or `<bucket>.localhost` as Host, and path style (`/<bucket>/<key>`) on a loopback name. Paths
are read by hand: `%2F`, `..`, `+` and empty segments of a key stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from localcloud.errors import ServiceError
from localcloud.http import Request, decode, new_id, parse_query

_ROOTS = r"(?:myqcloud\.com|tencentcos\.cn)"
_REGION = r"(?P<region>[a-z]+(?:-[a-z0-9]+)+)"
_BUCKET = r"(?P<bucket>[a-z0-9][a-z0-9-]*-[0-9]+)"
_HOSTS = tuple(
    (re.compile(pattern), service)
    for pattern, service in (
        (rf"{_BUCKET}\.cos(?:-internal)?\.{_REGION}\.{_ROOTS}", "cos"),
        (rf"{_BUCKET}\.cos-website\.{_REGION}\.{_ROOTS}", "website"),
        (rf"{_BUCKET}\.ci\.{_REGION}\.{_ROOTS}", "ci"),
        (rf"{_BUCKET}\.pic\.{_REGION}\.{_ROOTS}", "pic"),
        (rf"service\.cos\.{_ROOTS}", "service"),
        (rf"cos(?:-internal)?\.{_REGION}\.{_ROOTS}", "service"),
        (rf"(?:[0-9]+\.)?ci\.{_REGION}\.{_ROOTS}", "ci"),
        (rf"{_REGION}\.migration\.{_ROOTS}", "migration"),
        (rf"{_BUCKET}\.localhost", "cos"),
        (r"service-[a-z0-9]+-[0-9]+\.[a-z0-9-]+\.apigw\.tencentcs\.com", "functions"),
        (r"[0-9]+-[a-z0-9]+-[a-z0-9-]+\.scf\.tencentcs\.com", "functions"),
        (rf"[a-z0-9]{{1,40}}(?:\.{_REGION})?\.(?:internal\.)?tencentcloudapi\.com", "api"),
    )
)
FUNCTIONS = "_scf"  # where path style has a bucket; no bucket can be called so
_LOOPBACK = {"127.0.0.1", "localhost", "[::1]"}
_AUTHORITY = re.compile(r"(?P<name>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::(?P<port>[0-9]{1,5}))?")
_ABSOLUTE = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)")


@dataclass(frozen=True)
class Address:
    """Where a request goes. `key` is decoded; `raw_path` and `raw_query` are as sent.

    `authority` is the host as sent, with its port; `signed_paths` are the decoded paths that a
    client may have signed: path style has two, with and without the bucket.
    """

    service: str
    bucket: str
    region: str
    key: str
    raw_path: str
    raw_query: str
    authority: str
    signed_paths: tuple[str, ...]

    def request(
        self,
        method: str,
        *,
        headers: Mapping[str, str],
        raw_headers: tuple[tuple[str, bytes], ...],
        body: AsyncIterator[bytes],
        request_id: str,
        remote: str = "",
        secure: bool = False,
    ) -> Request:
        """The anonymous request that is aimed here. Raises `ServiceError` InvalidURI."""
        return Request(
            method=method,
            service=self.service,
            bucket=self.bucket,
            region=self.region,
            key=self.key,
            raw_path=self.raw_path,
            raw_query=self.raw_query,
            signed_paths=self.signed_paths,
            host=self.authority,
            query=parse_query(self.raw_query),
            headers=headers,
            raw_headers=raw_headers,
            body=body,
            request_id=request_id,
            remote=remote,
            secure=secure,
        )


def plays(name: str) -> bool:
    """Whether requests to the host `name` (without a port) are answered here."""
    name = name.lower()
    return name in _LOOPBACK or any(pattern.fullmatch(name) for pattern, _ in _HOSTS)


def resolve(target: str, host: str) -> Address:
    """Find out what is meant. Raises `ServiceError` AccessDenied for a host not played here,
    InvalidURI for a target that is none."""
    match = _ABSOLUTE.match(target)
    if match:
        # RFC 9112 3.2.2: the target's authority counts, not the Host header.
        if match["scheme"].lower() not in ("http", "https"):
            raise ServiceError(
                "InvalidURI", f"the scheme is {match['scheme'][:20]!r}: http or https is allowed"
            )
        host, target = match["authority"], target[match.end() :] or "/"
        if not target.startswith("/"):
            target = "/" + target
    elif not target.startswith("/"):
        raise ServiceError("InvalidURI", f"the request target {target[:100]!r} is no path")
    raw_path, _, raw_query = target.partition("#")[0].partition("?")
    found = _AUTHORITY.fullmatch(host)
    name = found["name"].lower() if found else host.lower()
    if name in _LOOPBACK:
        return _path_style(raw_path, raw_query, host)
    for pattern, service in _HOSTS:
        if played := pattern.fullmatch(name):
            parts = played.groupdict()
            if service == "service" and parts.get("region") and raw_path.strip("/"):
                # S3 clients put the bucket into the path.
                return _path_style(raw_path, raw_query, host, parts["region"])
            path = decode(raw_path)
            bucket, key = parts.get("bucket") or "", path[1:]
            if service == "migration":
                bucket, _, key = key.partition("/")
            return Address(
                service=service,
                bucket=bucket,
                region=parts.get("region") or "",
                key=key,
                raw_path=raw_path,
                raw_query=raw_query,
                authority=host,
                signed_paths=(path,),
            )
    raise ServiceError(
        "AccessDenied",
        f"the local cloud does not play the host {host[:255]!r} and is no open proxy: it answers "
        "for <bucket>.cos|cos-website|ci|pic.<region>.myqcloud.com (or tencentcos.cn), "
        "service.cos.myqcloud.com, cos.<region>.myqcloud.com/<bucket>/<key>, <bucket>.localhost, "
        "127.0.0.1/<bucket>/<key>, 127.0.0.1/_scf/<function>/, sts.tencentcloudapi.com, "
        "scf.tencentcloudapi.com, and the functions' own hosts (apigw|scf).tencentcs.com",
    )


def own_request(method: str, url: str) -> Request:
    """A request of the cloud to itself, anonymous and without a body, for work that nobody's
    request does. Raises `ServiceError` as `resolve` does."""
    return resolve(url, "").request(
        method, headers={}, raw_headers=(), body=_nothing(), request_id=new_id()
    )


async def _nothing() -> AsyncIterator[bytes]:
    for chunk in ():
        yield chunk


def _path_style(raw_path: str, raw_query: str, host: str, region: str = "") -> Address:
    raw_bucket, _, raw_key = raw_path[1:].partition("/")
    bucket, key, path = map(decode, (raw_bucket, raw_key, raw_path))
    service = "cos" if bucket else "service"
    if bucket == FUNCTIONS and not region:
        service = "functions"
    return Address(
        service=service,
        bucket=bucket,
        region=region,
        key=key,
        raw_path=raw_path,
        raw_query=raw_query,
        authority=host,
        signed_paths=(path, "/" + key) if bucket else (path,),
    )
