"""Multipart uploads: a document for each, and parts whose names say all that is known of them.

So a list of ten thousand parts is ten listings and no reads.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass

from localcloud.errors import ServiceError
from localcloud.limits import MIB
from localcloud.storage import Part, Upload
from localcloud.storage.s3.bodies import Bodies
from localcloud.storage.s3.documents import Documents
from localcloud.storage.s3.removal import Removal
from localcloud.storage.s3.store import Entry, Store

_ROOM = 1 * MIB  # of documents that are kept in memory
_PAGE = 1000
# Number, when it came in ns since 1970, ETag, size, and 32 digits that make the name unique.
_PART = re.compile(r"([0-9]{5})-([0-9]{20})-([0-9a-f]*)-([0-9]+)-[0-9a-f]{32}")
_ID = re.compile(r"[0-9A-Za-z]{1,128}")


@dataclass(frozen=True)
class RemotePart(Part):
    """One whose bytes lie under the name `place` in the store."""

    place: str = ""


class Uploads:
    """The unfinished multipart uploads. `folder` is the bucket's."""

    def __init__(
        self, store: Store, executor: ThreadPoolExecutor, bodies: Bodies, removal: Removal
    ) -> None:
        self._store, self._executor = store, executor
        self._bodies, self._removal = bodies, removal
        self._documents: Documents[Upload | None] = Documents(
            store, executor, _decode, _encode, nothing=None, room=_ROOM
        )

    def create(self, folder: str, upload: Upload) -> None:
        name = _document(folder, upload.id)
        self._documents.change(name, lambda _: upload, lambda now: now == upload)

    def get(self, folder: str, key: str, upload_id: str) -> Upload:
        """Raises NoSuchUpload."""
        found = None
        if _ID.fullmatch(upload_id):
            found = self._documents.read(_document(folder, upload_id)).content
        if found is None or found.key != key:
            raise ServiceError("NoSuchUpload", "The specified multipart upload does not exist.")
        return found

    def all(self, folder: str) -> list[Upload]:
        """By key and time."""
        entries: list[Entry] = []
        for page in self._documents.list(_document(folder, ""), "", _PAGE):
            entries += page
        found = [upload for upload in self._documents.read_all(entries) if upload is not None]
        return sorted(found, key=lambda upload: (upload.key, upload.created))

    def put_part(self, folder: str, upload: Upload, part: Part) -> None:
        """Store a part, whose file is taken over; it replaces an earlier one of its number.

        Raises NoSuchUpload when the upload has ended meanwhile.
        """
        before = self._parts(folder, upload, part.number)
        came = max([time.time_ns(), *(_came(known) + 1 for known in before)])
        name = f"{part.number:05}-{came:020}-{part.etag}-{part.size}-{uuid.uuid4().hex}"
        place = f"{_parts_folder(folder, upload)}{name}"
        self._bodies.add(place, part.path)
        try:
            self.get(folder, upload.key, upload.id)
        except ServiceError:
            self._removal.add([place])
            raise
        self._remove(before)

    def parts(self, folder: str, upload: Upload) -> list[RemotePart]:
        """The newest of each number."""
        newest = {part.number: part for part in self._parts(folder, upload)}
        return list(newest.values())

    def drop(self, folder: str, upload: Upload) -> None:
        """Forget an upload and its parts."""
        parts = self._parts(folder, upload)
        self._documents.change(
            _document(folder, upload.id), lambda _: None, lambda now: now is None
        )
        self._remove(parts)

    def _parts(self, folder: str, upload: Upload, number: int | None = None) -> list[RemotePart]:
        """In the order of numbers and times."""
        prefix = _parts_folder(folder, upload) + ("" if number is None else f"{number:05}-")
        found = []
        for page in self._documents.list(prefix, "", _PAGE):
            for entry in page:
                match = _PART.fullmatch(entry.name.rpartition("/")[2])
                if match is not None:
                    found.append(
                        RemotePart(
                            int(match[1]), int(match[4]), match[3], int(match[2]) / 1e9,
                            self._bodies.path_of(entry.name), place=entry.name,
                        )
                    )  # fmt: skip
        return found

    def _remove(self, parts: list[RemotePart]) -> None:
        self._removal.add(part.place for part in parts)


def _document(folder: str, upload_id: str) -> str:
    return f"{folder}uploads/{upload_id}"


def _parts_folder(folder: str, upload: Upload) -> str:
    return f"{folder}parts/{upload.id}/"


def _came(part: RemotePart) -> int:
    return int(part.place.rpartition("/")[2].split("-")[1])


def _encode(content: Upload) -> bytes:
    return json.dumps(asdict(content)).encode()


def _decode(_: str, data: bytes) -> Upload:
    return Upload(**json.loads(data))
