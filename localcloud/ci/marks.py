"""The pictures of watermarks, seen and blind, taken from the store and never over a network.

The address comes from whoever wrote the rule. It names an object of the source's own bucket
(CI manual 004:3740) that everybody may read, or it carries a signature; all else is refused.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping

from localcloud import addressing
from localcloud.ci.audit import freeze
from localcloud.ci.errors import refusal
from localcloud.cloud import Cloud
from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.identity.authentication import authenticate
from localcloud.identity.authorization import authorize
from localcloud.imaging import LIMITS
from localcloud.storage import StoredObject
from shared.rules import BlindExtraction, BlindWatermark, ImageWatermark, Rule, Stage

MAX_MARKS = 10


async def load(
    cloud: Cloud, bucket: str, rules: Iterable[Rule], *, persistent: bool = False
) -> Mapping[str, bytes]:
    """The files of all watermarks in `rules`, by their address; for the extraction of a half
    blind one, that of the original.

    Raises ServiceError: -60998 or -106 for an address that is not allowed or more than ten marks,
    -60987 for a mark that cannot be read. What only rules with `ignore-error` need is left out
    then: they answer with the original for want of it.
    """
    found = find(cloud, bucket, rules, persistent=persistent)
    for mark in found.values():
        cloud.storage.fetch(mark)
    return await read(cloud, found)


def find(
    cloud: Cloud, bucket: str, rules: Iterable[Rule], *, persistent: bool = False
) -> Mapping[str, StoredObject]:
    """The objects that `load` reads, by their address, each checked. Raises as `load` does."""
    needed: dict[str, bool] = {}
    for rule in rules:
        for address in filter(None, map(_address, rule.stages)):
            needed[address] = needed.get(address, False) or not rule.ignore_error
    if len(needed) > MAX_MARKS:
        message = f"{len(needed)} different watermarks: at most {MAX_MARKS} are allowed"
        raise refusal(-106, message, persistent=persistent)
    found = {}
    for address in sorted(needed):
        try:
            found[address] = _find(cloud, bucket, address, persistent=persistent)
        except ServiceError:
            if needed[address]:
                raise
    return found


async def read(cloud: Cloud, found: Mapping[str, StoredObject]) -> Mapping[str, bytes]:
    """The files of marks that `find` found and the storage has fetched."""
    files = {}
    for address, stored in found.items():
        try:
            files[address] = await cloud.run(stored.path.read_bytes)
        except FileNotFoundError:
            raise refusal(-60987, f"image {address!r}: it has just been replaced") from None
    return files


def _address(stage: Stage) -> str | None:
    if isinstance(stage, ImageWatermark):
        return stage.image
    return stage.picture if isinstance(stage, (BlindWatermark, BlindExtraction)) else None


def _find(cloud: Cloud, bucket: str, address: str, *, persistent: bool) -> StoredObject:
    try:
        request = _request(address)
    except ServiceError as error:
        raise refusal(-106, f"image {address!r}: {error.message}", persistent=persistent) from None
    region = cloud.storage.bucket(bucket).region
    if (request.service, request.bucket, request.region) != ("cos", bucket, region):
        allowed = f"an object of http://{bucket}.cos.{region}.myqcloud.com/"
        raise refusal(-106, f"image {address!r}: {allowed} is allowed", persistent=persistent)
    try:
        request = authenticate(request, cloud.credentials)
        authorize(cloud, request, ("cos", "GET", "object", ""))
        stored = cloud.storage.head(request.bucket, request.key)
        freeze.check(stored)
    except ServiceError as error:
        advice = "a private one needs a signature in its address"
        raise refusal(-60987, f"image {address!r}: {error.message} ({advice})") from None
    if stored.size > LIMITS.source_size:
        raise refusal(
            -60987,
            f"image {address!r} has {stored.size} bytes: at most {LIMITS.source_size} are allowed",
        )
    return stored


def _request(address: str) -> Request:
    """What a GET of the address would be: the same checks as for one that came over the wire."""
    return addressing.resolve(address, "").request(
        "GET", headers={}, raw_headers=(), body=_nothing(), request_id=""
    )


async def _nothing() -> AsyncIterator[bytes]:
    for chunk in ():
        yield chunk
