"""multipart/form-data as it comes: small fields first, then one file, never held whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import unquote

from localcloud.errors import ServiceError
from localcloud.limits import MAX_FORM, MAX_FORM_FIELDS, MAX_FORM_HEAD

_BOUNDARY = re.compile(r'multipart/form-data\s*;.*?\bboundary=(?:"([^"]+)"|([^\s;"]+))', re.I)
_MAX_BOUNDARY = 200  # RFC 2046 has 70
_PARAMETER = re.compile(r';\s*(name|filename)="([^"]*)"', re.IGNORECASE)
_EXTENDED = re.compile(r";\s*filename\*=utf-8''([^;\s]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Head:
    """What stands before a part: its field's `name`, and the `filename` of a file."""

    name: str
    filename: str | None


class FormReader:
    """One form. Read `fields`, then `content`. Raises `ServiceError` MalformedPOSTRequest."""

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        match = _BOUNDARY.match(content_type)
        boundary = (match[1] or match[2]) if match else ""
        if not 0 < len(boundary) <= _MAX_BOUNDARY or not boundary.isascii():
            raise malformed("Content-Type must be multipart/form-data with a boundary")
        self._delimiter = b"\r\n--" + boundary.encode()
        # The first delimiter has no line before it.
        self._buffer, self._body, self._ended = bytearray(b"\r\n"), body, False

    async def fields(self) -> tuple[dict[str, str], str]:
        """All fields before the file, names as sent, and the file's name."""
        found: dict[str, str] = {}
        size = 0
        await self._until(self._delimiter, 2)
        while True:
            if await self._is_last():
                raise malformed("the form has no field 'file'")
            head = await self._head()
            if head.name.lower() == "file":
                return found, head.filename or ""
            value = await self._until(self._delimiter, MAX_FORM - size)
            size += len(value)
            if head.name.lower() in {name.lower() for name in found}:
                raise malformed(f"the field {head.name[:50]!r} stands twice")
            if len(found) >= MAX_FORM_FIELDS:
                raise malformed(f"more than {MAX_FORM_FIELDS} fields")
            found[head.name] = _text(value)

    async def content(self) -> AsyncIterator[bytes]:
        """The file's bytes. What stands behind it (a button, say) is read and forgotten."""
        keep = len(self._delimiter) - 1
        while (at := self._buffer.find(self._delimiter)) < 0:
            if len(self._buffer) > keep:
                piece = bytes(self._buffer[:-keep])
                del self._buffer[:-keep]
                yield piece
            await self._more()
        if at:
            yield bytes(self._buffer[:at])
        del self._buffer[: at + len(self._delimiter)]
        left = MAX_FORM
        while not self._ended:
            left -= len(self._buffer)
            if left < 0:
                raise malformed("too much stands behind the file: it must be the last field")
            self._buffer.clear()
            await self._more(may_end=True)

    async def _head(self) -> Head:
        lines = _text(await self._until(b"\r\n\r\n", MAX_FORM_HEAD)).split("\r\n")
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip().lower() == "content-disposition":
                found = {m[1].lower(): m[2].replace("%22", '"') for m in _PARAMETER.finditer(value)}
                extended = _EXTENDED.search(value)
                if extended:
                    found["filename"] = unquote(extended[1])
                if found.get("name"):
                    return Head(found["name"], found.get("filename"))
        raise malformed("a part has no Content-Disposition with a name")

    async def _is_last(self) -> bool:
        while len(self._buffer) < 2:
            await self._more()
        mark = bytes(self._buffer[:2])
        if mark not in (b"\r\n", b"--"):
            raise malformed("a boundary is followed by what is neither a part nor the end")
        del self._buffer[:2]
        return mark == b"--"

    async def _until(self, end: bytes, limit: int) -> bytes:
        """The bytes before `end`, which is taken away too."""
        while (at := self._buffer.find(end)) < 0:
            if len(self._buffer) > limit + len(end):
                raise malformed(f"the fields before the file have over {MAX_FORM} bytes")
            await self._more()
        if at > limit:
            raise malformed(f"the fields before the file have over {MAX_FORM} bytes")
        found = bytes(self._buffer[:at])
        del self._buffer[: at + len(end)]
        return found

    async def _more(self, *, may_end: bool = False) -> None:
        try:
            self._buffer += await anext(self._body)
        except StopAsyncIteration:
            self._ended = True
            if not may_end:
                raise malformed("the form ends before its last boundary") from None


def malformed(reason: str) -> ServiceError:
    """The error for a form that cannot be read."""
    return ServiceError("MalformedPOSTRequest", reason)


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("the form's fields must be UTF-8") from None
