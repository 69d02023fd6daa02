"""boto3, unmodified, through COS's S3 compatibility; three ways to reach the cloud."""

import hashlib
import io

import boto3
import pytest
import requests
from boto3.s3.transfer import TransferConfig
from botocore import UNSIGNED
from botocore.client import Config as BotoConfig
from botocore.exceptions import ClientError

from localcloud.config import Config
from tests.localcloud.identity.conftest import OTHER, allow, federation_request, sts_client

REGION = "ap-guangzhou"
REAL = f"http://cos.{REGION}.myqcloud.com"
WAYS = ("path", "proxy", "proxy-path")
BIG = bytes(range(256)) * (6 * 4096)  # 6 MB


def s3(url, way="proxy", region=REGION, key=None, **config):
    own = Config()
    secret_id, secret_key, token = key or (own.secret_id, own.secret_key, None)
    if way.startswith("proxy"):
        config["proxies"] = {"http": url}
        if way == "proxy-path":
            config["s3"] = {"addressing_style": "path"}
    return boto3.client(
        "s3",
        endpoint_url=url if way == "path" else REAL,
        region_name=region,
        aws_access_key_id=secret_id,
        aws_secret_access_key=secret_key,
        aws_session_token=token,
        config=BotoConfig(retries={"max_attempts": 0}, **config),
    )


@pytest.fixture(params=WAYS)
def client(people, request):
    return s3(people.url, request.param)


@pytest.fixture
def bucket(people):
    return people.new_bucket()


def code_of(call, **options):
    with pytest.raises(ClientError) as caught:
        call(**options)
    return caught.value.response["Error"]["Code"]


def test_buckets(client, people):
    name = people.new_bucket().replace("test-", "boto-")
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    assert name in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]
    head = client.head_bucket(Bucket=name)
    assert head["BucketRegion"] == REGION
    assert client.get_bucket_location(Bucket=name)["LocationConstraint"] == REGION
    client.delete_bucket(Bucket=name)
    assert code_of(client.head_bucket, Bucket=name) == "404"


@pytest.mark.parametrize("key", ["plain", "a b/ü+&=?#%2F~", "//x//", "日本"])
def test_an_object_there_and_back(client, people, bucket, key):
    client.put_object(
        Bucket=bucket, Key=key, Body=b"hello", ContentType="text/x", CacheControl="no-cache",
        Metadata={"colour": "red"}, Tagging="a=1&b=2", StorageClass="STANDARD_IA",
    )  # fmt: skip
    got = client.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == b"hello"
    assert (got["ContentType"], got["CacheControl"]) == ("text/x", "no-cache")
    assert got["Metadata"] == {"colour": "red"}
    assert got["TagCount"] == 2
    assert got["StorageClass"] == "STANDARD_IA"
    assert client.head_object(Bucket=bucket, Key=key)["ETag"] == got["ETag"]
    # It is an object of COS as any other.
    seen = people.client().head_object(Bucket=bucket, Key=f"/{key}")
    assert seen["x-cos-meta-colour"] == "red"
    part = client.get_object(Bucket=bucket, Key=key, Range="bytes=1-2")
    assert part["Body"].read() == b"el"
    client.delete_object(Bucket=bucket, Key=key)
    assert code_of(client.get_object, Bucket=bucket, Key=key) == "NoSuchKey"


def test_listing_version_2_by_pages(client, bucket):
    names = [f"d{n}/k {n}" for n in range(5)] + ["top&"]
    for name in names:
        client.put_object(Bucket=bucket, Key=name, Body=b"")
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    pages = list(pages)
    assert [page["KeyCount"] for page in pages] == [2, 2, 2]
    assert [item["Key"] for page in pages for item in page["Contents"]] == sorted(names)
    assert "Owner" not in pages[0]["Contents"][0]
    owned = client.list_objects_v2(Bucket=bucket, FetchOwner=True, StartAfter="d3/k 3")
    assert [item["Key"] for item in owned["Contents"]] == ["d4/k 4", "top&"]
    assert owned["Contents"][0]["Owner"]["ID"]
    grouped = client.list_objects_v2(Bucket=bucket, Delimiter="/", Prefix="d")
    assert [entry["Prefix"] for entry in grouped["CommonPrefixes"]] == [f"d{n}/" for n in range(5)]
    assert grouped["KeyCount"] == 5
    assert client.list_objects(Bucket=bucket, MaxKeys=1)["IsTruncated"]
    token = {"ContinuationToken": "%%%"}
    assert code_of(client.list_objects_v2, Bucket=bucket, **token) == "InvalidArgument"


