"""Signatures are found wherever they are packed; what cannot be opened does not pass."""

import base64
import bz2
import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import zipfile

import pytest
from PIL import Image

from localcloud.detectors import zips
from localcloud.detectors.documents import judge_document
from localcloud.detectors.judgement import (
    BROKEN,
    NORMAL,
    SENSITIVE,
    SUSPECTED,
    UnjudgeableError,
    Virus,
)
from localcloud.detectors.viruses import archives, scan_for_viruses
from tests.localcloud.detectors import samples

# EICAR's test file, encoded so that scanners leave this file alone.
EICAR = base64.b64decode(
    "WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FSLVNUQU5EQVJELUFOVElWSVJVUy1URVNULUZJTEUhJEgrSCo="
)


def zipped(files, method=zipfile.ZIP_DEFLATED):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def tarred(files, mode="w"):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as archive:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def oldest(data):
    """The tar file as programs before POSIX wrote them: without a name for its format."""
    head = bytearray(data[:512])
    head[257:265], head[148:156] = bytes(8), b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + data[512:]


def name(value):
    """Archives hold the time at which they are made: no name for a test."""
    return value if isinstance(value, str) else "file"


@pytest.fixture
def scan(tmp_path):
    def run(data):
        path = tmp_path / "file"
        path.write_bytes(data)
        return scan_for_viruses(path)

    return run


def test_the_test_file_is_what_eicar_publishes():
    assert len(EICAR) == 68
    assert (
        hashlib.md5(EICAR, usedforsecurity=False).hexdigest() == "44d88612fea8a8f36de82e1278abb02f"
    )


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (EICAR, ""),
        (EICAR + b"\r\n", ""),
        (zipped({"a/b.com": EICAR, "c": b"x"}), "a/b.com"),
        (zipped({"b.com": EICAR}, zipfile.ZIP_LZMA), "b.com"),
        (zipped({"in.zip": zipped({"in.tar": tarred({"x": EICAR})})}), "in.zip/in.tar/x"),
        (gzip.compress(EICAR, mtime=0), "content"),
        (bz2.compress(EICAR), "content"),
        (lzma.compress(EICAR), "content"),
        (lzma.compress(EICAR, lzma.FORMAT_ALONE), "content"),
        (oldest(tarred({"a.com": EICAR})), "a.com"),
        (gzip.compress(tarred({"图.com": EICAR}), mtime=0), "content/图.com"),
        (samples.encoded(Image.new("RGB", (9, 9))) + zipped({"x.com": EICAR}), "x.com"),
    ],
    ids=name,
)
def test_eicar_is_found_wherever_it_is_packed(scan, data, place):
    report = scan(data)
    assert (report.result, report.engine) == (SENSITIVE, "signatures")
    assert report.viruses == (Virus(place, "EICAR-Test-File"),)


def test_ordinary_files_are_normal(scan):
    for data, files in (
        (b"hello", 1),
        (b"the text of EICAR: " + EICAR, 1),
        (zipped({"a.txt": b"x", "b/": b"", "b/c.zip": zipped({"d": b"y"})}), 5),
        (samples.encoded(Image.new("RGB", (9, 9))), 1),
    ):
        report = scan(data)
        assert (report.result, report.viruses, report.files, report.reason) == (
            NORMAL,
            (),
            files,
            "",
        )


def encrypted(data):
    """The archive with the bit set that says that its members are encrypted."""
    local, central = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    changed = bytearray(data)
    changed[local + 6] |= 1
    changed[central + 8] |= 1
    return bytes(changed)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (encrypted(zipped({"a.com": EICAR})), "'a.com' is encrypted"),
        (zipped({"a": b"x" * 4000})[:-30], "the archive is damaged"),
        (gzip.compress(b"x" * 4000, mtime=0)[:-9], "the archive is damaged"),
        (b"7z\xbc\xaf\x27\x1c" + b"\0" * 99, "7z archives cannot be opened"),
        (samples.encoded(Image.new("RGB", (9, 9))) + b"Rar!\x1a\x07\x01\x00", "RAR archives"),
        (b"x" * (1024**2 - 3) + b"7z\xbc\xaf\x27\x1c", "7z archives cannot be opened"),
        (b"\x28\xb5\x2f\xfd" + b"\0" * 99, "Zstandard archives cannot be opened"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99, "OLE archives cannot be opened"),
        (b"\x24\x10-lh5-" + b"\0" * 99, "LHA archives cannot be opened"),
        (b"\0" * 32_769 + b"CD001" + b"\0" * 99, "ISO archives cannot be opened"),
        (zipped({"a": EICAR}) + zipped({"b": b"x"}), "members that its list does not name"),
        (bz2.compress(b"x") + zipped({"a": EICAR}), "the archive is a zip archive as well"),
        (tarred({"a": b"x"}) + tarred({"b": EICAR}), "the archive goes on behind its end"),
        (b"#!/bin/sh\n", "no local engine for a script"),
        (b"\xce\xfa\xed\xfe" + b"\0" * 99, "no local engine for a macOS program"),
        (zipped({"a.rar": b"Rar!\x1a\x07\x01\x00"}), "a.rar: RAR archives cannot be opened"),
        (gzip.compress(b"\0" * (20 * 1024**2), mtime=0), "over 250 times its size"),
        (b"MZ" + b"\0" * 99, "no local engine for a Windows program"),
        (zipped({"run": b"\x7fELF" + b"\0" * 9}), "run: no local engine for a Linux program"),
    ],
    ids=name,
)
def test_what_cannot_be_looked_into_does_not_pass(scan, data, reason):
    report = scan(data)
    assert (report.result, report.viruses) == (SUSPECTED, ())
    assert reason in report.reason


