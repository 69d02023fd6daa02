"""Several local clouds on one S3 store: what one writes, the others serve."""

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from qcloud_cos import CosServiceError

from localcloud.config import DEFAULT_BUCKET
from tests.conftest import ROOT, on_store
from tests.localcloud.conftest import Signed
from tests.s3_store import s3_store

MEGABYTE = 1 << 20


@pytest.fixture(scope="module")
def place(store):
    return store.new_place()


@pytest.fixture(scope="module")
def clouds(tmp_path_factory, store, place):
    """Two processes on one place."""
    folder = tmp_path_factory.mktemp("clouds")
    with on_store(folder, store, place) as one, on_store(folder, store, place) as other:
        yield one, other


@pytest.fixture
def pair(clouds):
    """A client of each, and a bucket that both know."""
    one, other = clouds
    return one.client(), other.client(), one.new_bucket()


def read(client, bucket, key, **options):
    return client.get_object(Bucket=bucket, Key=key, **options)["Body"].get_raw_stream().read()


def code(function, **options):
    try:
        function(**options)
    except CosServiceError as error:
        return error.get_error_code()
    return None


def test_what_one_writes_the_other_serves(pair):
    here, there, bucket = pair
    for body in (b"first", b"", b"x" * (2 * MEGABYTE + 1)):
        here.put_object(Bucket=bucket, Key="a/b", Body=body, ContentType="text/x")
        assert read(there, bucket, "a/b") == body
    here.put_object_tagging(
        Bucket=bucket, Key="a/b", Tagging={"TagSet": {"Tag": [{"Key": "t", "Value": "1"}]}}
    )
    head = there.head_object(Bucket=bucket, Key="a/b")
    assert (head["Content-Type"], head["x-cos-tagging-count"]) == ("text/x", "1")
    there.put_object(Bucket=bucket, Key="c", Body=b"c")
    assert [row["Key"] for row in here.list_objects(Bucket=bucket)["Contents"]] == ["a/b", "c"]
    there.delete_object(Bucket=bucket, Key="a/b")
    assert not here.object_exists(Bucket=bucket, Key="a/b")
    assert [row["Key"] for row in here.list_objects(Bucket=bucket)["Contents"]] == ["c"]
    assert code(here.delete_bucket, Bucket=bucket) == "BucketNotEmpty"
    here.delete_object(Bucket=bucket, Key="c")
    there.delete_bucket(Bucket=bucket)
    assert code(here.put_object, Bucket=bucket, Key="c", Body=b"") == "NoSuchBucket"


def test_of_many_that_may_not_overwrite_one_wins(pair):
    here, there, bucket = pair
    forbid = {"x-cos-forbid-overwrite": "true"}
    for number in range(3):
        start = threading.Barrier(6)

        def put(who, key=f"k{number}", start=start):
            start.wait(20)
            client = (here, there)[who % 2]
            body = str(who).encode()
            return code(client.put_object, Bucket=bucket, Key=key, Body=body, Metadata=forbid)

        with ThreadPoolExecutor(6) as pool:
            codes = list(pool.map(put, range(6)))
        assert sorted(codes, key=str) == ["FileAlreadyExists"] * 5 + [None]
        winner = str(codes.index(None)).encode()
        assert read(here, bucket, f"k{number}") == read(there, bucket, f"k{number}") == winner


def test_no_version_of_two_writers_is_lost(pair):
    here, there, bucket = pair
    here.put_bucket_versioning(Bucket=bucket, Status="Enabled")

    def put(number):
        client = (here, there)[number % 2]
        body = str(number).encode()
        return client.put_object(Bucket=bucket, Key="k", Body=body)["x-cos-version-id"], body

    with ThreadPoolExecutor(4) as pool:
        put_versions = dict(pool.map(put, range(16)))
    listed = there.list_objects_versions(Bucket=bucket)["Version"]
    assert {row["VersionId"] for row in listed} == set(put_versions)
    for version, body in put_versions.items():
        assert read(here, bucket, "k", VersionId=version) == body
    newest = put_versions[listed[0]["VersionId"]]
    assert read(here, bucket, "k") == read(there, bucket, "k") == newest


def test_appends_of_two_meet_at_the_end(pair):
    here, there, bucket = pair
    here.append_object(Bucket=bucket, Key="log", Position=0, Data=b"one,")
    there.append_object(Bucket=bucket, Key="log", Position=4, Data=b"two,")

    def append(client):
        return code(client.append_object, Bucket=bucket, Key="log", Position=8, Data=b"three")

    with ThreadPoolExecutor(4) as pool:
        codes = list(pool.map(append, [here, there, here, there]))
    assert codes.count(None) == 1
    assert set(codes) == {None, "PositionNotEqualToLength"}
    assert read(here, bucket, "log") == read(there, bucket, "log") == b"one,two,three"


def test_a_multipart_upload_goes_from_one_to_the_other(pair):
    here, there, bucket = pair
    pieces = [os.urandom(MEGABYTE), os.urandom(MEGABYTE), b"end"]
    upload = here.create_multipart_upload(Bucket=bucket, Key="k", Metadata={"x-cos-meta-a": "1"})
    ids = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}
    parts = []
    for number, (client, piece) in enumerate(zip((here, there, here), pieces, strict=True), 1):
        answer = client.upload_part(PartNumber=number, Body=piece, **ids)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    listed = there.list_parts(**ids)["Part"]
    assert [row["ETag"] for row in listed] == [part["ETag"] for part in parts]
    there.complete_multipart_upload(MultipartUpload={"Part": parts}, **ids)
    assert read(here, bucket, "k") == b"".join(pieces)
    assert here.head_object(Bucket=bucket, Key="k")["x-cos-meta-a"] == "1"
    assert code(here.list_parts, **ids) == "NoSuchUpload"


