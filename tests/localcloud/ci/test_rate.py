"""CI's limit of persistent processing requests a second, played on demand."""

import io
import json

import pytest
from PIL import Image
from qcloud_cos import CosServiceError

from localcloud.ci.rate import Rate
from localcloud.errors import ServiceError

RULES = json.dumps({"rules": [{"fileid": "/out.png", "rule": "imageMogr2/format/png"}]})


def picture():
    body = io.BytesIO()
    Image.new("RGB", (8, 8)).save(body, "PNG")
    return body.getvalue()


def test_one_too_many_is_told_to_slow_down_and_other_requests_are_not(start_cloud):
    with start_cloud("--no-functions", "--ci-rate", "0.001") as cloud:
        client, bucket = cloud.client(), cloud.new_bucket()
        client.put_object(Bucket=bucket, Key="a.png", Body=picture())
        client.ci_image_process(Bucket=bucket, Key="a.png", PicOperations=RULES)
        with pytest.raises(CosServiceError) as caught:
            client.ci_image_process(Bucket=bucket, Key="a.png", PicOperations=RULES)
        assert (caught.value.get_status_code(), caught.value.get_error_code()) == (503, "SlowDown")
        client.put_object(Bucket=bucket, Key="b.png", Body=picture())
        assert client.head_object(Bucket=bucket, Key="out.png")


def test_a_seconds_worth_may_come_at_once_and_comes_back_with_time():
    now = [0.0]
    rate = Rate(10, lambda: now[0])

    def taken():
        count = 0
        try:
            while True:
                rate.take()
                count += 1
        except ServiceError:
            return count

    assert taken() == 10
    now[0] += 0.35
    assert taken() == 3
    now[0] += 100
    assert taken() == 10
