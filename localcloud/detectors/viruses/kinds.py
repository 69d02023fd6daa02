"""What a file is by its first bytes: archives that cannot be opened here, programs."""

from __future__ import annotations

from typing import BinaryIO

HEAD = 512
_ISO_PLACE = 32_769
_CHUNK = 1024**2
# By their beginning; the last two are also found where something else comes before them.
_ARCHIVES = (
    (b"MSCF", "CAB"), (b"\x28\xb5\x2f\xfd", "Zstandard"), (b"\x04\x22\x4d\x18", "LZ4"),
    (b"LZIP", "lzip"), (b"\x1f\x9d", "compress"), (b"\x1f\xa0", "compress"), (b"!<arch>\n", "ar"),
    (b"\xed\xab\xee\xdb", "RPM"), (b"07070", "cpio"), (b"\xc7\x71", "cpio"), (b"xar!", "xar"),
    (b"hsqs", "SquashFS"), (b"\x60\xea", "ARJ"), (b"MSWIM\0", "WIM"), (b"conectix", "disk"),
    (b"KDMV", "disk"), (b"QFI\xfb", "disk"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE"),
    (b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07", "RAR"),
)  # fmt: skip
_ANYWHERE = _ARCHIVES[-2:]
# What their signatures would be is for an antivirus' database to know.
_PROGRAMS = (
    (b"MZ", "a Windows program"), (b"\x7fELF", "a Linux program"),
    (b"\xcf\xfa\xed\xfe", "a macOS program"), (b"\xce\xfa\xed\xfe", "a macOS program"),
    (b"\xfe\xed\xfa", "a macOS program"), (b"\xca\xfe\xba\xbe", "a program"),
    (b"dex\n", "an Android program"), (b"\0asm", "a program"), (b"#!", "a script"),
    (b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut"),
)  # fmt: skip


def archive(file: BinaryIO) -> str:
    """The kind of an archive that is not opened here, "" for anything else; all of it is read."""
    file.seek(0)
    head = file.read(HEAD)
    for magic, kind in _ARCHIVES:
        if head.startswith(magic):
            return kind
    if head[2:4] == b"-l" and head[6:7] == b"-":
        return "LHA"
    if head[7:14] == b"**ACE**":
        return "ACE"
    file.seek(_ISO_PLACE)
    if file.read(5) == b"CD001":
        return "ISO"
    file.seek(0)
    rest = b""
    while chunk := file.read(_CHUNK):
        for magic, kind in _ANYWHERE:
            if magic in rest + chunk:
                return kind
        rest = chunk[-8:]
    return ""


def program(file: BinaryIO) -> str:
    """What kind of program a file is, "" for none."""
    file.seek(0)
    head = file.read(HEAD)
    return next((what for magic, what in _PROGRAMS if head.startswith(magic)), "")
