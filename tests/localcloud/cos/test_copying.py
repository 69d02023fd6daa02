"""PUT Object - Copy."""

import pytest
from qcloud_cos import CosServiceError

REGION = "ap-guangzhou"
FUTURE = "Fri, 01 Jan 2100 00:00:00 GMT"


@pytest.fixture
def client(cloud):
    return cloud.client()


@pytest.fixture
def bucket(client, cloud):
    name = cloud.new_bucket()
    client.put_object(
        Bucket=name, Key="源 +%.txt", Body=b"bytes", ContentType="text/plain",
        Metadata={"x-cos-meta-a": "1"}, CacheControl="no-store",
    )  # fmt: skip
    client.put_object_tagging(
        Bucket=name, Key="源 +%.txt", Tagging={"TagSet": {"Tag": [{"Key": "k", "Value": "v"}]}}
    )
    return name


def source(bucket, key="源 +%.txt", region=REGION):
    return {"Bucket": bucket, "Key": key, "Region": region}


def test_a_copy_is_the_same(client, cloud, bucket):
    other = cloud.new_bucket()
    done = client.copy_object(Bucket=other, Key="copy", CopySource=source(bucket))
    head = client.head_object(Bucket=other, Key="copy")
    first = client.head_object(Bucket=bucket, Key="源 +%.txt")
    assert done["ETag"] == head["ETag"] == first["ETag"]
    for name in ("Content-Type", "x-cos-meta-a", "Cache-Control", "x-cos-hash-crc64ecma"):
        assert head[name] == first[name]
    tags = client.get_object_tagging(Bucket=other, Key="copy")["TagSet"]["Tag"]
    assert tags == [{"Key": "k", "Value": "v"}]


def test_metadata_can_be_replaced_even_in_place(client, bucket):
    client.copy_object(
        Bucket=bucket, Key="源 +%.txt", CopySource=source(bucket), CopyStatus="Replaced",
        ContentType="text/markdown", Metadata={"x-cos-meta-b": "2"},
    )  # fmt: skip
    head = client.head_object(Bucket=bucket, Key="源 +%.txt")
    assert (head["Content-Type"], head["x-cos-meta-b"]) == ("text/markdown", "2")
    assert "x-cos-meta-a" not in head
    assert "Cache-Control" not in head


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"CopySource": {"Key": "gone"}}, (404, "NoSuchKey")),
        ({"CopySource": {"Bucket": "nobody-1250000000"}}, (404, "NoSuchBucket")),
        ({"CopySource": {"Region": "ap-beijing"}}, (404, "NoSuchBucket")),
        ({"Key": "源 +%.txt"}, (400, "InvalidRequest")),
        ({"CopySourceIfMatch": '"0"'}, (412, "PreconditionFailed")),
        ({"CopySourceIfModifiedSince": FUTURE}, (412, "PreconditionFailed")),
    ],
)  # fmt: skip
def test_what_cannot_be_copied(client, bucket, change, expected):
    options = {"Bucket": bucket, "Key": "copy", **change}
    options["CopySource"] = {**source(bucket), **change.get("CopySource", {})}
    with pytest.raises(CosServiceError) as caught:
        client.copy_object(**options)
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == expected


@pytest.mark.parametrize("header", ["nonsense", "/bucket/key", "http://169.254.169.254/x", "/"])
def test_a_source_that_is_none(signed, header):
    answer = signed("PUT", "/copy", headers={"x-cos-copy-source": header})
    assert (answer.status_code, "InvalidCopySource" in answer.text) == (400, True)
