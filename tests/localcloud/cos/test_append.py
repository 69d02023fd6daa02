"""Appendable objects: they grow at their end, by whoever comes first."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from fastcrc import crc64
from qcloud_cos import CosServiceError

from tests.localcloud.conftest import Signed, md5


def test_an_object_grows(client, fresh, body_of):
    first = client.append_object(Bucket=fresh, Key="log", Position=0, Data=b"one,")
    second = client.append_object(Bucket=fresh, Key="log", Position=4, Data=b"two")
    assert first["ETag"] == f'"{md5(b"one,").hexdigest()}"'
    assert (first["x-cos-next-append-position"], second["x-cos-next-append-position"]) == ("4", "7")
    assert body_of(fresh, "log") == b"one,two"
    head = client.head_object(Bucket=fresh, Key="log")
    assert head["x-cos-object-type"] == "appendable"
    assert head["x-cos-hash-crc64ecma"] == str(crc64.xz(b"one,two"))
    assert head["ETag"] == second["ETag"] != first["ETag"]
    assert head["Content-Length"] == "7"


@pytest.mark.parametrize("position", [0, 3, 5])
def test_another_position_is_refused_and_the_right_one_told(signed, position):
    signed("POST", "/log", params={"append": "", "position": "0"}, data=b"four")
    answer = signed("POST", "/log", params={"append": "", "position": str(position)}, data=b"x")
    assert answer.status_code == 409
    assert b"<Code>PositionNotEqualToLength</Code>" in answer.content
    assert answer.headers["x-cos-next-append-position"] == "4"
    assert signed("GET", "/log").content == b"four"


def test_a_new_object_begins_at_zero(client, fresh, code_of):
    found = code_of(client.append_object, Bucket=fresh, Key="new", Position=1, Data=b"x")
    assert found == (409, "PositionNotEqualToLength")
    assert not client.object_exists(Bucket=fresh, Key="new")


def test_a_normal_object_does_not_grow_and_makes_an_appendable_one_normal(client, fresh, code_of):
    client.put_object(Bucket=fresh, Key="a", Body=b"abc")
    refused = code_of(client.append_object, Bucket=fresh, Key="a", Position=3, Data=b"d")
    assert refused == (409, "ObjectNotAppendable")
    client.append_object(Bucket=fresh, Key="b", Position=0, Data=b"1")
    client.put_object(Bucket=fresh, Key="b", Body=b"2")
    assert "x-cos-object-type" not in client.head_object(Bucket=fresh, Key="b")


def test_a_copy_is_normal(client, fresh):
    client.append_object(Bucket=fresh, Key="a", Position=0, Data=b"1")
    source = {"Bucket": fresh, "Key": "a", "Region": "ap-guangzhou"}
    client.copy_object(Bucket=fresh, Key="b", CopySource=source)
    assert "x-cos-object-type" not in client.head_object(Bucket=fresh, Key="b")


@pytest.mark.parametrize("position", ["", "-1", "x", "99999999999999"])
def test_a_position_that_is_none(signed, position):
    answer = signed("POST", "/log", params={"append": "", "position": position}, data=b"x")
    assert (answer.status_code, b"InvalidArgument" in answer.content) == (400, True)


def test_a_checksum_that_does_not_hold_adds_nothing(signed):
    signed("POST", "/log", params={"append": "", "position": "0"}, data=b"ab")
    answer = signed(
        "POST", "/log", params={"append": "", "position": "2"}, data=b"c",
        headers={"Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg=="},
    )  # fmt: skip
    assert b"<Code>BadDigest</Code>" in answer.content
    assert signed("GET", "/log").content == b"ab"


def test_of_many_writers_of_one_position_one_wins(cloud, client, fresh, body_of):
    client.append_object(Bucket=fresh, Key="log", Position=0, Data=b"x" * 10)
    pieces = [bytes([65 + number]) * 20_000 for number in range(8)]

    def add(piece):
        try:
            cloud.client().append_object(Bucket=fresh, Key="log", Position=10, Data=piece)
        except CosServiceError as error:
            return error.get_error_code()
        return piece

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(add, pieces))
    [winner] = [result for result in results if isinstance(result, bytes)]
    assert results.count("PositionNotEqualToLength") == 7
    assert body_of(fresh, "log") == b"x" * 10 + winner


def test_a_reader_of_the_shorter_object_is_not_disturbed(client, fresh):
    client.append_object(Bucket=fresh, Key="log", Position=0, Data=b"x" * 3_000_000)
    stream = client.get_object(Bucket=fresh, Key="log")["Body"].get_raw_stream()
    start = stream.read(10)
    client.append_object(Bucket=fresh, Key="log", Position=3_000_000, Data=b"y" * 10)
    assert start + stream.read() == b"x" * 3_000_000


def test_what_a_dead_process_left_behind_the_end_is_never_seen(start_cloud, tmp_path):
    data = tmp_path / "kept"
    with start_cloud("--no-functions", data=data) as cloud:
        client = cloud.client()
        client.append_object(Bucket=cloud.bucket, Key="log", Position=0, Data=b"whole")
        cloud.process.kill()
        cloud.process.wait()
    # As if it had been killed after writing and before its transaction.
    [file] = (data / "buckets" / "examplebucket-1250000000").iterdir()
    file.write_bytes(b"whole" + b"half of what was being add")
    with start_cloud("--no-functions", data=data) as cloud:
        client = cloud.client()
        got = client.get_object(Bucket=cloud.bucket, Key="log")
        assert got["Body"].get_raw_stream().read() == b"whole"
        client.append_object(Bucket=cloud.bucket, Key="log", Position=5, Data=b"!")
        got = client.get_object(Bucket=cloud.bucket, Key="log")
        assert got["Body"].get_raw_stream().read() == b"whole!"
        assert got["Content-Length"] == "6"
        [file] = (data / "buckets" / cloud.bucket).iterdir()
        assert file.read_bytes() == b"whole!"


def test_it_is_no_copy_that_grows(inside, tmp_path):
    """However large an object is, an append writes what it adds: the file stays the same one."""
    signed = Signed(inside.url)
    params = {"append": "", "position": "0"}
    signed("POST", "/log", params=params, data=b"a")
    [before] = [path.stat().st_ino for path in tmp_path.rglob("log.*")]
    signed("POST", "/log", params={**params, "position": "1"}, data=b"b")
    [after] = [path.stat().st_ino for path in tmp_path.rglob("log.*")]
    assert before == after
    names = [event["Records"][0]["event"]["eventName"] for event in inside.events]
    assert names == ["cos:ObjectCreated:Append"] * 2
