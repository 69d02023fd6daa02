"""The events of an answer on the wire: prelude, headers, payload, and a CRC32 over each part.

https://cloud.tencent.com/document/product/436/37641
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

_STRING = 7  # the only type of a header's value
_OVERHEAD = 16


@dataclass(frozen=True)
class Progress:
    """Bytes read from the object, after decompression, and sent back as records."""

    scanned: int
    processed: int
    returned: int

    def xml(self, root: str) -> bytes:
        """The payload of a Stats or Progress event."""
        return (
            f'<?xml version="1.0" encoding="UTF-8"?><{root}>'
            f"<BytesScanned>{self.scanned}</BytesScanned>"
            f"<BytesProcessed>{self.processed}</BytesProcessed>"
            f"<BytesReturned>{self.returned}</BytesReturned></{root}>"
        ).encode()


def records(payload: bytes) -> bytes:
    """Some result, cut anywhere."""
    return _event("Records", payload, "application/octet-stream")


def progress(state: Progress) -> bytes:
    """How far the query is."""
    return _event("Progress", state.xml("Progress"), "text/xml")


def stats(state: Progress) -> bytes:
    """How much it was, once, before the end."""
    return _event("Stats", state.xml("Stats"), "text/xml")


def keep_alive() -> bytes:
    """Nothing new, but at work."""
    return _event("Cont", b"")


def end() -> bytes:
    """The result is whole."""
    return _event("End", b"")


def error(code: str, message: str) -> bytes:
    """The query failed; nothing follows."""
    headers = {":error-code": code, ":error-message": message[:1000], ":message-type": "error"}
    return _message(headers, b"")


def _event(kind: str, payload: bytes, content_type: str = "") -> bytes:
    headers = {":message-type": "event", ":event-type": kind}
    if content_type:
        headers[":content-type"] = content_type
    return _message(headers, payload)


def _message(headers: dict[str, str], payload: bytes) -> bytes:
    fields = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack(">II", len(fields) + len(payload) + _OVERHEAD, len(fields))
    message = prelude + struct.pack(">I", zlib.crc32(prelude)) + fields + payload
    return message + struct.pack(">I", zlib.crc32(message))


def _header(name: str, value: str) -> bytes:
    left, right = name.encode(), value.encode()
    return struct.pack(">B", len(left)) + left + struct.pack(">BH", _STRING, len(right)) + right