def test_archives_have_bounds(scan, monkeypatch):
    nested = EICAR
    for _ in range(archives.MAX_DEPTH + 2):
        nested = zipped({"z": nested}, zipfile.ZIP_STORED)
    assert scan(nested).reason.endswith(f"over {archives.MAX_DEPTH} archives inside of each other")
    monkeypatch.setattr(archives, "MAX_FILES", 20)
    assert "over 20 files" in scan(zipped({str(n): b"" for n in range(30)})).reason
    monkeypatch.setattr(archives, "MAX_TOTAL", 1000)
    assert "over 1000 bytes" in scan(zipped({"a": b"x" * 2000}, zipfile.ZIP_STORED)).reason


@pytest.mark.parametrize("zip64", [False, True])
def test_a_list_of_a_million_members_is_not_read(scan, tmp_path, monkeypatch, zip64):
    row = struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, *[0] * 7, 1, *[0] * 6) + b"a"
    rows = row * (zips.MAX_DIRECTORY // len(row) + 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 9, 9, len(rows), 0, 0)
    if zip64:
        end = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 9, 9, len(rows), 0)
        end += struct.pack("<4sIQI", b"PK\6\7", 0, len(rows), 1)
        end += struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 9, 9, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    monkeypatch.setattr(zipfile, "ZipFile", None)
    data = b"PK\3\4" + rows + end
    assert scan(data).reason == f"the archive's list has over {zips.MAX_DIRECTORY} bytes"
    with pytest.raises(UnjudgeableError, match="list of parts has over"):
        list(judge_document(tmp_path / "file"))


def test_a_virus_counts_more_than_what_could_not_be_opened(scan):
    report = scan(zipped({"a.7z": b"7z\xbc\xaf\x27\x1c", "b": EICAR}))
    assert (report.result, len(report.viruses)) == (SENSITIVE, 1)
    assert "a.7z" in report.reason


def test_signatures_of_the_user(scan, tmp_path, monkeypatch):
    rules = tmp_path / "rules.txt"
    digest = hashlib.sha256(b"bad file").hexdigest()
    rules.write_text(
        f"# ours\nOwn.Hash sha256 {digest}\nOwn.Bytes bytes 626164??6279*7465\n"
        "Own.Start start 53544152\n"
    )
    monkeypatch.setenv("LOCALCLOUD_SIGNATURES", str(rules))
    names = [
        [virus.name for virus in scan(data).viruses]
        for data in (
            b"bad file",
            b"x" * (1024**2 - 3) + b"bad-by" + b"." * 300 + b"te",  # across two chunks
            b"bad-by" + b"." * 600 + b"te",
            b"STAR",
            b".STAR",
        )
    ]
    assert names == [["Own.Hash"], ["Own.Bytes"], [], ["Own.Start"], []]
    assert [virus.name for virus in scan(EICAR).viruses] == ["EICAR-Test-File"]


def test_gaps_of_a_signature_cost_no_combinations(scan, tmp_path, monkeypatch):
    """With each gap tried against each other, a kilobyte of one letter would take years."""
    rules = tmp_path / "rules.txt"
    rules.write_text("Own.Gaps bytes 41*41*41*41*41*41*41*41*42\nOwn.Near start 414141*42\n")
    monkeypatch.setenv("LOCALCLOUD_SIGNATURES", str(rules))
    names = [
        [virus.name for virus in scan(data).viruses]
        for data in (
            b"A" * 20_000 + b"." * 513 + b"B",
            b"A" * 20_000 + b"." * 512 + b"B",
            b"AAA" + b"." * 512 + b"B",
            b"AAA" + b"." * 513 + b"B",
            b"AAAAAAAAB",
        )
    ]
    assert names == [[], ["Own.Gaps"], ["Own.Near"], [], ["Own.Gaps", "Own.Near"]]


@pytest.mark.parametrize(
    "line",
    ["Name sha256 abc", "Name bytes ??????", "Name regex 41414141", "Name bytes", "bytes 41"],
)
def test_a_wrong_signature_is_named(scan, tmp_path, monkeypatch, line):
    rules = tmp_path / "rules.txt"
    rules.write_text(f"# ours\n{line}\n")
    monkeypatch.setenv("LOCALCLOUD_SIGNATURES", str(rules))
    with pytest.raises(UnjudgeableError, match=r"rules\.txt:2 is no signature; allowed"):
        scan(b"x")
    monkeypatch.setenv("LOCALCLOUD_SIGNATURES", str(tmp_path / "absent"))
    with pytest.raises(UnjudgeableError, match="cannot be read"):
        scan(b"x")


def test_empty_files_and_files_by_their_size_alone(scan, tmp_path):
    with pytest.raises(UnjudgeableError) as caught:
        scan(b"")
    assert caught.value.number == BROKEN
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(10 * 1024**3)
    with pytest.raises(UnjudgeableError, match="at most 1073741824 are allowed"):
        scan_for_viruses(huge)


def test_a_hostile_end_of_a_zip_is_no_news(scan):
    """A directory that lies about its size and place."""
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 9, 9, 0xFFFFFF, 0xFFFFFF, 0)
    assert scan(b"text" + tail).result in (NORMAL, SUSPECTED)
    assert scan(b"PK\x03\x04" + b"\xff" * 60 + tail).result == SUSPECTED
