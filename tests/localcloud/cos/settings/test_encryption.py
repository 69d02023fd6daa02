"""Default encryption shows on new objects, however they come; never on those that are there."""

import pytest
from qcloud_cos import CosServiceError

AES = {"Rule": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
SSE = "x-cos-server-side-encryption"


def test_new_objects_have_it(client, bucket):
    client.put_object(Bucket=bucket, Key="before", Body=b"x")
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=AES)
    assert client.put_object(Bucket=bucket, Key="k", Body=b"x")[SSE] == "AES256"
    assert client.head_object(Bucket=bucket, Key="k")[SSE] == "AES256"
    assert client.get_object(Bucket=bucket, Key="k")[SSE] == "AES256"
    source = {"Bucket": bucket, "Key": "before", "Region": "ap-guangzhou"}
    client.copy_object(Bucket=bucket, Key="copy", CopySource=source)
    assert client.head_object(Bucket=bucket, Key="copy")[SSE] == "AES256"
    upload = client.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = client.upload_part(Bucket=bucket, Key="parts", Body=b"x", PartNumber=1, UploadId=upload)
    client.complete_multipart_upload(
        Bucket=bucket,
        Key="parts",
        UploadId=upload,
        MultipartUpload={"Part": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    assert client.head_object(Bucket=bucket, Key="parts")[SSE] == "AES256"
    assert SSE not in client.head_object(Bucket=bucket, Key="before")
    client.delete_bucket_encryption(Bucket=bucket)
    assert SSE not in client.put_object(Bucket=bucket, Key="after", Body=b"x")
    assert client.head_object(Bucket=bucket, Key="k")[SSE] == "AES256"


def test_a_key_of_kms(client, bucket):
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "KMS", "KMSMasterKeyID": "k-1"}}
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rule": rule})
    stored = client.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert (stored[SSE], stored[f"{SSE}-cos-kms-key-id"]) == ("cos/kms", "k-1")


def test_the_older_name_of_the_element(client, bucket):
    rule = {"ApplySideEncryptionConfiguration": {"SSEAlgorithm": "AES256"}}
    client.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rule": [rule]})
    assert client.get_bucket_encryption(Bucket=bucket) == AES


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({}, "MalformedXML"),
        ({"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "ROT13"}}, "MalformedXML"),
        (
            {
                "ApplyServerSideEncryptionByDefault": {
                    "SSEAlgorithm": "KMS", "KMSMasterKeyID": "a\nSet-Cookie: b",
                }
            },
            "InvalidArgument",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(client, bucket, rule, code):
    with pytest.raises(CosServiceError) as caught:
        client.put_bucket_encryption(
            Bucket=bucket, ServerSideEncryptionConfiguration={"Rule": [rule]}
        )
    assert (caught.value.get_status_code(), caught.value.get_error_code()) == (400, code)
