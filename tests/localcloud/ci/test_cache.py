"""The same download again: what is kept, what is never served, and what it may take."""

import asyncio
import base64
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from localcloud.ci.cache import Results
from localcloud.errors import ServiceError
from localcloud.imaging import ImageResult
from localcloud.limits import KIB, MAX_RESULT

HALF = "imageMogr2/thumbnail/!50p"
ONCE = ("Date", "x-cos-request-id", "x-cos-trace-id")


def stranger(bucket, query, **headers):
    url = f"http://{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com/a.jpg?{query}"
    return bucket.get(url, **headers)


def open_to_all(bucket, key, body):
    bucket.client.put_object(Bucket=bucket.name, Key=key, Body=body, ACL="public-read")


@pytest.fixture
def results(inside):
    return inside.cloud.results


def test_the_second_answer_is_the_first_one_again(near, results):
    near.put("a.jpg")
    first, second = (near.processed("a.jpg", HALF) for _ in range(2))
    assert (results.made, results.hits) == (1, 1)
    assert first.status == second.status == 200
    assert first.body == second.body
    kept = [
        {name: value for name, value in one.headers.items() if name not in ONCE}
        for one in (first, second)
    ]
    assert kept[0] == kept[1]
    assert first.headers["x-cos-request-id"] != second.headers["x-cos-request-id"]


def test_spellings_of_one_rule_share_a_result(near, results):
    near.put("a.jpg")
    one = near.processed("a.jpg", "imageMogr2/thumbnail/!50p|imageMogr2/rotate/90")
    two = near.processed("a.jpg", "imageMogr2%2Fthumbnail%2F%2150p&imageMogr2/rotate/90")
    assert one.body == two.body
    assert (results.made, results.hits) == (1, 1)


def test_headers_of_one_request_are_not_kept_for_the_next(near, results):
    near.put("a.jpg")
    named = near.processed("a.jpg", f"response-content-type=image/x-own&{HALF}")
    plain = near.processed("a.jpg", HALF)
    assert named.headers["Content-Type"] == "image/x-own"
    assert plain.headers["Content-Type"] == "image/jpeg"
    url = f"{near.presigned('a.jpg')}&{HALF}"
    assert near.get(url, **{"If-None-Match": plain.headers["ETag"]}).status == 304
    assert near.get(url, **{"If-Match": '"other"'}).status == 412
    assert results.made == 1


def test_an_overwritten_source_is_processed_anew(near, photo, open_image):
    near.put("a.jpg")
    before = near.processed("a.jpg", HALF)
    near.put("a.jpg", photo((60, 40)))
    after = near.processed("a.jpg", HALF)
    assert open_image(after.body).size == (30, 20)
    assert after.headers["ETag"] != before.headers["ETag"]


def test_a_deleted_object_is_gone(near):
    near.put("a.jpg")
    assert near.processed("a.jpg", HALF).status == 200
    near.client.delete_object(Bucket=near.name, Key="a.jpg")
    answer = near.processed("a.jpg", HALF)
    assert (answer.status, answer.error[0]) == (404, "NoSuchKey")


def test_versions_are_told_apart(near, photo, open_image):
    near.client.put_bucket_versioning(Bucket=near.name, Status="Enabled")
    versions = [
        near.client.put_object(Bucket=near.name, Key="a.jpg", Body=photo(size))["x-cos-version-id"]
        for size in ((96, 54), (60, 40))
    ]
    for _ in range(2):
        sizes = [
            open_image(near.processed("a.jpg", f"versionId={version}&{HALF}").body).size
            for version in versions
        ]
        assert sizes == [(48, 27), (30, 20)]


def test_two_buckets_with_the_same_key(near, neighbour, photo, open_image):
    near.put("a.jpg", photo((96, 54)))
    neighbour.put("a.jpg", photo((60, 40)))
    for _ in range(2):
        assert open_image(near.processed("a.jpg", HALF).body).size == (48, 27)
        assert open_image(neighbour.processed("a.jpg", HALF).body).size == (30, 20)