def test_copy_and_delete_many(client, bucket):
    client.put_object(Bucket=bucket, Key="a +ü", Body=b"x", Metadata={"m": "1"})
    source = {"Bucket": bucket, "Key": "a +ü"}
    client.copy_object(Bucket=bucket, Key="same", CopySource=source)
    client.copy_object(
        Bucket=bucket, Key="new", CopySource=source, Metadata={"m": "2"},
        MetadataDirective="REPLACE",
    )  # fmt: skip
    metadata = [client.head_object(Bucket=bucket, Key=key)["Metadata"] for key in ("same", "new")]
    assert metadata == [{"m": "1"}, {"m": "2"}]
    answer = client.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "same"}, {"Key": "new"}, {"Key": "a +ü"}]}
    )
    assert len(answer["Deleted"]) == 3
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    bad = {"Bucket": bucket, "Key": "k", "CopySource": "no-slash"}
    assert code_of(client.copy_object, **bad) == "InvalidCopySource"


def test_multipart_by_hand_and_by_the_transfer_manager(client, bucket):
    upload = client.create_multipart_upload(Bucket=bucket, Key="m", Metadata={"a": "b"})["UploadId"]
    parts = []
    for number, data in ((1, BIG[: 5 << 20]), (2, BIG[5 << 20 :])):
        made = client.upload_part(
            Bucket=bucket, Key="m", UploadId=upload, PartNumber=number, Body=data
        )
        parts.append({"PartNumber": number, "ETag": made["ETag"]})
    listed = client.list_parts(Bucket=bucket, Key="m", UploadId=upload)["Parts"]
    assert [part["Size"] for part in listed] == [5 << 20, 1 << 20]
    client.complete_multipart_upload(
        Bucket=bucket, Key="m", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert client.get_object(Bucket=bucket, Key="m")["Body"].read() == BIG
    assert client.head_object(Bucket=bucket, Key="m")["Metadata"] == {"a": "b"}
    config = TransferConfig(multipart_threshold=1 << 20, multipart_chunksize=5 << 20)
    client.upload_fileobj(io.BytesIO(BIG), bucket, "t", Config=config)
    assert client.head_object(Bucket=bucket, Key="t")["ETag"].endswith('-2"')
    target = io.BytesIO()
    client.download_fileobj(bucket, "t", target)
    assert target.getvalue() == BIG
    upload = client.create_multipart_upload(Bucket=bucket, Key="gone")["UploadId"]
    client.abort_multipart_upload(Bucket=bucket, Key="gone", UploadId=upload)
    assert not client.list_multipart_uploads(Bucket=bucket).get("Uploads")


@pytest.mark.parametrize("algorithm", ["CRC32", "SHA1", "SHA256"])
def test_checksums(client, bucket, algorithm):
    put = {"Bucket": bucket, "Key": "k", "ChecksumAlgorithm": algorithm}
    client.put_object(**put, Body=b"some bytes")
    client.put_object(**put, Body=io.BytesIO(b"from a stream"))
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"from a stream"
    wrong = {f"Checksum{algorithm}": "AAAA"}
    put.pop("ChecksumAlgorithm")
    assert code_of(client.put_object, **put, Body=b"other", **wrong) == "BadDigest"
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"from a stream"


def test_the_newest_checksum(client, bucket):
    # The second one is longer than a block.
    for body, value in ((b"123456789", "rosUhgp5mIg="), (bytes(100_000), "m0nypWpUsto=")):
        good = {"Bucket": bucket, "Key": "k", "Body": body, "ChecksumCRC64NVME": value}
        client.put_object(**good)
        assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == body
        assert code_of(client.put_object, **{**good, "Body": body + b"x"}) == "BadDigest"


def test_settings_need_no_md5(client, bucket):
    """The client sends another checksum instead."""
    rule = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}
    client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}
    )
    assert client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == [rule]
    cors = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}
    client.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [cors]})
    assert client.get_bucket_cors(Bucket=bucket)["CORSRules"] == [cors]
    site = {"IndexDocument": {"Suffix": "i.html"}}
    client.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)
    assert client.get_bucket_website(Bucket=bucket)["IndexDocument"] == site["IndexDocument"]
    tags = [{"Key": "a", "Value": "b"}]
    client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert client.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags


