"""Each setting through the unmodified SDK: put, get, delete, get again; and what is refused."""

import copy

import pytest

CORS = {"CORSRule": [{"ID": "r", "AllowedOrigin": ["http://a.com"], "AllowedMethod": ["GET"]}]}
LIFECYCLE = {
    "Rule": [
        {
            "ID": "old",
            "Status": "Enabled",
            "Filter": {"And": {"Prefix": "logs/", "Tag": [{"Key": "k", "Value": "值"}] * 2}},
            "Transition": [{"Days": "30", "StorageClass": "STANDARD_IA"}],
            "Expiration": {"Days": "365"},
        }
    ]
}
REPLICATION = {
    "Role": "qcs::cam::uin/100000000001:uin/100000000001",
    "Rule": [
        {
            "ID": "1",
            "Status": "Enabled",
            "Prefix": "图/",
            "Destination": {"Bucket": "qcs::cos:ap-shanghai::elsewhere-1250000000"},
        }
    ],
}
DOMAIN = {"DomainRule": [{"Status": "ENABLED", "Name": "www.example.com", "Type": "REST"}]}
ORIGIN = {
    "OriginRule": [
        {
            "RulePriority": "1",
            "OriginType": "Mirror",
            "OriginCondition": {"HTTPStatusCode": "404"},
            "OriginParameter": {"Protocol": "HTTP"},
            "OriginInfo": {"HostInfo": {"HostName": "origin.example.com"}},
        }
    ]
}
ENCRYPTION = {"Rule": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
TAGGING = {"TagSet": {"Tag": [{"Key": "k", "Value": "v & 值"}]}}

# call of the SDK, its argument, the document, how a GET shows it, code of a GET without it
SETTINGS = [
    ("cors", "CORSConfiguration", CORS, CORS, "NoSuchCORSConfiguration"),
    ("lifecycle", "LifecycleConfiguration", LIFECYCLE, LIFECYCLE, "NoSuchLifecycleConfiguration"),
    ("tagging", "Tagging", TAGGING, TAGGING, "NoSuchTagSet"),
    ("domain", "DomainConfiguration", DOMAIN, DOMAIN, "DomainConfigNotFoundError"),
    ("origin", "OriginConfiguration", ORIGIN, ORIGIN, "NoSuchOriginConfiguration"),
    ("encryption", "ServerSideEncryptionConfiguration", ENCRYPTION, ENCRYPTION,
     "NoSuchEncryptionConfiguration"),
    ("replication", "ReplicationConfiguration", REPLICATION, REPLICATION,
     "ReplicationConfigurationnotFoundError"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "argument", "document", "shown", "missing"), SETTINGS)
def test_put_get_delete(client, bucket, refused, name, argument, document, shown, missing):
    put, get, delete = (
        getattr(client, f"{verb}_bucket_{name}") for verb in ("put", "get", "delete")
    )
    client.put_bucket_versioning(Bucket=bucket, Status="Enabled")  # replication needs it
    assert refused(get, Bucket=bucket) == (404, missing)
    put(Bucket=bucket, **{argument: copy.deepcopy(document)})
    assert get(Bucket=bucket) == shown
    delete(Bucket=bucket)
    assert refused(get, Bucket=bucket) == (404, missing)
    delete(Bucket=bucket)


@pytest.mark.parametrize(("name", "argument", "document", "shown", "missing"), SETTINGS)
def test_a_bucket_that_is_not_there(client, refused, name, argument, document, shown, missing):
    gone = "gone-1250000000"
    put, get, delete = (
        getattr(client, f"{verb}_bucket_{name}") for verb in ("put", "get", "delete")
    )
    assert refused(put, Bucket=gone, **{argument: document}) == (404, "NoSuchBucket")
    assert refused(get, Bucket=gone) == refused(delete, Bucket=gone) == (404, "NoSuchBucket")


def test_what_answers_an_empty_document_when_there_is_none(client, bucket):
    assert client.get_bucket_logging(Bucket=bucket) == {"BucketLoggingStatus": None}
    assert client.get_bucket_referer(Bucket=bucket) == {"RefererConfiguration": None}
    empty = client.get_bucket_intelligenttiering(Bucket=bucket)
    assert empty == {"IntelligentTieringConfiguration": None}


def test_settings_go_with_their_bucket(client, bucket, refused):
    client.put_bucket_tagging(Bucket=bucket, Tagging=TAGGING)
    client.delete_bucket(Bucket=bucket)
    client.create_bucket(Bucket=bucket)
    assert refused(client.get_bucket_tagging, Bucket=bucket) == (404, "NoSuchTagSet")


def test_settings_survive_a_restart(start_cloud, tmp_path):
    name = "examplebucket-1250000000"
    with start_cloud("--no-functions", data=tmp_path / "kept") as first:
        first.client().put_bucket_cors(Bucket=name, CORSConfiguration=CORS)
    with start_cloud("--no-functions", data=tmp_path / "kept") as second:
        assert second.client().get_bucket_cors(Bucket=name) == CORS


def test_logging(client, bucket, cloud, refused):
    far = f"{bucket.rpartition('-')[0]}-far-1250000000"
    cloud.client(Region="ap-beijing").create_bucket(Bucket=far)
    for target in (far, "gone-1250000000"):
        status = {"LoggingEnabled": {"TargetBucket": target, "TargetPrefix": "log/"}}
        answer = refused(client.put_bucket_logging, Bucket=bucket, BucketLoggingStatus=status)
        assert answer == (400, "InvalidArgument")
    status = {"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "log/"}}
    client.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=status)
    assert client.get_bucket_logging(Bucket=bucket) == status
    client.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert client.get_bucket_logging(Bucket=bucket) == {"BucketLoggingStatus": None}


def test_replication_needs_versions(client, bucket, refused):
    put = client.put_bucket_replication
    answer = refused(put, Bucket=bucket, ReplicationConfiguration=REPLICATION)
    assert answer == (400, "InvalidRequest")
    client.put_bucket_versioning(Bucket=bucket, Status="Enabled")
    itself = copy.deepcopy(REPLICATION)
    itself["Rule"][0]["Destination"]["Bucket"] = f"qcs::cos:ap-guangzhou::{bucket}"
    answer = refused(put, Bucket=bucket, ReplicationConfiguration=itself)
    assert answer == (400, "InvalidArgument")


def test_object_lock(client, bucket, refused):
    missing = (404, "ObjectLockConfigurationNotFoundError")
    assert refused(client.get_bucket_object_lock, Bucket=bucket) == missing
    lock = {
        "ObjectLockEnabled": "Enabled",
        "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": "30"}},
    }
    client.put_bucket_object_lock(Bucket=bucket, ObjectLockConfiguration=lock)
    assert client.get_bucket_object_lock(Bucket=bucket) == lock
    for bad in (
        {"ObjectLockEnabled": "Disabled"},
        {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE"}}},
    ):
        answer = refused(client.put_bucket_object_lock, Bucket=bucket, ObjectLockConfiguration=bad)
        assert answer == (400, "MalformedXML")
    assert client.get_bucket_object_lock(Bucket=bucket) == lock
    assert client.get_bucket_meta(Bucket=bucket)["ObjectLock"] == lock


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("accelerate", "<AccelerateConfiguration><Status>Enabled</Status><Type>COS</Type>"
         "</AccelerateConfiguration>"),
        ("notification", "<NotificationConfiguration><CloudFunctionConfiguration><Id>1</Id>"
         "<Event>cos:ObjectCreated:*</Event></CloudFunctionConfiguration></NotificationConfiguration>"),
    ],
)  # fmt: skip
def test_what_the_sdk_has_no_call_for(signed, put_xml, name, body):
    root = body.partition(">")[0]
    assert f"{root} />" in signed("GET", "/", params={name: ""}).text
    assert put_xml(name, body).status_code == 200
    assert body in signed("GET", "/", params={name: ""}).text
    assert signed("DELETE", "/", params={name: ""}).status_code == 501