def test_a_changed_mark_is_drawn(near, photo, open_image):
    near.put("a.png", photo((96, 54), "PNG"))
    address = f"http://{near.name}.cos.{near.cloud.region}.myqcloud.com/mark.png"
    image = base64.urlsafe_b64encode(address.encode()).decode()
    rule = f"watermark/1/image/{image}/dissolve/100/gravity/northwest/dx/0/dy/0"
    open_to_all(near, "mark.png", photo((20, 20), "PNG"))
    red = open_image(near.processed("a.png", rule).body).convert("RGB").getpixel((15, 5))
    open_to_all(near, "mark.png", photo((40, 20), "PNG"))
    changed = open_image(near.processed("a.png", rule).body).convert("RGB").getpixel((15, 5))
    assert red[2] > 150 > red[0]
    assert changed[0] > 150 > changed[2]
    # Nobody but the owner may read the mark now, and its address carries no signature.
    near.client.put_object_acl(Bucket=near.name, Key="mark.png", ACL="private")
    assert near.processed("a.png", rule).error[1] == "-60987"
    near.client.delete_object(Bucket=near.name, Key="mark.png")
    assert near.processed("a.png", rule).error[1] == "-60987"


def test_a_changed_style_is_followed(near, open_image):
    near.put("a.jpg")
    for body, size in ((HALF, (48, 27)), ("imageMogr2/rotate/90", (54, 96))):
        style = {"StyleName": "one", "StyleBody": body}
        near.client.ci_put_image_style(Bucket=near.name, Request=style)
        for _ in range(2):
            assert open_image(near.processed("a.jpg", "style/one").body).size == size
    near.client.ci_delete_image_style(Bucket=near.name, Request={"StyleName": "one"})
    assert near.processed("a.jpg", "style/one").status == 404


def test_guetzli_switched_on_is_followed(near, results):
    near.put("a.jpg")
    quick = near.processed("a.jpg", HALF)
    near.pic("PUT", {"guetzli": ""})
    slow = near.processed("a.jpg", HALF)
    assert results.made == 2
    assert slow.headers["ETag"] != quick.headers["ETag"]


def hotlink(bucket):
    body = b"<Hotlink><Url>good.example</Url><Type>white</Type></Hotlink>"
    bucket.pic("PUT", {"hotlink": ""}, body)


def make_private(bucket):
    bucket.client.put_object_acl(Bucket=bucket.name, Key="a.jpg", ACL="private")


REVOKED = {
    "the object's ACL": (make_private, 403, None),
    "origin protection": (lambda b: b.pic("PUT", {"origin-protect": ""}), 403, "-154"),
    "hotlink protection": (hotlink, 403, "-108"),
    "the bucket is unbound": (lambda b: b.pic("PUT", {"unbind": ""}), 403, "-163"),
}


@pytest.mark.parametrize(("revoke", "status", "number"), REVOKED.values(), ids=REVOKED)
def test_what_is_forbidden_now_is_not_served(near, results, photo, revoke, status, number):
    open_to_all(near, "a.jpg", photo())
    for _ in range(2):
        assert stranger(near, HALF).status == 200
    assert results.hits == 1
    revoke(near)
    answer = stranger(near, HALF)
    assert answer.status == status
    assert number is None or answer.error[1] == number
    assert results.hits == 1


def test_a_wrong_signature_gets_nothing_of_what_is_kept(near):
    near.put("a.jpg")
    url = f"{near.presigned('a.jpg')}&{HALF}"
    assert near.get(url).status == 200
    forged = re.sub("q-signature=....", "q-signature=0000", url)
    assert near.get(forged).status == 403
    elsewhere = url.replace(near.cloud.region, "ap-shanghai")
    assert near.get(elsewhere).status in (403, 404)


def test_failures_are_not_kept(near, results, photo):
    near.put("a.jpg", b"no picture")
    for _ in range(2):
        assert near.processed("a.jpg", HALF).status == 400
    assert (results.made, results.hits, len(results)) == (2, 0, 0)


def test_an_original_that_stands_for_a_failure_is_not_kept(near, results, photo):
    body = photo((1200, 4))
    near.put("a.jpg", body)
    for _ in range(2):
        answer = near.processed("a.jpg", "imageMogr2/thumbnail/!900p/ignore-error/1")
        assert answer.body == body
    assert len(results) == 0


def test_equal_requests_that_come_together_are_computed_once(inside, near, results, photo):
    near.put("a.jpg", photo((2000, 1500)))
    url = f"{near.presigned('a.jpg')}&{HALF}"
    # The workers are busy until all requests have arrived.
    gate = threading.Event()
    for _ in range(inside.cloud.pool._max_workers):
        inside.cloud.pool.submit(gate.wait, 30)
    with ThreadPoolExecutor(20) as clients:
        answers = [clients.submit(near.get, url) for _ in range(20)]
        while results.made + results.joined + results.hits < 20 and not gate.wait(0.01):
            assert not any(answer.done() for answer in answers)
        gate.set()
        bodies = {answer.result().body for answer in answers}
    assert (len(bodies), results.made, results.joined) == (1, 1, 19)


