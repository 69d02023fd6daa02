"""An upload to a served local cloud wakes the function that serverless.yml binds to it."""

import json
import time

import pytest
from qcloud_cos import CosServiceError

from tests.localcloud.scf.conftest import uploads_wake

TRIGGER = uploads_wake("copy")
# Writes what it was told beside the upload, with the temporary keys that it was given.
HANDLER = """\
import json, os
from qcloud_cos import CosConfig, CosS3Client
from shared.events import parse

def main_handler(event, context):
    upload = parse(event)[0]
    config = CosConfig(
        Region=upload.region, SecretId=os.environ["TENCENTCLOUD_SECRETID"],
        SecretKey=os.environ["TENCENTCLOUD_SECRETKEY"],
        Token=os.environ["TENCENTCLOUD_SESSIONTOKEN"], Scheme=os.environ["COS_SCHEME"],
    )
    client = CosS3Client(config, retry=0)
    body = client.get_object(upload.bucket, upload.key)["Body"].get_raw_stream().read().decode()
    told = {"body": body, "event": upload.event_name, "size": upload.size,
            "content_type": upload.content_type, "request_id": context["request_id"]}
    client.put_object(upload.bucket, json.dumps(told), "processed/" + upload.key)
"""


def wait_for(client, bucket, key, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        try:
            return json.loads(client.get_object(bucket, key)["Body"].get_raw_stream().read())
        except CosServiceError as error:
            if error.get_status_code() != 404:
                raise
            if time.monotonic() > deadline:
                pytest.fail(f"{key} did not appear in {seconds} seconds")


def test_an_upload_becomes_what_the_function_makes_of_it(make_project, start_cloud):
    root = make_project({"copy": HANDLER}, fields="timeout: 20\n", triggers=TRIGGER)
    with start_cloud("--project", str(root)) as cloud:
        client = cloud.client()
        key = "uploads/图 a+b%.txt"
        client.put_object(cloud.bucket, b"hello", key, ContentType="text/plain")
        told = wait_for(client, cloud.bucket, f"processed/{key}")
    assert (
        told.items()
        >= {
            "body": "hello",
            "event": "cos:ObjectCreated:Put",
            "size": 5,
            "content_type": "text/plain",
        }.items()
    )
