"""Multipart uploads through the SDK."""

import pytest
from qcloud_cos import CosServiceError

from tests.localcloud.conftest import md5

MIB = 1024 * 1024


@pytest.fixture
def client(cloud):
    return cloud.client()


@pytest.fixture(scope="module")
def bucket(cloud):
    return cloud.new_bucket()


def refused(call, **options):
    with pytest.raises(CosServiceError) as caught:
        call(**options)
    return caught.value.get_status_code(), caught.value.get_error_code()


class Upload:
    def __init__(self, client, bucket, key, **options):
        started = client.create_multipart_upload(Bucket=bucket, Key=key, **options)
        self.client, self.parts = client, []
        self.where = {"Bucket": bucket, "Key": key, "UploadId": started["UploadId"]}

    def put(self, number, body):
        answer = self.client.upload_part(**self.where, PartNumber=number, Body=body)
        self.parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        return answer

    def complete(self, parts=None):
        return self.client.complete_multipart_upload(
            **self.where, MultipartUpload={"Part": self.parts if parts is None else parts}
        )


def test_parts_become_an_object(client, bucket):
    upload = Upload(
        client, bucket, "大 file", ContentType="video/mp4", Metadata={"x-cos-meta-a": "b"}
    )
    bodies = [b"a" * MIB, b"b" * MIB, b"end"]
    for number, body in enumerate(bodies, 1):
        upload.put(number, body)
    done = upload.complete()
    digests = b"".join(md5(body).digest() for body in bodies)
    etag = f'"{md5(digests).hexdigest()}-3"'
    assert done["ETag"] == etag
    assert done["Key"] == "大 file"
    head = client.head_object(Bucket=bucket, Key="大 file")
    assert (head["ETag"], head["Content-Type"], head["x-cos-meta-a"]) == (etag, "video/mp4", "b")
    got = client.get_object(Bucket=bucket, Key="大 file")["Body"].get_raw_stream().read()
    assert got == b"".join(bodies)
    assert refused(client.list_parts, **upload.where) == (404, "NoSuchUpload")


def test_a_part_sent_again_counts_once(client, bucket):
    upload = Upload(client, bucket, "again")
    upload.put(1, b"old")
    upload.parts.clear()
    upload.put(1, b"new")
    upload.complete()
    got = client.get_object(Bucket=bucket, Key="again")["Body"].get_raw_stream().read()
    assert got == b"new"


def test_parts_and_uploads_are_listed(client, cloud):
    bucket = cloud.new_bucket()
    upload = Upload(client, bucket, "listed/x")
    Upload(client, bucket, "other")
    for number in (3, 1, 2):
        upload.put(number, b"p" * number)
    first = client.list_parts(**upload.where, MaxParts=2)
    assert [part["PartNumber"] for part in first["Part"]] == ["1", "2"]
    assert first["IsTruncated"] == "true"
    rest = client.list_parts(**upload.where, PartNumberMarker=int(first["NextPartNumberMarker"]))
    assert [(part["PartNumber"], part["Size"]) for part in rest["Part"]] == [("3", "3")]
    uploads = client.list_multipart_uploads(Bucket=bucket, Prefix="listed/")["Upload"]
    assert [item["Key"] for item in uploads] == ["listed/x"]
    assert uploads[0]["UploadId"] == upload.where["UploadId"]
    assert refused(client.delete_bucket, Bucket=bucket) == (409, "BucketNotEmpty")


def test_pages_of_uploads(client, cloud):
    bucket = cloud.new_bucket()
    started = [Upload(client, bucket, key).where for key in ("a+b%2F", "same", "same", "中")]
    wanted = {(where["Key"], where["UploadId"]) for where in started}
    seen, markers = [], {}
    for _ in range(10):
        page = client.list_multipart_uploads(Bucket=bucket, MaxUploads=1, **markers)
        seen += [(item["Key"], item["UploadId"]) for item in page["Upload"]]
        if page["IsTruncated"] == "false":
            break
        markers = {
            "KeyMarker": page["NextKeyMarker"],
            "UploadIdMarker": page["NextUploadIdMarker"],
        }
    assert len(seen) == 4
    assert set(seen) == wanted


def test_aborting(client, cloud):
    bucket = cloud.new_bucket()
    upload = Upload(client, bucket, "aborted")
    upload.put(1, b"x")
    client.abort_multipart_upload(**upload.where)
    assert refused(client.list_parts, **upload.where) == (404, "NoSuchUpload")
    assert refused(client.abort_multipart_upload, **upload.where) == (404, "NoSuchUpload")
    client.delete_bucket(Bucket=bucket)


ETAG = '"9dd4e461268c8034f5c8564e155c67a6"'  # of b"x"


@pytest.mark.parametrize(
    ("sizes", "parts", "code"),
    [
        ((1, 1), [(2, ETAG), (1, ETAG)], "InvalidPartOrder"),
        ((1, 1), [(1, ETAG), (1, ETAG)], "InvalidPartOrder"),
        ((1,), [(1, '"0"')], "InvalidPart"),
        ((1,), [(7, ETAG)], "InvalidPart"),
        ((1, 1), [(1, ETAG), (2, ETAG)], "EntityTooSmall"),
        ((1,), [("x", ETAG)], "MalformedXML"),
    ],
)
def test_what_cannot_be_completed(client, bucket, sizes, parts, code):
    upload = Upload(client, bucket, "refused")
    for number, size in enumerate(sizes, 1):
        upload.put(number, b"x" * size)
    listed = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
    assert refused(upload.complete, parts=listed) == (400, code)
    assert refused(client.head_object, Bucket=bucket, Key="refused")[0] == 404
    assert len(client.list_parts(**upload.where)["Part"]) == len(sizes)


@pytest.mark.parametrize("number", [0, 10_001])
def test_a_part_number_out_of_range(client, bucket, number):
    upload = Upload(client, bucket, "numbers")
    assert refused(upload.put, number=number, body=b"x") == (400, "InvalidArgument")


def test_the_sdks_own_upload_of_a_large_file(client, bucket, tmp_path):
    content = bytes(range(256)) * 12_288  # 3 MiB
    (tmp_path / "large").write_bytes(content)
    client.upload_file(
        Bucket=bucket, Key="large", LocalFilePath=str(tmp_path / "large"), PartSize=1, MAXThread=3
    )
    assert client.head_object(Bucket=bucket, Key="large")["ETag"].endswith('-3"')
    client.download_file(Bucket=bucket, Key="large", DestFilePath=str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == content


def test_a_part_copied_from_an_object(client, bucket):
    client.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    upload = Upload(client, bucket, "from parts")
    source = {"Bucket": bucket, "Key": "source", "Region": "ap-guangzhou"}
    copied = client.upload_part_copy(
        **upload.where, PartNumber=1, CopySource=source, CopySourceRange="bytes=2-5"
    )
    upload.complete([{"PartNumber": 1, "ETag": copied["ETag"]}])
    got = client.get_object(Bucket=bucket, Key="from parts")["Body"].get_raw_stream().read()
    assert got == b"2345"
