"""Events that go astray, as functions meet them."""

import time

from tests.localcloud.scf.conftest import uploads_wake

TRIGGER = uploads_wake("note")
# Leaves one object for each time it is woken.
HANDLER = """\
import os
from qcloud_cos import CosConfig, CosS3Client
from shared.events import parse

def main_handler(event, context):
    upload = parse(event)[0]
    config = CosConfig(
        Region=upload.region, SecretId=os.environ["TENCENTCLOUD_SECRETID"],
        SecretKey=os.environ["TENCENTCLOUD_SECRETKEY"],
        Token=os.environ["TENCENTCLOUD_SESSIONTOKEN"], Scheme=SCHEME,
    )
    name = upload.key.removeprefix("uploads/")
    CosS3Client(config, retry=0).put_object(
        upload.bucket, b"", f"woken/{name}/{context['request_id']}"
    )
"""


def woken(client, bucket, expected):
    """The names of the uploads that woke the function, once there are `expected` of them."""
    deadline = time.monotonic() + 30
    while True:
        found = client.list_objects(bucket, Prefix="woken/").get("Contents", [])
        if len(found) >= expected or time.monotonic() > deadline:
            return sorted(one["Key"].split("/")[1] for one in found)
        time.sleep(0.05)


def test_a_duplicate_wakes_the_function_twice_and_a_lost_event_never(make_project, start_cloud):
    source = HANDLER.replace("SCHEME", '"http"')
    root = make_project({"note": source}, fields="timeout: 20\n", triggers=TRIGGER)
    faults = (
        "PutObject=event-twice,prefix=uploads/twice",
        "PutObject=event-lost,prefix=uploads/lost",
        "PutObject=event-delay:300ms,prefix=uploads/late",
    )
    options = [word for fault in faults for word in ("--fault", fault)]
    with start_cloud("--project", str(root), *options) as cloud:
        client = cloud.client()
        for name in ("lost", "twice", "late", "once"):
            client.put_object(cloud.bucket, b"x", f"uploads/{name}")
        assert woken(client, cloud.bucket, 4) == ["late", "once", "twice", "twice"]


def test_a_function_may_use_https_too(make_project, start_cloud):
    source = HANDLER.replace("SCHEME", '"https"')
    root = make_project({"note": source}, fields="timeout: 20\n", triggers=TRIGGER)
    with start_cloud("--project", str(root), "--tls") as cloud:
        client = cloud.client()
        client.put_object(cloud.bucket, b"x", "uploads/k")
        assert woken(client, cloud.bucket, 1) == ["k"]