def test_settings_reach_the_others_within_a_second(clouds, pair):
    here, _, bucket = pair
    anonymous = requests.Session()
    anonymous.trust_env = False
    address = f"{clouds[1].url}/{bucket}/k"
    here.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert anonymous.get(address, timeout=20).status_code == 403
    here.put_bucket_acl(Bucket=bucket, ACL="public-read")
    until = time.monotonic() + 5
    while (answer := anonymous.get(address, timeout=20)).status_code == 403:
        assert time.monotonic() < until
    assert answer.content == b"x"


def test_readers_never_see_an_object_by_half(pair):
    here, there, bucket = pair
    bodies = [bytes([number]) * (100_000 + number) for number in range(8)]
    here.put_object(Bucket=bucket, Key="k", Body=bodies[0])
    ended = threading.Event()

    def read_on():
        seen = set()
        while not ended.is_set():
            seen.add(hashlib.sha256(read(there, bucket, "k")).hexdigest())
        return seen

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read_on) for _ in range(2)]
        for body in bodies[1:]:
            here.put_object(Bucket=bucket, Key="k", Body=body)
        ended.set()
        seen = set.union(*(reader.result() for reader in readers))
    assert seen <= {hashlib.sha256(body).hexdigest() for body in bodies}
    assert read(there, bucket, "k") == bodies[-1]


def test_pictures_are_processed_wherever_they_lie(pair, clouds):
    here, _, bucket = pair
    photo = (ROOT / "events" / "objects" / "rocket-on-pad.jpg").read_bytes()
    here.put_object(Bucket=bucket, Key="p.jpg", Body=photo)
    signed = Signed(clouds[1].url, bucket)
    answer = signed("GET", "/p.jpg", params={"imageMogr2/thumbnail/64x/format/png": ""})
    assert (answer.status_code, answer.content[:4]) == (200, b"\x89PNG")


def test_what_is_replaced_leaves_the_store(tmp_path, store):
    place = store.new_place()
    with on_store(tmp_path, store, place) as cloud:
        client = cloud.client()
        for number in range(3):
            client.put_object(Bucket=DEFAULT_BUCKET, Key="k", Body=str(number).encode())
        client.put_object(Bucket=DEFAULT_BUCKET, Key="gone", Body=b"x")
        client.delete_object(Bucket=DEFAULT_BUCKET, Key="gone")
        cloud.process.terminate()
        assert cloud.process.wait(30) == 0
        assert cloud.log.read_text() == ""
    bodies = [name for name in store.names(place) if "/bodies/" in name]
    assert len(bodies) == 1
    assert bodies[0].split("/")[-1].startswith("k!")
    # Another cloud finds it all, with nothing of the first one's folder.
    with on_store(tmp_path, store, place) as cloud:
        assert read(cloud.client(), DEFAULT_BUCKET, "k") == b"2"


def test_a_store_that_goes_and_comes_back(tmp_path):
    with s3_store() as store, on_store(tmp_path, store, store.new_place()) as cloud:
        signed = Signed(cloud.url)
        assert signed("PUT", "/k", data=b"x").status_code == 200
        store.process.kill()
        store.process.wait(20)
        for method, path in (("GET", "/k"), ("PUT", "/k"), ("DELETE", "/k"), ("GET", "/")):
            answer = signed(method, path, data=b"y" if method == "PUT" else None)
            assert answer.status_code == 503, (method, path)
            assert "<Code>ServiceUnavailable</Code>" in answer.text
            assert f"the S3 store at {store.endpoint} does not answer" in answer.text
        log = cloud.log.read_text()
        assert "Traceback" not in log
        assert "store-secret-key" not in log
        with s3_store(port=store.port):
            until = time.monotonic() + 20
            while signed("PUT", "/k", data=b"x").status_code == 503:
                assert time.monotonic() < until


def test_a_slow_store_holds_up_only_who_asks_it(tmp_path):
    with s3_store() as store, on_store(tmp_path, store, store.new_place()) as cloud:
        signed, admin = Signed(cloud.url), [f"--port={cloud.port}"]
        store.process.send_signal(signal.SIGSTOP)
        try:
            with ThreadPoolExecutor(20) as pool:
                waiting = [pool.submit(signed, "PUT", f"/k{n}", data=b"x") for n in range(20)]
                # Answered by the cloud alone, on the loop that all requests share.
                done = subprocess.run(
                    [sys.executable, "-m", "localcloud", "fault", *admin],
                    capture_output=True, timeout=15, check=False, cwd=ROOT,
                )  # fmt: skip
                still = [request for request in waiting if not request.done()]
                store.process.send_signal(signal.SIGCONT)
                assert (done.returncode, len(still)) == (0, 20)
                assert {request.result().status_code for request in waiting} == {200}
        finally:
            store.process.send_signal(signal.SIGCONT)
