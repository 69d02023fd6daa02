"""What is refused, with which code: requests, rights, and jobs that are not there."""

import json

import pytest
from qcloud_cos import CosServiceError

INPUT = "<Input><Object>clean/a</Object></Input>"
BODY = f"<Request>{INPUT}<Conf/></Request>"
SHOTS = "<Snapshot><Count>1</Count></Snapshot>"
TEXT = "text/auditing"


def code(answer):
    return answer.status, answer.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", (400, "MissingContent")),
        ("   ", (400, "MissingContent")),
        ("<Request>", (400, "InvalidContent")),
        ("{}", (400, "InvalidContent")),
        ("<Other/>", (400, "InvalidContent")),
        ('<!DOCTYPE x [<!ENTITY a "b">]><Request>&a;</Request>', (400, "InvalidContent")),
        ("<Request/>", (400, "InvalidArgument")),
        (f"<Request>{INPUT}</Request>", (400, "InvalidArgument")),
        ("<Request><Conf/></Request>", (400, "InvalidArgument")),
        (f"<Request>{INPUT}{INPUT}<Conf/></Request>", (400, "InvalidArgument")),
        ("<Request><Input/><Conf/></Request>", (400, "InvalidArgument")),
        (
            "<Request><Input><Object>a</Object><Url>http://a/b</Url></Input><Conf/></Request>",
            (400, "InvalidArgument"),
        ),
        ("x" * (2 * 1024**2 + 1), (400, "XMLSizeLimit")),
    ],
)
def test_bodies(audited, body, expected):
    assert code(audited.ci("POST", TEXT, body)) == expected


@pytest.mark.parametrize(
    ("path", "conf", "named"),
    [
        (TEXT, "<DetectType>Cats</DetectType>", "Cats"),
        (TEXT, "<CallbackVersion>simple</CallbackVersion>", "CallbackVersion"),
        (TEXT, "<CallbackType>3</CallbackType>", "CallbackType"),
        (TEXT, "<CallBackFormat>YAML</CallBackFormat>", "CallBackFormat"),
        ("image/auditing", "<Async>2</Async>", "Async"),
        ("video/auditing", "", "Snapshot"),
        ("video/auditing", "<Snapshot><Mode>Interval</Mode></Snapshot>", "Snapshot.Count"),
        ("video/auditing", "<Snapshot><Count>0</Count></Snapshot>", "Snapshot.Count"),
        ("video/auditing", "<Snapshot><Count>10001</Count></Snapshot>", "Snapshot.Count"),
        ("video/auditing", "<Snapshot><Mode>All</Mode><Count>1</Count></Snapshot>", "Mode"),
        (
            "video/auditing",
            "<Snapshot><TimeInterval>60.5</TimeInterval><Count>1</Count></Snapshot>",
            "TimeInterval",
        ),
        ("video/auditing", f"{SHOTS}<DetectContent>x</DetectContent>", "DetectContent"),
        ("virus/detect", "<DetectType>Porn</DetectType>", "Virus"),
        ("virus/detect", "</Conf><Encryption><Key>x</Key></Encryption><Conf>", "Encryption"),
    ],
)
def test_a_wrong_setting_is_named(audited, path, conf, named):
    answer = audited.ci("POST", path, f"<Request>{INPUT}<Conf>{conf}</Conf></Request>")
    assert code(answer) == (400, "InvalidArgument")
    assert named.encode() in answer.body


@pytest.mark.parametrize(
    "inner",
    [
        f"<DataId>{'d' * 513}</DataId>",
        f"<UserInfo><TokenId>{'t' * 129}</TokenId></UserInfo>",
    ],
)
def test_fields_of_the_client_have_limits(audited, inner):
    body = f"<Request><Input><Object>a</Object>{inner}</Input><Conf/></Request>"
    assert code(audited.ci("POST", TEXT, body)) == (400, "InvalidArgument")


def test_a_hundred_pictures_and_no_more(audited):
    def status(count):
        body = f"<Request>{'<Input><Object>missing</Object></Input>' * count}<Conf/></Request>"
        return code(audited.ci("POST", "image/auditing", body))

    assert status(100) == (200, "-61011")
    assert status(101) == (400, "InvalidArgument")


@pytest.mark.parametrize(("biz_type", "number"), [("unknown", "-65016"), ("nothing", "-65015")])
def test_strategies_that_do_not_exist_or_are_empty(audited, biz_type, number):
    body = f"<Request>{INPUT}<Conf><BizType>{biz_type}</BizType></Conf></Request>"
    answer = audited.ci("POST", TEXT, body)
    assert code(answer) == (400, "InvalidArgument")
    assert answer.headers["X-ErrNo"] == number


def test_masks_are_refused_by_name(audited):
    conf = f"<Conf>{SHOTS}<Mask><Images/></Mask></Conf>"
    answer = audited.ci("POST", "video/auditing", f"<Request>{INPUT}{conf}</Request>")
    assert code(answer) == (501, "NotImplemented")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "rtmp://", "x"])
def test_a_live_stream_has_an_address(audited, url):
    body = f"<Type>live_video</Type><Input><Url>{url}</Url></Input>"
    conf = "<Conf><BizType>strict</BizType></Conf>"
    answer = audited.ci("POST", "video/auditing", f"<Request>{body}{conf}</Request>")
    assert code(answer) == (400, "InvalidArgument")


