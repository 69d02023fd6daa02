"""The checksums that S3 clients send beside a body: `x-amz-checksum-<algorithm>`, in base64."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

from fastcrc import crc32

from localcloud.crc64nvme import crc64_nvme
from localcloud.errors import ServiceError

_PREFIX = "x-amz-checksum-"


class _Crc:
    """A CRC with the interface of `hashlib`'s objects."""

    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function, self._size, self._value = function, size, 0

    def update(self, data: bytes) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


_ALGORITHMS: dict[str, Callable[[], Any]] = {
    "crc32": lambda: _Crc(zlib.crc32, 4),
    "crc32c": lambda: _Crc(crc32.iscsi, 4),
    "crc64nvme": lambda: _Crc(crc64_nvme, 8),
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
}
HEADERS = tuple(_PREFIX + name for name in _ALGORITHMS)


class Checksum:
    """One checksum of a body that goes by. `header` is the name that it is sent under."""

    def __init__(self, header: str) -> None:
        self.header = header
        self._running = _ALGORITHMS[header.removeprefix(_PREFIX)]()

    @classmethod
    def named(cls, header: str) -> Checksum:
        """Raises `ServiceError` InvalidRequest for a name that is no checksum's."""
        name = header.strip().lower()
        if name not in HEADERS:
            raise ServiceError(
                "InvalidRequest", f"x-amz-trailer is {header[:60]!r}: one of {', '.join(HEADERS)}"
            )
        return cls(name)

    def update(self, data: bytes) -> None:
        """Take the next bytes in."""
        self._running.update(data)

    def compare(self, sent: str) -> None:
        """Raises `ServiceError` BadDigest unless `sent` is the base64 of what went by."""
        if sent != base64.b64encode(self._running.digest()).decode():
            raise ServiceError("BadDigest", f"the body is not the one that {self.header} describes")


async def checked(body: AsyncIterator[bytes], header: str, sent: str) -> AsyncIterator[bytes]:
    """`body`, and at its end a comparison with the checksum `sent` in `header`."""
    checksum = Checksum(header)
    async for chunk in body:
        checksum.update(chunk)
        yield chunk
    checksum.compare(sent)