def tags(count, key="k", value="v"):
    return [{"Key": f"{key}{n}", "Value": value} for n in range(count)]


@pytest.mark.parametrize(
    "bad", [tags(51), tags(2, key="k" * 127), tags(1, value="v" * 256), tags(1) * 2]
)
def test_tags_that_are_refused(client, bucket, refused, bad):
    tagging = {"TagSet": {"Tag": bad}}
    answer = refused(client.put_bucket_tagging, Bucket=bucket, Tagging=tagging)
    assert answer == (400, "InvalidTag")
    client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": {"Tag": tags(50)}})
    assert len(client.get_bucket_tagging(Bucket=bucket)["TagSet"]["Tag"]) == 50


def test_buckets_are_found_by_tag_region_and_time(client, bucket, cloud):
    client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": {"Tag": tags(1, value=bucket)}})

    def names(**options):
        return [each["Name"] for each in client.list_buckets(**options)["Buckets"]["Bucket"]]

    assert names(TagKey="k0", TagValue=bucket) == [bucket]
    assert bucket in names(Region="ap-guangzhou", CreateTime=1, Range="gt")
    assert client.list_buckets(Region="ap-nowhere")["Buckets"] is None
    assert client.list_buckets(CreateTime=1, Range="lt")["Buckets"] is None
    cloud.new_bucket()
    first = client.list_buckets(MaxKeys=1)
    assert first["IsTruncated"] == "true"
    assert first["NextMarker"] == first["Buckets"]["Bucket"][0]["Name"]
    assert names(MaxKeys=1, Marker=first["NextMarker"])[0] > first["NextMarker"]


