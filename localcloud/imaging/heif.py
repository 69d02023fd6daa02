"""HEIF: read by everybody, written where `pillow-heif` is installed (its x265 is GPL).

Registered with Pillow at the first file that needs it: the import costs 40 ms and 10 MB.
"""

from __future__ import annotations

import importlib.util
import threading

# Brands of HEVC pictures, and the containers' own, which AVIF shares (ISO 23008-12, B.4.1).
_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
HEADER = 12  # bytes that tell
_lock = threading.Lock()
_registered = False


def is_heif(header: bytes) -> bool:
    """Whether a file that begins with `header` may be HEIF."""
    return header[4:8] == b"ftyp" and header[8:HEADER] in _BRANDS


def can_write() -> bool:
    """Whether there is an encoder."""
    return importlib.util.find_spec("pillow_heif") is not None


def register() -> None:
    """Teach Pillow the format HEIF; further calls do nothing."""
    global _registered  # noqa: PLW0603 - Pillow's table of formats is global as well
    with _lock:
        if not _registered:
            if can_write():
                import pillow_heif as library
            else:
                import pi_heif as library
            # Pictures beside the main one are not looked at.
            library.options.DEPTH_IMAGES = False
            library.options.THUMBNAILS = False
            library.options.AUX_IMAGES = False
            library.register_heif_opener()
            _registered = True