def test_a_live_stream_names_a_strategy(audited):
    body = "<Request><Type>live_video</Type><Input><Url>rtmp://a/b</Url></Input><Conf/></Request>"
    assert code(audited.ci("POST", "video/auditing", body)) == (400, "InvalidArgument")
    body = body.replace("live_video", "radio")
    assert code(audited.ci("POST", "video/auditing", body)) == (400, "InvalidArgument")


def test_headers(audited):
    assert code(audited.ci("POST", TEXT, BODY, **{"Content-Type": "text/plain"})) == (
        400,
        "InvalidContentType",
    )
    assert code(audited.ci("POST", TEXT, BODY, **{"Content-MD5": "A" * 22 + "=="})) == (
        400,
        "BadDigest",
    )


def test_signatures(audited):
    host = f"http://{audited.name}.ci.{audited.cloud.region}.myqcloud.com/{TEXT}"
    unsigned = audited.request("POST", host, {"Content-Type": "application/xml"}, BODY.encode())
    assert code(unsigned) == (403, "MissingAuthorization")
    assert unsigned.headers["Server"] == "tencent-ci"
    client = audited.cloud.client
    options = {"Bucket": audited.name, "Key": "a"}
    for settings, expected in (
        ({"SecretKey": "another"}, "InvalidAuthorization"),
        ({"SecretId": "AKIDnobody"}, "SecretidNotExist"),
    ):
        with pytest.raises(CosServiceError) as caught:
            client(**settings).ci_auditing_audio_submit(**options)
        assert caught.value.get_error_code() == expected
        assert caught.value.get_status_code() == 403


def test_jobs_are_their_buckets_own(audited, other):
    audited.put("clean/a")
    job_id = audited.submit(TEXT, f"{INPUT}<Conf/>").findtext("JobId")
    audited.finished(TEXT, job_id)
    assert code(other.ci("GET", f"{TEXT}/{job_id}")) == (404, "ResourceNotFound")
    assert code(audited.ci("GET", f"audio/auditing/{job_id}")) == (404, "ResourceNotFound")
    assert code(audited.ci("GET", f"{TEXT}/st{'0' * 32}")) == (404, "ResourceNotFound")
    assert code(audited.ci("POST", f"video/cancel_auditing/{job_id}", b"")) == (
        404,
        "ResourceNotFound",
    )


def test_an_unbound_or_missing_bucket(audited):
    audited.pic("PUT", {"unbind": ""})
    for method, path, body in (
        ("POST", TEXT, BODY),
        ("GET", f"{TEXT}/st1", None),
        ("POST", "report/badcase", BODY),
        ("POST", "video/cancel_auditing/av1", b""),
    ):
        assert code(audited.ci(method, path, body)) == (403, "MediaBucketUnBinded")
    audited.name = "nowhere-1250000000"
    assert code(audited.ci("POST", TEXT, BODY)) == (404, "NoSuchBucket")


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", TEXT), ("PUT", TEXT), ("DELETE", f"{TEXT}/st1"), ("POST", "cat/auditing")],
)
def test_what_is_no_operation_is_named(audited, method, path):
    assert code(audited.ci(method, path, BODY if method == "POST" else None))[0] == 501


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"ContentType": ""}, "ContentType"),
        ({"ContentType": "3"}, "ContentType"),
        ({"Label": "Cats"}, "Label"),
        ({"SuggestedLabel": ""}, "SuggestedLabel"),
        ({"Text": ""}, "Text"),
        ({"Text": "%"}, "Text"),
        ({"ContentType": "2"}, "Url"),
        ({"ContentType": "2", "Url": "ftp://a"}, "Url"),
    ],
)
def test_reports_that_miss_something(audited, fields, named):
    whole = {"ContentType": "1", "Text": "5L2g", "Label": "Porn", "SuggestedLabel": "Normal"}
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in (whole | fields).items())
    answer = audited.ci("POST", "report/badcase", f"<Request>{inner}</Request>")
    assert code(answer) == (400, "InvalidArgument")
    assert f"Param {named} is illegal".encode() in answer.body


def test_a_key_may_audit_what_its_policy_says(start_cloud, tmp_path, audited_in):
    allowed = ["ci:CreateAuditingTextJob", "ci:DescribeAuditingTextJob"]
    statement = {"effect": "allow", "action": allowed, "resource": ["*"]}
    user = {
        "secret_id": "AKIDauditor",
        "secret_key": "auditors-own-secret",
        "uin": "100000000002",
        "policy": {"version": "2.0", "statement": [statement]},
    }
    users = tmp_path / "users.json"
    users.write_text(json.dumps([user]))
    with start_cloud("--no-functions", "--users", str(users)) as cloud:
        bucket = audited_in(cloud)
        client = cloud.client(SecretId=user["secret_id"], SecretKey=user["secret_key"])
        found = client.ci_auditing_text_submit(Bucket=bucket.name, Key="a.txt")["JobsDetail"]
        assert found["State"] == "Submitted"
        found = client.ci_auditing_text_query(Bucket=bucket.name, JobID=found["JobId"])
        assert found["JobsDetail"]["Object"] == "a.txt"
        with pytest.raises(CosServiceError) as caught:
            client.ci_auditing_audio_submit(Bucket=bucket.name, Key="a.mp3")
        error = caught.value
        assert (error.get_status_code(), error.get_error_code()) == (403, "AccessDenied")
