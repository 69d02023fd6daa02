"""The content of an audit: found, checked by its header, and held while it is judged."""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from localcloud.ci.audit.encryption import check, decrypted
from localcloud.ci.audit.errors import INVALID_ARGUMENT, AuditError, from_service
from localcloud.ci.audit.kinds import IMAGE, MAX_LARGE_IMAGE, TEXT, VIRUS, Kind
from localcloud.ci.audit.requests import MAX_CHARACTERS, Input
from localcloud.cloud import Cloud
from localcloud.cos import addresses, symlink
from localcloud.detectors.judgement import BROKEN, MISSING, TOO_LARGE
from localcloud.errors import ServiceError
from localcloud.limits import BODY_CHUNK
from localcloud.storage import StoredObject


@dataclass(frozen=True)
class Content:
    """What is to be judged: an object as it was when it was looked for, or `data` of the request.

    `encryption` opens it; `size` is in bytes, in its encrypted form. A `steady` object's file is
    not going to be replaced.
    """

    size: int
    stored: StoredObject | None = None
    data: bytes = b""
    url: str = ""
    encryption: Mapping[str, str] | None = None
    steady: bool = False

    @property
    def suffix(self) -> str:
        """The end of its name, in lower case and without the dot."""
        name = urlsplit(self.url).path if self.url else self.stored.key if self.stored else ""
        return Path(name).suffix[1:].lower()


def find(cloud: Cloud, bucket: str, wanted: Input, kind: Kind) -> Content:
    """Raises AuditError for content that is missing, too large, empty or out of reach."""
    try:
        content = _find(cloud, bucket, wanted, kind)
    except ServiceError as error:
        raise from_service(error) from None
    check_size(content, wanted, kind)
    if content.encryption:
        check(content.encryption)
    return content


def fetch(cloud: Cloud, content: Content) -> None:
    """Have the object's file on this machine. Raises AuditError when it has just gone."""
    if content.stored is not None:
        try:
            cloud.storage.fetch(content.stored)
        except ServiceError as error:
            raise from_service(error) from None
        except FileNotFoundError:
            raise AuditError(MISSING, "the object was deleted before it was judged") from None


def check_size(content: Content, wanted: Input, kind: Kind) -> None:
    """Raises AuditError for what is too large for its kind, or empty."""
    if content.size > kind.max_size:
        allowed = f"{kind.name}: at most {kind.max_size} are allowed"
        raise AuditError(TOO_LARGE, f"the content has {content.size} bytes, {allowed}")
    if kind is IMAGE and content.size > MAX_LARGE_IMAGE and not wanted.large:
        raise AuditError(
            TOO_LARGE,
            f"the picture has {content.size} bytes: above {MAX_LARGE_IMAGE} it takes "
            "LargeImageDetect=1",
        )
    if not content.size and kind is not VIRUS:
        raise AuditError(BROKEN, "the content is empty")


def _find(cloud: Cloud, bucket: str, wanted: Input, kind: Kind) -> Content:
    encryption = wanted.encryption or None
    if wanted.content:
        data = _decoded(wanted.content, kind)
        return Content(len(data), data=data, encryption=encryption)
    if wanted.url:
        stored = addresses.find(cloud, addresses.source(wanted.url))
        return Content(stored.size, stored, url=wanted.url, encryption=encryption)
    stored = symlink.resolve(cloud, cloud.storage.head(bucket, wanted.object, wanted.version))
    addresses.check(cloud, stored)
    return Content(stored.size, stored, encryption=encryption)


def _decoded(text: str, kind: Kind) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise AuditError(INVALID_ARGUMENT, "Param Content is illegal: it is no base64") from None
    if kind is TEXT:
        try:
            characters = len(data.decode())
        except UnicodeDecodeError:
            raise AuditError(INVALID_ARGUMENT, "Param Content is illegal: it is no UTF-8") from None
        if characters > MAX_CHARACTERS:
            raise AuditError(
                INVALID_ARGUMENT,
                f"Param Content is illegal: it has {characters} characters, at most "
                f"{MAX_CHARACTERS} are allowed",
            )
    return data


@asynccontextmanager
async def held(scratch: Callable[[], Path], content: Content) -> AsyncIterator[Path]:
    """A file with the plain bytes that stays while the object is replaced or deleted.

    `scratch` names new files. Raises AuditError when the object has just gone.
    """
    if content.steady and content.stored is not None:
        yield content.stored.path
        return
    path = scratch()
    try:
        try:
            await asyncio.to_thread(_hold, content, path)
        except FileNotFoundError:
            raise AuditError(MISSING, "the object was deleted before it was judged") from None
        yield path
    finally:
        path.unlink(missing_ok=True)


async def plain(content: Content) -> bytes:
    """All of a content that came with the request."""
    if not content.encryption:
        return content.data
    return await asyncio.to_thread(b"".join, decrypted([content.data], content.encryption))


def _hold(content: Content, path: Path) -> None:
    stored = content.stored
    if stored is not None and not content.encryption and _is_whole(stored):
        try:
            os.link(stored.path, path)
        except FileNotFoundError:
            raise
        except OSError:
            pass  # no hard links here: a copy does as well
        else:
            return
    with path.open("wb") as file:
        chunks = _chunks(stored) if stored is not None else iter([content.data])
        if content.encryption:
            chunks = decrypted(chunks, content.encryption)
        file.writelines(chunks)


def _is_whole(stored: StoredObject) -> bool:
    # The file of an object that was appended to may hold more than counts.
    return stored.path.stat().st_size == stored.size


def _chunks(stored: StoredObject) -> Iterator[bytes]:
    left = stored.size
    with stored.path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(BODY_CHUNK, left))):
            left -= len(chunk)
            yield chunk