def test_the_kind_of_a_bucket(client, bucket):
    name = f"kind-{bucket}"
    client.create_bucket(Bucket=name, BucketAZConfig="MAZ", BucketArchConfig="OFS")
    meta = client.get_bucket_meta(Bucket=name)
    assert (meta["MAZ"], meta["OFS"]) == (True, True)
    meta = client.get_bucket_meta(Bucket=bucket)
    assert (meta["MAZ"], meta["OFS"]) == (False, False)


BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<CORSConfiguration><CORSRule><ID>&b;</ID></CORSRule></CORSConfiguration>"""


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "MalformedXML"),
        ("<CORSConfiguration>", "MalformedXML"),
        ("<Tagging/>", "MalformedXML"),
        (b"\xff\xfe\x00", "MalformedXML"),
        (BOMB, "MalformedXML"),
        ("<CORSConfiguration>" + "<a>" * 3000 + "</a>" * 3000 + "</CORSConfiguration>",
         "MalformedXML"),
        ("<CORSConfiguration>" + "<a/>" * 50_000 + "</CORSConfiguration>", "MalformedXML"),
        ("<CORSConfiguration>" + " " * 2**21 + "</CORSConfiguration>", "XMLSizeLimit"),
    ],
)  # fmt: skip
def test_hostile_documents(signed, put_xml, body, code):
    answer = put_xml("cors", body)
    assert (answer.status_code, f"<Code>{code}</Code>" in answer.text) == (400, True)
    assert signed("GET", "/", params={"cors": ""}).status_code == 404


@pytest.mark.parametrize(
    ("digest", "code"),
    [
        ("not base64", "InvalidDigest"),
        ("YWJj", "InvalidDigest"),
        ("1B2M2Y8AsgTpgAmY7PhCfg==", "BadDigest"),
        (None, "InvalidRequest"),
    ],
)
def test_the_digest(signed, digest, code):
    body = "<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>"
    headers = {} if digest is None else {"Content-MD5": digest}
    answer = signed("PUT", "/", params={"tagging": ""}, data=body, headers=headers)
    assert (answer.status_code, f"<Code>{code}</Code>" in answer.text) == (400, True)
    assert signed("GET", "/", params={"tagging": ""}).status_code == 404


def test_strangers_see_no_setting(cloud, bucket, refused):
    cloud.client().put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    stranger = cloud.client(Anonymous=True, SecretId=None, SecretKey=None)
    for call in (stranger.get_bucket_cors, stranger.delete_bucket_tagging):
        assert refused(call, Bucket=bucket) == (403, "AccessDenied")