def test_rules_of_the_greatest_length_as_keys(near, results, open_image):
    near.put("a.jpg")
    long = "imageMogr2" + "/rotate/180" * 740
    for _ in range(2):
        # They differ in their last part only.
        assert open_image(near.processed("a.jpg", f"{long}/thumbnail/10x").body).width == 10
        assert open_image(near.processed("a.jpg", f"{long}/thumbnail/12x").body).width == 12
    assert (results.made, results.hits) == (2, 2)
    assert results.size < 10 * KIB
    too_long = near.processed("a.jpg", "imageMogr2" + "/rotate/180" * 1000)
    assert too_long.error[1] == "-106"
    assert len(results) == 2


def test_no_cache_computes_every_time(start_cloud, bucket_of, photo):
    with start_cloud("--no-functions", "--no-cache") as cloud:
        bucket = bucket_of(cloud)
        bucket.put("a.jpg", photo((2400, 1800)))
        bodies = {bucket.processed("a.jpg", f"imageMogr2/thumbnail/{w}x").body for w in (50, 60)}
        assert len(bodies) == 2
        again = bucket.processed("a.jpg", "imageMogr2/thumbnail/50x").body
        assert again in bodies
        assert not (cloud.data / "proxies").exists()


# The store of results by itself


def made_of(size):
    return ImageResult(bytes(size), "image/jpeg", "jpg", 1, 1, 80, 1)


class Counted:
    """Makes a result when it is let to."""

    def __init__(self, outcome=None):
        self.outcome, self.calls, self.ended = outcome or made_of(10), 0, 0
        self.go = asyncio.Event()

    async def __call__(self):
        self.calls += 1
        try:
            await self.go.wait()
        finally:
            self.ended += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def ask(results, make, key=b"k"):
    task = asyncio.ensure_future(results.get(key, make, original=1))
    await asyncio.sleep(0)
    return task


def test_a_client_that_gives_up_leaves_the_others_their_result():
    async def scenario():
        results, make = Results(KIB * 100), Counted()
        first, second = await ask(results, make), await ask(results, make)
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        make.go.set()
        assert (await second).data == bytes(10)
        assert first.cancelled()
        assert (make.calls, len(results)) == (1, 1)

    asyncio.run(scenario())


def test_work_that_nobody_waits_for_any_more_is_given_up():
    async def scenario():
        results, make = Results(KIB * 100), Counted()
        clients = [await ask(results, make) for _ in range(2)]
        await asyncio.sleep(0)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        await asyncio.sleep(0)
        assert (make.calls, make.ended) == (1, 1)
        make.go.set()
        assert (await (await ask(results, make))).data == bytes(10)
        assert make.calls == 2

    asyncio.run(scenario())


def test_a_failure_reaches_all_who_waited_and_nobody_after():
    async def scenario():
        results = Results(KIB * 100)
        fails, works = Counted(ServiceError("SlowDown", "try later")), Counted()
        clients = [await ask(results, fails) for _ in range(3)]
        fails.go.set()
        works.go.set()
        outcomes = await asyncio.gather(*clients, return_exceptions=True)
        assert [outcome.code for outcome in outcomes] == ["SlowDown"] * 3
        assert (await (await ask(results, works))).data == bytes(10)
        assert (fails.calls, works.calls) == (1, 1)

    asyncio.run(scenario())


def test_what_is_kept_is_bounded_and_the_oldest_goes():
    async def scenario():
        results = Results(room=5 * (10 * KIB + KIB))

        async def get(key, size=10 * KIB):
            make = Counted(made_of(size))
            make.go.set()
            await results.get(key, make, original=1)
            return make.calls

        for number in range(5):
            assert await get(b"%d" % number) == 1
        assert await get(b"0") == 0
        assert await get(b"5") == 1
        assert (len(results), results.size) == (5, 55 * KIB)
        # 1 was asked for the longest ago; 0 was asked for again.
        assert await get(b"0") == 0
        assert await get(b"1") == 1
        assert results.size <= 55 * KIB

    asyncio.run(scenario())


def test_many_small_and_too_large_results():
    async def scenario():
        results = Results(room=100 * KIB)
        for number in range(500):
            make = Counted(made_of(1))
            make.go.set()
            await results.get(b"%d" % number, make, original=0)
        assert len(results) <= 100
        before = len(results)
        make = Counted(made_of(MAX_RESULT + 1))
        make.go.set()
        assert len((await results.get(b"large", make, original=1)).data) == MAX_RESULT + 1
        assert len(results) == before

    asyncio.run(scenario())
