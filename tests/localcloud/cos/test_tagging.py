"""Object tags."""

import pytest
from qcloud_cos import CosServiceError


def tag_set(tags):
    return {"TagSet": {"Tag": [{"Key": k, "Value": v} for k, v in tags]}}


@pytest.fixture
def client(cloud):
    return cloud.client()


@pytest.fixture(scope="module")
def bucket(cloud):
    return cloud.new_bucket()


def tags_of(client, bucket, key):
    tags = (client.get_object_tagging(Bucket=bucket, Key=key).get("TagSet") or {}).get("Tag", [])
    return [(tag["Key"], tag["Value"]) for tag in tags]


def test_tags_are_set_replaced_and_removed(client, bucket):
    client.put_object(Bucket=bucket, Key="t", Body=b"x")
    assert tags_of(client, bucket, "t") == []
    many = [(f"key{n}", f"值 & {n}") for n in range(10)]
    for tags in (many, [("only", "one")]):
        client.put_object_tagging(Bucket=bucket, Key="t", Tagging=tag_set(tags))
        assert tags_of(client, bucket, "t") == tags
    assert client.head_object(Bucket=bucket, Key="t")["x-cos-tagging-count"] == "1"
    client.delete_object_tagging(Bucket=bucket, Key="t")
    assert tags_of(client, bucket, "t") == []


def test_tags_of_an_upload(signed):
    signed("PUT", "/t", data=b"x", headers={"x-cos-tagging": "a=1&b=%E4%BA%8C"})
    assert "<Key>b</Key><Value>二</Value>" in signed("GET", "/t", params={"tagging": ""}).text


@pytest.mark.parametrize(
    "tags",
    [
        [(f"k{n}", "v") for n in range(11)],
        [("k" * 128, "v")],
        [("k", "v" * 256)],
        [("", "v")],
        [("same", "1"), ("same", "2")],
    ],
)
def test_tags_that_are_refused(client, bucket, tags):
    client.put_object(Bucket=bucket, Key="r", Body=b"x")
    with pytest.raises(CosServiceError) as caught:
        client.put_object_tagging(Bucket=bucket, Key="r", Tagging=tag_set(tags))
    assert caught.value.get_error_code() == "InvalidTag"
    assert tags_of(client, bucket, "r") == []


def test_refused_tags_store_no_object(signed):
    answer = signed("PUT", "/n", data=b"x", headers={"x-cos-tagging": "a=1&a=2"})
    assert (answer.status_code, "InvalidTag" in answer.text) == (400, True)
    assert signed("HEAD", "/n").status_code == 404


def test_tags_of_nothing(client, bucket):
    with pytest.raises(CosServiceError) as caught:
        client.get_object_tagging(Bucket=bucket, Key="gone")
    assert caught.value.get_error_code() == "NoSuchKey"
