"""Object lock: until its date, nobody deletes or replaces an object."""

import time
from datetime import datetime, timezone

import pytest

from localcloud.cos.retention import BUCKET_SETTING
from tests.localcloud.conftest import DEFAULT_BUCKET, Signed

HOUR = 3600


def code(answer):
    return answer.content.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


def date(seconds_ahead):
    moment = datetime.fromtimestamp(time.time() + seconds_ahead, timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.000Z"


def lock(signed, until, mode="COMPLIANCE", key="/held"):
    body = f"<Retention><Mode>{mode}</Mode><RetainUntilDate>{until}</RetainUntilDate></Retention>"
    return signed("PUT", key, params={"retention": ""}, data=body)


def enable(inside, rule=""):
    document = f"<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled>{rule}"

    def switch():
        text = f"{document}</ObjectLockConfiguration>"
        inside.cloud.storage.set_setting(DEFAULT_BUCKET, BUCKET_SETTING, text)

    inside.call(switch)


@pytest.fixture
def signed(inside):
    enable(inside)
    found = Signed(inside.url)
    found("PUT", "/held", data=b"held")
    return found


def test_a_locked_object_stays_as_it_is(inside, signed):
    until = date(HOUR)
    assert lock(signed, until).status_code == 200
    shown = signed("GET", "/held", params={"retention": ""}).text
    assert f"<Mode>COMPLIANCE</Mode><RetainUntilDate>{until}</RetainUntilDate>" in shown
    source = f"{DEFAULT_BUCKET}.cos.ap-guangzhou.myqcloud.com/held"
    replaced = {"x-cos-copy-source": source, "x-cos-metadata-directive": "Replaced"}
    attempts = {
        "put": signed("PUT", "/held", data=b"new"),
        "delete": signed("DELETE", "/held"),
        "copy": signed("PUT", "/held", headers=replaced),
        "link": signed(
            "PUT", "/held", params={"symlink": ""}, headers={"x-cos-symlink-target": "a"}
        ),
    }
    assert {name: code(answer) for name, answer in attempts.items()} == dict.fromkeys(
        attempts, "AccessDenied"
    )
    assert signed("GET", "/held").content == b"held"
    inside.advance(2 * HOUR)
    assert signed("DELETE", "/held").status_code == 204


def test_multi_delete_tells_it_for_each_key(signed):
    lock(signed, date(HOUR))
    signed("PUT", "/free", data=b"x")
    for quiet in ("true", "false"):
        body = f"<Delete><Quiet>{quiet}</Quiet><Object><Key>held</Key></Object>"
        body += "<Object><Key>free</Key></Object></Delete>"
        answer = signed("POST", "/", params={"delete": ""}, data=body)
        assert answer.status_code == 200
        assert "<Error><Key>held</Key><Code>AccessDenied</Code>" in answer.text
        assert ("<Deleted><Key>free</Key></Deleted>" in answer.text) == (quiet == "false")
    assert signed("HEAD", "/held").status_code == 200


def test_a_finished_multipart_upload_does_not_replace_it(signed):
    started = signed("POST", "/held", params={"uploads": ""}).text
    upload = started.partition("<UploadId>")[2].partition("<")[0]
    params = {"uploadId": upload, "partNumber": "1"}
    etag = signed("PUT", "/held", params=params, data=b"x").headers["ETag"]
    lock(signed, date(HOUR))
    body = "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
    body += f"<ETag>{etag}</ETag></Part></CompleteMultipartUpload>"
    answer = signed("POST", "/held", params={"uploadId": upload}, data=body)
    assert code(answer) == "AccessDenied"
    assert signed("GET", "/held").content == b"held"


def test_a_lock_gets_longer_and_never_shorter(signed):
    lock(signed, date(2 * HOUR))
    assert code(lock(signed, date(HOUR))) == "AccessDenied"
    assert lock(signed, date(3 * HOUR)).status_code == 200


@pytest.mark.parametrize(
    ("until", "mode", "expected"),
    [
        (-HOUR, "COMPLIANCE", "InvalidArgument"),
        (200 * 365 * 24 * HOUR, "COMPLIANCE", "InvalidArgument"),
        (HOUR, "GOVERNANCE", "InvalidArgument"),
        ("tomorrow", "COMPLIANCE", "MalformedXML"),
        ("", "COMPLIANCE", "MalformedXML"),
    ],
)
def test_bad_requests_lock_nothing(signed, until, mode, expected):
    until = date(until) if isinstance(until, int) else until
    assert code(lock(signed, until, mode)) == expected
    unlocked = signed("GET", "/held", params={"retention": ""})
    assert (unlocked.status_code, code(unlocked)) == (404, "NoSuchObjectLockConfiguration")
    assert signed("DELETE", "/held").status_code == 204


def test_without_the_buckets_lock_there_is_none(inside):
    signed = Signed(inside.url)
    signed("PUT", "/held", data=b"x")
    assert code(lock(signed, date(HOUR))) == "InvalidRequest"
    assert code(lock(signed, date(HOUR), key="/none")) == "NoSuchKey"


def test_a_bucket_may_lock_what_comes_into_it(inside):
    rule = "<Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>2</Days></DefaultRetention></Rule>"
    enable(inside, rule)
    signed = Signed(inside.url)
    signed("PUT", "/held", data=b"held")
    assert code(signed("PUT", "/held", data=b"new")) == "AccessDenied"
    inside.advance(47 * HOUR)
    assert code(signed("DELETE", "/held")) == "AccessDenied"
    inside.advance(2 * HOUR)
    assert signed("PUT", "/held", data=b"new").status_code == 200


def test_with_versions_an_older_one_stays_while_new_ones_come(signed):
    body = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    signed("PUT", "/", params={"versioning": ""}, data=body)
    version = signed("PUT", "/held", data=b"held").headers["x-cos-version-id"]
    assert lock(signed, date(HOUR)).status_code == 200
    assert signed("PUT", "/held", data=b"new").status_code == 200
    assert signed("DELETE", "/held").status_code == 204
    assert code(signed("DELETE", "/held", params={"versionId": version})) == "AccessDenied"
    assert signed("GET", "/held", params={"versionId": version}).content == b"held"
