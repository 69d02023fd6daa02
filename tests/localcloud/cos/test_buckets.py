"""Buckets: made, found, listed, and removed only when empty."""

import uuid

import pytest
from qcloud_cos import CosServiceError

from localcloud.cos.buckets import check_name
from localcloud.errors import ServiceError


def refused(call, **options):
    with pytest.raises(CosServiceError) as caught:
        call(**options)
    return caught.value.get_status_code(), caught.value.get_error_code()


def test_the_life_of_a_bucket(cloud):
    client, name = cloud.client(), f"life-{uuid.uuid4().hex[:8]}-1250000000"
    assert refused(client.head_bucket, Bucket=name)[0] == 404
    client.create_bucket(Bucket=name)
    assert client.head_bucket(Bucket=name)["x-cos-bucket-region"] == "ap-guangzhou"
    assert refused(client.create_bucket, Bucket=name) == (409, "BucketAlreadyOwnedByYou")
    assert client.get_bucket_location(Bucket=name)["LocationConstraint"] == "ap-guangzhou"
    assert name in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]["Bucket"]]
    client.put_object(Bucket=name, Key="o", Body=b"x")
    assert refused(client.delete_bucket, Bucket=name) == (409, "BucketNotEmpty")
    client.delete_object(Bucket=name, Key="o")
    client.delete_bucket(Bucket=name)
    assert refused(client.delete_bucket, Bucket=name) == (404, "NoSuchBucket")


def test_a_bucket_lives_in_its_region(cloud):
    name = f"far-{uuid.uuid4().hex[:8]}-1250000000"
    far = cloud.client(Region="ap-beijing")
    far.create_bucket(Bucket=name)
    assert far.head_bucket(Bucket=name)["x-cos-bucket-region"] == "ap-beijing"
    assert refused(cloud.client().list_objects, Bucket=name) == (404, "NoSuchBucket")
    with pytest.raises(CosServiceError, match="it is in ap-beijing"):
        cloud.client().list_objects(Bucket=name)


@pytest.mark.parametrize("name", ["a-1250000000", "my-bucket-2-1250000000", "x" * 50 + "-12500000"])
def test_names(name):
    check_name(name)


@pytest.mark.parametrize(
    "name", ["", "noappid", "Upper-1250000000", "-a-1250000000", "a_b-1250000000", "a.b-1250000000",
             "../x-1250000000", "x" * 51 + "-1250000000", "a-12500000００"]
)  # fmt: skip
def test_names_that_are_refused(name):
    with pytest.raises(ServiceError, match="InvalidBucketName"):
        check_name(name)


@pytest.mark.parametrize("query", ["truncate", "made-up", "anything=1"])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_unknown_sub_resource_never_makes_or_removes_a_bucket(signed, method, query):
    name, _, value = query.partition("=")
    answer = signed(method, "/", params={name: value})
    assert (answer.status_code, "NotImplemented" in answer.text) == (501, True)
    assert name in answer.text
    assert signed("HEAD", "/").status_code == 200
