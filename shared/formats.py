"""The formats that a result can have, and which one `format: auto` is for an upload."""

from __future__ import annotations

from shared.events import Upload

# What imageMogr2/format takes (CI manual 004:2190); the last three are advanced compression.
FORMATS = ("jpg", "png", "webp", "gif", "bmp", "avif", "heif", "tpg")
AUTO = "auto"
# Photographs: still and without transparency, so that AVIF loses nothing of them.
_PHOTOS = ("jpg", "bmp", "heif", "tpg", "avif")
_TYPES = {"jpeg": "jpg", "pjpeg": "jpg", "heic": "heif", "x-ms-bmp": "bmp", "x-bmp": "bmp"}
_SUFFIXES = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "heic": "heif", "hif": "heif"}


def candidates(*, advanced: bool) -> tuple[str, ...]:
    """What `auto` can come to; AVIF only where the bucket has `advanced` compression."""
    return ("avif", "webp") if advanced else ("webp",)


def choose(upload: Upload, allowed: tuple[str, ...]) -> str:
    """The format of `allowed` for one upload: AVIF for photographs, otherwise WebP.

    WebP takes every source and keeps transparency and frames (CI manual 004:5924).
    """
    return "avif" if "avif" in allowed and source_format(upload) in _PHOTOS else "webp"


def source_format(upload: Upload) -> str:
    """The upload's format by its content type, or by its suffix where the type says nothing."""
    kind = upload.content_type.partition(";")[0].strip().lower()
    if kind.startswith("image/"):
        name = kind.removeprefix("image/")
        return _TYPES.get(name, name)
    suffix = upload.key.rpartition("/")[2].rpartition(".")[2].lower()
    return _SUFFIXES.get(suffix, suffix)
