"""cos-nodejs-sdk-v5 and coscmd, unmodified, where they are installed."""

import filecmp
import re
import shutil
import urllib.request

import pytest

from tests.conformance import clients

# One worker runs them all: each starts an interpreter of its own anyway.
needs_node = pytest.mark.skipif(bool(clients.without_node()), reason=clients.without_node())
needs_coscmd = pytest.mark.skipif(bool(clients.without_coscmd()), reason=clients.without_coscmd())


@needs_node
@pytest.mark.timeout(300)
def test_the_node_client(cloud, tmp_path):
    found = clients.run_node(cloud, tmp_path, clients.checks())
    assert {name: error for name, error in found.items() if error} == {}


def test_the_checks_of_the_node_client_have_names():
    names = clients.checks()
    assert len(names) == len(set(names)) > 25


@pytest.fixture
def coscmd(cloud, tmp_path):
    bucket = cloud.new_bucket()
    run = clients.Coscmd(cloud, tmp_path, bucket)
    run.bucket, run.home = bucket, tmp_path
    return run


@pytest.fixture
def tree(tmp_path):
    """A folder with awkward names, an empty file, and one that goes up in parts."""
    top = tmp_path / "tree"
    (top / "a b" / "deep").mkdir(parents=True)
    for name, content in {
        "one.txt": b"one", "empty": b"", "a b/c d+&.txt": b"c", "a b/deep/ü.txt": b"deep",
        "big.bin": bytes(range(256)) * 14_000,
    }.items():  # fmt: skip
        (top / name).write_bytes(content)
    return top


def same(left, right):
    compared = filecmp.dircmp(left, right)
    equal = not (compared.left_only or compared.right_only)
    _, different, broken = filecmp.cmpfiles(left, right, compared.common_files, shallow=False)
    inner = all(same(left / name, right / name) for name in compared.common_dirs)
    return equal and inner and not different and not broken


@needs_coscmd
def test_coscmd_folders(cloud, coscmd, tree):
    assert "5 files uploaded, 0 files skipped, 0 files failed" in coscmd(
        "upload", "-r", "tree/", "t/"
    )
    assert "0 files uploaded, 5 files skipped" in coscmd("upload", "-rs", "tree/", "t/")
    listed = coscmd("list", "-ar")
    assert "Files num: 5" in listed
    assert "t/a b/deep/ü.txt" in listed
    assert re.search(r"t/\s+DIR", coscmd("list"))
    assert "5 files downloaded, 0 files skipped, 0 files failed" in coscmd(
        "download", "-r", "t/", "back/"
    )
    assert same(tree, coscmd.home / "back")
    source = f"{coscmd.bucket}.cos.{cloud.region}.myqcloud.com/t/"
    assert "5 files copied" in coscmd("copy", "-r", "-y", source, "u/")
    assert "5 files moved" in coscmd("move", "-r", source, "v/")
    shutil.rmtree(coscmd.home / "back")
    coscmd("download", "-r", "v/", "back/")
    assert same(tree, coscmd.home / "back")
    assert "5 files successful, 0 files failed" in coscmd("delete", "-r", "-f", "v/")
    assert "t/" not in coscmd("list", "-ar")
    assert f"Delete cos://{coscmd.bucket}" in coscmd("deletebucket", "-f")
    assert "NoSuchBucket" in coscmd("list")


@needs_coscmd
def test_coscmd_objects(cloud, coscmd, tree):
    headers = '{"Content-Type": "text/x", "x-cos-storage-class": "ARCHIVE", "x-cos-meta-a": "b"}'
    coscmd("upload", "-H", headers, "tree/one.txt", "k")
    told = coscmd("info", "k")
    assert all(word in told for word in ("text/x", "ARCHIVE", "x-cos-meta-a"))
    assert "Restore cos://" in coscmd("restore", "-t", "Expedited", "k")
    coscmd("upload", "tree/big.bin", "big")
    link = coscmd("signurl", "big").strip().removeprefix("b'").rstrip("'")
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({"http": cloud.url}))
    with opener.open(link, timeout=20) as answer:
        assert answer.read() == (tree / "big.bin").read_bytes()
    coscmd("download", "-n", "3", "big", "one-file")
    assert (coscmd.home / "one-file").read_bytes() == (tree / "big.bin").read_bytes()
    coscmd("putobjectacl", "--grant-read", "anyone,200000000001/200000000011", "big")
    shown = coscmd("getobjectacl", "big")
    assert "AllUsers" in shown or "anyone" in shown
    assert "uin/200000000011" in shown
    coscmd("putbucketacl", "--grant-read", "anyone", "--grant-write", "200000000001")
    assert "uin/200000000001: WRITE" in coscmd("getbucketacl")
    coscmd("putbucketversioning", "Enabled")
    assert "Enabled" in coscmd("getbucketversioning")
    assert "Parts num: 0" in coscmd("listparts")
    assert "Delete cos://" in coscmd("delete", "-f", "big")
    assert "big" not in coscmd("list")
    assert "big" in coscmd("list", "-v")
    assert "Success Rate: [1/1]" in coscmd("probe", "-n", "1", "-s", "1")