def test_versions_by_pages(client, bucket):
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    made = [client.put_object(Bucket=bucket, Key="k", Body=b"")["VersionId"] for _ in range(3)]
    client.delete_object(Bucket=bucket, Key="k")
    pages = client.get_paginator("list_object_versions").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    pages = list(pages)
    assert [one["VersionId"] for page in pages for one in page.get("Versions", [])] == made[::-1]
    assert len(pages[0]["DeleteMarkers"]) == 1


def test_writes_with_conditions(client, bucket):
    put = {"Bucket": bucket, "Key": "k", "IfNoneMatch": "*"}
    client.put_object(**put, Body=b"first")
    assert code_of(client.put_object, **put, Body=b"second") == "PreconditionFailed"
    upload = client.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    part = client.upload_part(Bucket=bucket, Key="k", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    complete = {**put, "UploadId": upload, "MultipartUpload": parts}
    assert code_of(client.complete_multipart_upload, **complete) == "PreconditionFailed"
    other = {"Bucket": bucket, "Key": "k", "Body": b"third", "IfMatch": '"x"'}
    assert code_of(client.put_object, **other) == "NotImplemented"
    assert client.get_object(Bucket=bucket, Key="k")["Body"].read() == b"first"


def test_what_cos_lacks_is_said(client, bucket):
    client.put_object(Bucket=bucket, Key="k", Body=b"x")
    get = {"Bucket": bucket, "Key": "k", "ObjectAttributes": ["ETag"]}
    assert code_of(client.get_object_attributes, **get) == "NotImplemented"
    assert code_of(client.get_public_access_block, Bucket=bucket) == "NotImplemented"
    assert code_of(client.get_bucket_policy_status, Bucket=bucket) == "NotImplemented"


@pytest.mark.parametrize("way", WAYS)
def test_presigned_forms(people, bucket, way):
    made = s3(people.url, way).generate_presigned_post(
        bucket, "up/${filename}", Fields={"x-amz-meta-m": "1", "acl": "public-read"},
        Conditions=[{"x-amz-meta-m": "1"}, {"acl": "public-read"}, ["content-length-range", 0, 9]],
    )  # fmt: skip

    def send(body=b"posted", **changed):
        return requests.post(
            made["url"], data=made["fields"] | changed, files={"file": ("f.txt", body)},
            proxies={"http": people.url}, timeout=20,
        )  # fmt: skip

    assert send().status_code == 204
    got = s3(people.url, way).get_object(Bucket=bucket, Key="up/f.txt")
    assert (got["Body"].read(), got["Metadata"]) == (b"posted", {"m": "1"})
    link = f"http://{bucket}.cos.{REGION}.myqcloud.com/up/f.txt"
    assert requests.get(link, proxies={"http": people.url}, timeout=20).content == b"posted"
    for answer, code in (
        (send(**{"x-amz-meta-m": "2"}), "AccessDenied"),
        (send(b"x" * 10), "EntityTooLarge"),
        (send(**{"x-amz-signature": "0" * 64}), "SignatureDoesNotMatch"),
        (send(**{"x-amz-algorithm": "AWS4"}), "AuthorizationHeaderMalformed"),
        (send(policy=""), "AccessDenied"),
    ):
        assert f"<Code>{code}</Code>" in answer.text


def test_tags_and_acl(client, bucket):
    client.put_object(Bucket=bucket, Key="k", Body=b"", ACL="public-read")
    tags = {"TagSet": [{"Key": "a", "Value": "1"}]}
    client.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags)
    assert client.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags["TagSet"]
    acl = client.get_object_acl(Bucket=bucket, Key="k")
    group = "http://acs.amazonaws.com/groups/global/AllUsers"
    assert [g["Grantee"].get("URI") for g in acl["Grants"]] == [None, group]
    client.put_object_acl(
        Bucket=bucket, Key="k", AccessControlPolicy={"Owner": acl["Owner"], "Grants": acl["Grants"]}
    )
    client.put_bucket_acl(Bucket=bucket, GrantRead=f'uri="{group}",id="{OTHER}"')
    shown = client.get_bucket_acl(Bucket=bucket)["Grants"]
    assert {g["Permission"] for g in shown} == {"FULL_CONTROL", "READ"}
    assert len(shown) == 3


