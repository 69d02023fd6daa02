"""A listener on loopback that notes every request and answers that all went well.

Functions reach it as they reach the local cloud, as an HTTP proxy. It keeps what they write for as
long as it listens, and connects to nothing.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from localcloud import addressing
from localcloud.ci.errors import from_pic_operations
from localcloud.cos import xml
from localcloud.errors import ServiceError
from localcloud.http import XML, new_id, parse_query
from shared.pic_operations import PicOperations, PicOperationsError, target_key

MAX_BODY = 8 * 1024 * 1024
MAX_REQUESTS = 1000
# Headers that say what a request does; signatures, tokens and the client's own are left out.
_KEPT = (
    "Pic-Operations", "Content-Type", "x-cos-acl", "x-cos-storage-class", "x-cos-tagging",
    "x-cos-forbid-overwrite", "X-TC-Action",
)  # fmt: skip


_PASSED = tuple(
    xml.element(name, value)
    for name, value in (("JobId", "dry-run"), ("State", "Success"), ("Result", "0"))
)
_LONG_AGO = "Thu, 01 Jan 1970 00:00:00 GMT"
_MAX_TEXT = 10_000  # bytes of an object that an audit sends itself


@dataclass(frozen=True)
class Exchange:
    """One request as it came: `path` with its query, percent-encoded; `body` in bytes."""

    method: str
    host: str
    path: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Invoked:
    """An asynchronous invoke that was asked for: the function's deployed name, and its event."""

    function: str
    event: Any


@dataclass
class Recorder:
    """`etag` (without quotes) and `size` in bytes are what a HEAD of the upload is told, `content`
    is what it holds, empty where that is not known, `key` its key.

    `functions` are the deployed names that an invoke finds.
    """

    etag: str
    size: int = 0
    content: bytes = b""
    key: str = ""
    functions: frozenset[str] = frozenset()
    seen: list[Exchange] = field(default_factory=list)
    invoked: list[Invoked] = field(default_factory=list)
    written: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _runner: web.ServerRunner | None = None

    async def start(self) -> str:
        """Listen on a free port of 127.0.0.1; the endpoint."""
        server = web.Server(self._handle, access_log=None)
        self._runner = web.ServerRunner(server)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        try:
            body = await _read(incoming)
            address = addressing.resolve(incoming.raw_path, incoming.headers.get("Host", ""))
            self._note(incoming, address, body)
            if address.service == "api":
                return self._api_answer(incoming, body)
            return self._answer(incoming, address, body)
        except ServiceError as error:
            request_id = new_id()
            answer = web.Response(
                status=error.status, body=error.to_xml(incoming.raw_path, request_id, request_id)
            )
            answer.headers["Content-Type"] = XML
            return answer

    def _note(self, incoming: web.BaseRequest, address: addressing.Address, body: bytes) -> None:
        if len(self.seen) >= MAX_REQUESTS:
            raise ServiceError("SlowDown", f"a dry run notes at most {MAX_REQUESTS} requests")
        headers = {name: incoming.headers[name] for name in _KEPT if name in incoming.headers}
        # The SDK marks a request without a value: `?tagging=`.
        query = f"?{address.raw_query}".removesuffix("=") if address.raw_query else ""
        path = address.raw_path + query
        self.seen.append(Exchange(incoming.method, address.authority, path, headers, body))

    def _answer(
        self, incoming: web.BaseRequest, address: addressing.Address, body: bytes
    ) -> web.Response:
        """What COS or CI answers when there is nothing to complain about."""
        names = {param.name for param in parse_query(address.raw_query)}
        headers = {"x-cos-request-id": "dry-run"}
        if incoming.method == "POST" and "image_process" in names:
            return _xml(self._results(incoming, address), headers)
        if document := _document(incoming.method, address, names):
            return _xml(document, headers)
        place = (address.authority, address.key)
        if incoming.method in ("GET", "HEAD") and not names and address.key != self.key:
            if place not in self.written:
                raise ServiceError("NoSuchKey", "a dry run has no other objects")
            kept = self.written[place]
            headers |= {"Last-Modified": _LONG_AGO, "Content-Length": str(len(kept))}
            return web.Response(headers=headers, body=kept)
        if incoming.method == "HEAD" and not names:
            headers |= {"ETag": f'"{self.etag}"', "Content-Length": str(self.size)}
            return web.Response(headers=headers)
        if incoming.method == "GET" and not names:
            return self._content(incoming, headers)
        if incoming.method == "PUT" and not names:
            self.written[place] = body
        if incoming.method == "PUT" and names <= {"tagging", "acl"}:
            return web.Response(headers={**headers, "ETag": f'"{self.etag}"'})
        # No 5xx: those are tried again.
        raise ServiceError("MethodNotAllowed", f"a dry run has no answer to {incoming.method}")

    def _content(self, incoming: web.BaseRequest, headers: dict[str, str]) -> web.Response:
        """The upload or its beginning: audits look at it. One that is not known is blank: their
        requests look the same with another."""
        asked = incoming.http_range
        begin, end = asked.start or 0, min(self.size, asked.stop or self.size)
        if end - begin > _MAX_TEXT or begin:
            raise ServiceError("MethodNotAllowed", "a dry run has no answer to GET of all that")
        headers |= {"ETag": f'"{self.etag}"', "Last-Modified": _LONG_AGO}
        body = self.content[:end] if self.content else b" " * end
        if asked.stop is None:
            return web.Response(headers=headers, body=body)
        headers["Content-Range"] = f"bytes 0-{end - 1}/{self.size}"
        return web.Response(status=206, headers=headers, body=body)

    def _api_answer(self, incoming: web.BaseRequest, body: bytes) -> web.Response:
        """What API 3.0 answers: an invoke is taken, with an id that a real one would not have, and
        moderation finds nothing."""
        action = incoming.headers.get("X-TC-Action", "")
        answer: dict[str, Any] = {"RequestId": "dry-run"}
        if action in ("ImageModeration", "TextModeration"):
            passed = {"Suggestion": "Pass", "Label": "Normal", "SubLabel": "", "Score": 0}
            return web.json_response({"Response": answer | passed})
        try:
            fields = json.loads(body) if action == "Invoke" else {}
            name, event = fields["FunctionName"], json.loads(fields["ClientContext"])
        except (ValueError, TypeError, KeyError, RecursionError):
            message = f"a dry run has no answer to {action[:60]}"
            answer["Error"] = {"Code": "UnsupportedOperation", "Message": message}
        else:
            if name in self.functions:
                self.invoked.append(Invoked(name, event))
                answer["Result"] = {"FunctionRequestId": str(uuid.uuid4())}
            else:
                message = f"serverless.yml has no function that is deployed as {name!r}"
                answer["Error"] = {"Code": "ResourceNotFound.Function", "Message": message}
        return web.json_response({"Response": answer})

    def _results(self, incoming: web.BaseRequest, address: addressing.Address) -> str:
        """An `UploadResult` with an entry for each rule and nothing in it that is made up."""
        try:
            rules = PicOperations.from_header(incoming.headers.get("Pic-Operations", "")).rules
        except PicOperationsError as error:
            raise from_pic_operations(error) from None
        objects = [
            xml.element("Object", xml.element("Key", target_key(address.key, rule.fileid)))
            for rule in rules
        ]
        original = xml.element("OriginalInfo", xml.element("Key", address.key))
        return xml.document("UploadResult", [original, xml.element("ProcessResults", *objects)])


