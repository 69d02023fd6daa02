"""Symlinks: reading one reads its target."""

import requests

from tests.localcloud.conftest import md5


def link(client, bucket, name, target, **options):
    return client.put_symlink(Bucket=bucket, SymlinkName=name, SymlinkTarget=target, **options)


def test_reading_a_symlink_reads_its_target(client, fresh, body_of):
    client.put_object(Bucket=fresh, Key="dir/real.txt", Body=b"real", ContentType="text/x-y")
    link(client, fresh, "short", "dir/real.txt")
    assert body_of(fresh, "short") == b"real"
    assert body_of(fresh, "short", Range="bytes=1-2") == b"ea"
    target = client.head_object(Bucket=fresh, Key="dir/real.txt")
    shown = client.head_object(Bucket=fresh, Key="short")
    for name in ("ETag", "Content-Length", "Content-Type", "Last-Modified"):
        assert shown[name] == target[name]
    client.put_object(Bucket=fresh, Key="dir/real.txt", Body=b"changed")
    assert body_of(fresh, "short") == b"changed"


def test_what_the_symlink_itself_is(client, fresh):
    target = "目标/a b.txt"
    link(client, fresh, "short", "%E7%9B%AE%E6%A0%87/a%20b.txt")
    found = client.get_symlink(Bucket=fresh, SymlinkName="short")
    assert found["x-cos-symlink-target"] == "%E7%9B%AE%E6%A0%87/a%20b.txt"
    assert found["ETag"] == f'"{md5(target.encode()).hexdigest()}"'
    [listed] = client.list_objects(Bucket=fresh)["Contents"]
    assert (listed["Key"], listed["Size"]) == ("short", str(len(target.encode())))


def test_a_link_to_nothing_a_link_to_a_link_and_no_link(client, fresh, code_of):
    link(client, fresh, "dead", "missing")
    assert code_of(client.get_object, Bucket=fresh, Key="dead")[0] == 404
    client.put_object(Bucket=fresh, Key="real", Body=b"x")
    link(client, fresh, "one", "real")
    link(client, fresh, "two", "one")
    assert code_of(client.get_object, Bucket=fresh, Key="two")[0] == 400
    assert code_of(client.get_symlink, Bucket=fresh, SymlinkName="real") == (400, "NotSymlink")
    assert code_of(client.get_symlink, Bucket=fresh, SymlinkName="none") == (404, "NoSuchKey")


def test_bad_targets(client, fresh, code_of):
    for target in ("", "x" * 851, "%00", "itself"):
        status, _ = code_of(
            client.put_symlink, Bucket=fresh, SymlinkName="itself", SymlinkTarget=target
        )
        assert status == 400
    assert not client.object_exists(Bucket=fresh, Key="itself")


def test_deleting_a_symlink_leaves_its_target(client, fresh, body_of):
    client.put_object(Bucket=fresh, Key="real", Body=b"x")
    link(client, fresh, "short", "real")
    client.delete_object(Bucket=fresh, Key="short")
    assert body_of(fresh, "real") == b"x"


def test_a_stranger_needs_to_read_both(cloud, client, fresh):
    client.put_object(Bucket=fresh, Key="hidden", Body=b"private")
    client.put_object(Bucket=fresh, Key="open", Body=b"public", ACL="public-read")
    link(client, fresh, "to-hidden", "hidden", ACL="public-read")
    link(client, fresh, "to-open", "open", ACL="public-read")
    link(client, fresh, "own-hidden", "open")
    answers = {
        name: requests.get(f"{cloud.url}/{fresh}/{name}", timeout=20)
        for name in ("to-hidden", "to-open", "own-hidden")
    }
    assert {name: answer.status_code for name, answer in answers.items()} == {
        "to-hidden": 403, "to-open": 200, "own-hidden": 403,
    }  # fmt: skip
    assert answers["to-open"].content == b"public"


def test_versions_of_a_symlink(client, fresh, code_of):
    client.put_bucket_versioning(Bucket=fresh, Status="Enabled")
    first = link(client, fresh, "short", "one")["x-cos-version-id"]
    second = link(client, fresh, "short", "two")["x-cos-version-id"]
    for version, target in ((first, "one"), (second, "two")):
        found = client.get_symlink(Bucket=fresh, SymlinkName="short", VersionId=version)
        assert (found["x-cos-symlink-target"], found["x-cos-version-id"]) == (target, version)
    found = code_of(client.get_symlink, Bucket=fresh, SymlinkName="short", VersionId="none")
    assert found == (404, "NoSuchVersion")
