"""Callbacks of CI reach the functions that the cloud runs itself, at each of their addresses."""

import json
import time

import pytest

from localcloud.ci import own_functions
from localcloud.scf.serverless import load
from tests.localcloud.scf.conftest import write_project

# Keeps what it was sent, under the last part of the path.
HOOK = """\
import json
from shared.cos import Cos
from shared.settings import Settings

def main_handler(event, context):
    key = "told/" + event["path"].rpartition("/")[2]
    Cos(Settings.load(), "ap-guangzhou").put_object(
        "examplebucket-1250000000", key, json.dumps(event).encode(), "application/json")
    return {"statusCode": 200, "headers": {}, "body": ""}
"""
TRIGGERS = """\
- type: http
  function: hook
  parameters: {name: url, authType: NONE}
- type: apigw
  parameters:
    name: gateway
    apis: [{path: /taken, method: POST, function: hook}]
"""


@pytest.fixture
def hooked(tmp_path, start_cloud):
    root = write_project(tmp_path, {"hook": HOOK}, fields="timeout: 20\n", triggers=TRIGGERS)
    with start_cloud("--project", str(root)) as cloud:
        cloud.client().put_object(Bucket=cloud.bucket, Key="a.txt", Body=b"hello")
        yield cloud


def told(cloud, name):
    end = time.monotonic() + 20
    while time.monotonic() < end:
        listed = cloud.client().list_objects(Bucket=cloud.bucket, Prefix=f"told/{name}")
        if "Contents" in listed:
            answer = cloud.client().get_object(Bucket=cloud.bucket, Key=f"told/{name}")
            return json.loads(answer["Body"].get_raw_stream().read())
        time.sleep(0.05)
    return pytest.fail(f"{name} was not told")


def audit(cloud, url):
    cloud.client().ci_auditing_text_submit(
        Bucket=cloud.bucket, Key="a.txt", Callback=url, DetectType=1
    )


def test_every_address_of_a_function_of_ours(hooked):
    url, gateway = (route.host for route in load(hooked.log.parent).routes)
    addresses = {
        "path": f"{hooked.url}/_scf/hook/path",
        "url": f"https://{url}.scf.tencentcs.com/url",
        "gateway": f"http://{gateway}.ap-guangzhou.apigw.tencentcs.com/release/taken/gateway",
    }
    for address in addresses.values():
        audit(hooked, address)
    for name in addresses:
        event = told(hooked, name)
        assert event["httpMethod"] == "POST"
        assert json.loads(event["body"])["data"]["event"] == "ReviewText"
    assert told(hooked, "gateway")["requestContext"]["stage"] == "release"


def test_picture_jobs_tell_it_too_without_an_option(hooked, bucket_of, batches_of):
    bucket = bucket_of(hooked)
    bucket.put("in/a.jpg")
    batches = batches_of(bucket)
    submitted = batches.submit_picture(
        "in/a.jpg", CallBack=f"{hooked.url}/_scf/hook/job", CallBackFormat="JSON"
    )
    event = told(hooked, "job")
    assert json.loads(event["body"])["JobsDetail"][0]["JobId"] == submitted["JobId"]


def test_what_is_no_function_of_ours_is_not_called(hooked):
    for other in (
        "https://1250000000-abcdefghij-ap-guangzhou.scf.tencentcs.com/other",
        "http://service-abc-1250000000.ap-guangzhou.apigw.tencentcs.com/release/other",
        "https://example.com/other",
    ):
        audit(hooked, other)
    audit(hooked, f"{hooked.url}/_scf/hook/last")
    told(hooked, "last")
    listed = hooked.client().list_objects(Bucket=hooked.bucket, Prefix="told/")["Contents"]
    assert [one["Key"] for one in listed] == ["told/last"]
    assert "is not sent" in hooked.log.read_text()


def test_a_log_shows_no_secret_of_an_address():
    assert own_functions.shown("https://h.example/secret?token=1") == "https://h.example/..."
    assert own_functions.shown("https://h.example") == "https://h.example"