def _document(method: str, address: addressing.Address, names: set[str]) -> str:
    """The XML that a request gets which changes nothing; empty for all others."""
    if method == "POST":
        return _audit(address) if address.service == "ci" else ""
    if method != "GET":
        return ""
    if "ci-process" in names:
        return xml.document("RecognitionResult", _PASSED)
    if "acl" in names:
        return xml.document("AccessControlPolicy", [xml.element("AccessControlList")])
    if "tagging" in names:
        return xml.document("Tagging", [xml.element("TagSet")])
    return xml.document("VersioningConfiguration", []) if "versioning" in names else ""


def _audit(address: addressing.Address) -> str:
    """A job that was taken, or the verdict that nothing was found; empty for other requests."""
    path = address.raw_path.strip("/")
    if path in ("text/auditing", "image/auditing"):
        return xml.document("Response", [xml.element("JobsDetail", *_PASSED)])
    if path.endswith("/auditing") or path == "virus/detect":
        job = (xml.element("JobId", "dry-run"), xml.element("State", "Submitted"))
        return xml.document("Response", [xml.element("JobsDetail", *job)])
    return ""


async def _read(incoming: web.BaseRequest) -> bytes:
    data = bytearray()
    async for chunk in incoming.content.iter_any():
        data += chunk
        if len(data) > MAX_BODY:
            raise ServiceError("EntityTooLarge", f"a dry run takes at most {MAX_BODY} bytes")
    return bytes(data)


def _xml(document: str, headers: dict[str, str]) -> web.Response:
    return web.Response(body=document.encode(), headers={**headers, "Content-Type": XML})