@pytest.mark.parametrize("way", WAYS)
def test_presigned_links(people, bucket, way):
    client = s3(people.url, way, signature_version="s3v4")
    params = {"Bucket": bucket, "Key": "a b+ü"}
    proxies = {"http": people.url}
    put = client.generate_presigned_url(
        "put_object", {**params, "ContentType": "text/x", "Metadata": {"m": "1"}}, ExpiresIn=60
    )
    headers = {"Content-Type": "text/x", "x-amz-meta-m": "1"}
    sent = requests.put(put, data=b"linked", headers=headers, proxies=proxies, timeout=20)
    assert sent.status_code == 200
    get = client.generate_presigned_url(
        "get_object", {**params, "ResponseContentType": "text/y"}, ExpiresIn=60
    )
    got = requests.get(get, proxies=proxies, timeout=20)
    assert (got.content, got.headers["Content-Type"]) == (b"linked", "text/y")
    assert got.headers["x-amz-meta-m"] == "1"
    for changed in (get.replace("text%2Fy", "text%2Fz"), get.replace("Expires=60", "Expires=61")):
        answer = requests.get(changed, proxies=proxies, timeout=20)
        assert "<Code>SignatureDoesNotMatch</Code>" in answer.text
    headers["x-amz-meta-m"] = "2"
    answer = requests.put(put, data=b"other", headers=headers, proxies=proxies, timeout=20)
    assert "<Code>SignatureDoesNotMatch</Code>" in answer.text


def test_temporary_credentials(people, bucket):
    resource = f"qcs::cos:{REGION}:uid/1250000000:{bucket}/mine/*"
    policy = allow("cos:PutObject", "cos:GetObject", resource=resource)
    made = sts_client(people.url).GetFederationToken(federation_request(policy)).Credentials
    client = s3(people.url, key=(made.TmpSecretId, made.TmpSecretKey, made.Token))
    client.put_object(Bucket=bucket, Key="mine/a", Body=b"x")
    put = {"Bucket": bucket, "Body": b"x"}
    assert code_of(client.put_object, Key="theirs", **put) == "AccessDenied"
    link = s3(
        people.url, key=(made.TmpSecretId, made.TmpSecretKey, made.Token), signature_version="s3v4"
    ).generate_presigned_url("get_object", {"Bucket": bucket, "Key": "mine/a"})
    assert requests.get(link, proxies={"http": people.url}, timeout=20).content == b"x"
    lost = s3(people.url, key=(made.TmpSecretId, made.TmpSecretKey, None))
    assert code_of(lost.put_object, Key="mine/a", **put) == "InvalidAccessKeyId"
    forged = s3(people.url, key=(made.TmpSecretId, made.TmpSecretKey, "other"))
    assert code_of(forged.put_object, Key="mine/a", **put) == "AccessDenied"


def test_bucket_policy(client, bucket):
    assert code_of(client.get_bucket_policy, Bucket=bucket) == "NoSuchBucketPolicy"
    text = '{"statement":[{"effect":"allow","principal":"*","action":"cos:*","resource":"*"}]}'
    client.put_bucket_policy(Bucket=bucket, Policy=text)
    assert client.get_bucket_policy(Bucket=bucket)["Policy"] == text
    client.delete_bucket_policy(Bucket=bucket)


def test_refusals(people, bucket):
    call = {"Bucket": bucket, "Key": "none"}
    own = Config()
    cases = [
        (s3(people.url), "NoSuchKey"),
        (s3(people.url, key=("AKIDnobody", "x", None)), "InvalidAccessKeyId"),
        (s3(people.url, key=(own.secret_id, "x", None)), "SignatureDoesNotMatch"),
        (s3(people.url, region="ap-beijing"), "AuthorizationHeaderMalformed"),
        (s3(people.url, "path", region="ap-beijing"), "NoSuchBucket"),
        (s3(people.url, signature_version="s3"), "InvalidRequest"),
    ]
    for client, code in cases:
        assert code_of(client.get_object, **call) == code
    missing = {"Bucket": "nobucket-1250000000", "Key": "k"}
    assert code_of(s3(people.url).get_object, **missing) == "NoSuchBucket"


def test_anonymous(people, bucket):
    client = s3(people.url, signature_version=UNSIGNED)
    assert code_of(client.list_objects_v2, Bucket=bucket) == "AccessDenied"
    people.client().put_object(Bucket=bucket, Key="k", Body=b"open", ACL="public-read")
    got = client.get_object(Bucket=bucket, Key="k")["Body"].read()
    assert hashlib.sha256(got).digest() == hashlib.sha256(b"open").digest()
