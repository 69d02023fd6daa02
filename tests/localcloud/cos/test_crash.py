"""kill -9 in the midst of writing: what was acknowledged is there, and nothing is there by half."""

import hashlib
import random
import threading
from concurrent.futures import ThreadPoolExecutor

from qcloud_cos import CosClientError, CosServiceError

PLAIN, KEPT = "plain-1250000000", "kept-1250000000"
KEYS = [f"folder/{n}.bin" for n in range(6)]
WRITERS, ROUNDS = 4, 3


class Writer:
    """Puts, deletes and multipart uploads on keys of its own, until the cloud dies."""

    def __init__(self, seed):
        self.random = random.Random(seed)  # noqa: S311 - repeatable, not secret
        self.prefix = f"{seed}/"
        # What each key may hold now: the acknowledged body (None: no object), and one that was
        # under way when the cloud died.
        self.may = {self.prefix + key: {None} for key in KEYS}
        self.versions = {}

    def run(self, client, going):
        try:
            while True:
                self.step(client)
                going.set()
        except (CosClientError, CosServiceError):
            return

    def step(self, client):
        key = self.random.choice(list(self.may))
        body = self.random.randbytes(self.random.choice([0, 10, 3000, 300_000]))
        kind = self.random.choice(["put", "put", "delete", "parts", "kept"])
        if kind == "kept":
            answer = client.put_object(Bucket=KEPT, Key=key, Body=body)
            self.versions[answer["x-cos-version-id"]] = (key, digest(body))
            return
        after = None if kind == "delete" else digest(body)
        self.may[key].add(after)
        if kind == "put":
            client.put_object(Bucket=PLAIN, Key=key, Body=body)
        elif kind == "delete":
            client.delete_object(Bucket=PLAIN, Key=key)
        else:
            parts(client, key, body)
        self.may[key] = {after}


def parts(client, key, body):
    upload = client.create_multipart_upload(Bucket=PLAIN, Key=key)["UploadId"]
    part = client.upload_part(Bucket=PLAIN, Key=key, Body=body, PartNumber=1, UploadId=upload)
    client.complete_multipart_upload(
        Bucket=PLAIN, Key=key, UploadId=upload,
        MultipartUpload={"Part": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )  # fmt: skip


def digest(body):
    return hashlib.sha256(body).hexdigest()


def held(client, bucket, key, **options):
    try:
        answer = client.get_object(Bucket=bucket, Key=key, **options)
    except CosServiceError as error:
        if error.get_error_code() != "NoSuchKey":
            raise
        return None
    body = answer["Body"].get_raw_stream().read()
    assert len(body) == int(answer["Content-Length"])
    return digest(body)


def test_nothing_acknowledged_is_lost(start_cloud, tmp_path):
    options = ["--no-functions", "--bucket", PLAIN, "--bucket", KEPT]
    data = tmp_path / "data"
    writers = [Writer(seed) for seed in range(WRITERS)]
    for number in range(ROUNDS):
        with start_cloud(*options, data=data) as cloud, ThreadPoolExecutor(WRITERS) as pool:
            cloud.client().put_bucket_versioning(Bucket=KEPT, Status="Enabled")
            going = [threading.Event() for _ in writers]
            for writer, event in zip(writers, going, strict=True):
                pool.submit(writer.run, cloud.client(), event)
            assert all(event.wait(30) for event in going)
            # A moment that differs from round to round, in work done rather than in seconds.
            target = sum(len(writer.versions) for writer in writers) + 5 * (number + 1)
            while sum(len(writer.versions) for writer in writers) < target:
                going[0].clear()
                assert going[0].wait(30)
            cloud.process.kill()
    with start_cloud(*options, data=data) as cloud:
        client = cloud.client()
        for writer in writers:
            for key, allowed in writer.may.items():
                assert held(client, PLAIN, key) in allowed, key
            for version, (key, body) in writer.versions.items():
                assert held(client, KEPT, key, VersionId=version) == body
        listed = client.list_objects(Bucket=PLAIN).get("Contents", [])
        there = {key for writer in writers for key in writer.may if held(client, PLAIN, key)}
        assert {row["Key"] for row in listed} == there
        # Half-written bodies are gone; those of objects and of unfinished uploads are all there is.
        assert list((data / "scratch").iterdir()) == []
        files = [path for path in (data / "buckets" / PLAIN).rglob("*") if path.is_file()]
        uploads = [path for path in files if "multipart+" in path.parts]
        assert len(files) - len(uploads) == len(there)
