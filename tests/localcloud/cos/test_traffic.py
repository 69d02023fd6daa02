"""x-cos-traffic-limit: what it takes, and that it paces. Times are lower bounds only."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.localcloud.conftest import Signed

BODY = b"A" * 60_000  # 0.58 s at the lowest limit
LOWEST = 819_200


def code(answer):
    return answer.content.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


@pytest.mark.parametrize("where", ["header", "parameter"])
def test_a_download_is_paced_and_whole(signed, where):
    signed("PUT", "/a", data=BODY)
    name, limit = "x-cos-traffic-limit", str(LOWEST)
    options = {"headers": {name: limit}} if where == "header" else {"params": {name: limit}}
    began = time.monotonic()
    answer = signed("GET", "/a", **options)
    assert time.monotonic() - began > 0.4
    assert answer.content == BODY
    assert answer.headers["Content-Length"] == str(len(BODY))


def test_an_upload_is_paced_and_whole(signed):
    began = time.monotonic()
    headers = {"x-cos-traffic-limit": str(LOWEST)}
    assert signed("PUT", "/a", data=BODY, headers=headers).status_code == 200
    assert time.monotonic() - began > 0.4
    assert signed("GET", "/a").content == BODY


def test_a_range_is_paced_too(signed):
    signed("PUT", "/a", data=BODY * 2)
    headers = {"x-cos-traffic-limit": str(LOWEST), "Range": "bytes=1-60000"}
    began = time.monotonic()
    answer = signed("GET", "/a", headers=headers)
    assert time.monotonic() - began > 0.4
    assert (answer.status_code, len(answer.content)) == (206, 60_000)


def test_others_go_on_meanwhile(cloud, signed):
    signed("PUT", "/a", data=BODY)
    slow_one = Signed(cloud.url, signed.bucket)
    with ThreadPoolExecutor(1) as pool:
        headers = {"x-cos-traffic-limit": str(LOWEST)}
        slow = pool.submit(slow_one, "GET", "/a", headers=headers)
        done = 0
        while not slow.done():
            assert signed("GET", "/a").content == BODY
            done += 1
        assert slow.result().content == BODY
    assert done > 3


@pytest.mark.parametrize("limit", ["819199", "838860801", "1e6", "-1", "x", "819200 ", "9" * 40])
def test_a_limit_that_is_none(signed, limit):
    signed("PUT", "/a", data=b"x")
    answer = signed("GET", "/a", params={"x-cos-traffic-limit": limit})
    assert (answer.status_code, code(answer)) == (400, "InvalidArgument")
