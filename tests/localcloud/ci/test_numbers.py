"""Every row of the table of numbers is the answer to some request: status, header and XML."""

import base64
import json
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from localcloud.ci import jobs
from localcloud.ci.errors import NOT_PLAYED, NUMBERS
from localcloud.config import Config
from shared import signing
from tests.localcloud.conftest import Signed, open_cloud
from tests.localcloud.imaging import hostile
from tests.localcloud.imaging.pictures import animation, encoded, quadrants
from tests.localcloud.imaging.pictures import photo as four_colours

HALF = "imageMogr2/thumbnail/!50p"
BIG = bytes(32 * 1024**2 + 1)


def b64(text):
    return base64.urlsafe_b64encode(text.encode()).decode()


def download(rule):
    return lambda bucket, key: bucket.processed(key, rule)


def unsigned(bucket, key, **headers):
    url = f"http://{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com/{key}?{HALF}"
    return bucket.get(url, **headers)


def changed_signature(bucket, key):
    url = bucket.presigned(key, {HALF: ""})
    return bucket.get(url.replace("50p", "60p"))


def expired(bucket, key):
    host = f"{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com"
    signature = signing.sign(
        "GET", f"/{key}", headers={"Host": host}, params={}, window=(1, 2),
        secret_id=Config().secret_id, secret_key=Config().secret_key,
    )  # fmt: skip
    header = "&".join(f"{name}={value}" for name, value in signature.fields().items())
    return bucket.get(f"http://{host}/{key}?{HALF}", Authorization=header)


def hotlinked(bucket, key):
    bucket.pic("PUT", {"hotlink": ""}, "<Hotlink><Url>a.example</Url><Type>white</Type></Hotlink>")
    bucket.client.put_bucket_acl(Bucket=bucket.name, ACL="public-read")
    return unsigned(bucket, key, Referer="http://b.example/page")


def protected(bucket, key):
    bucket.pic("PUT", {"origin-protect": ""})
    bucket.client.put_bucket_acl(Bucket=bucket.name, ACL="public-read")
    return unsigned(bucket, key)


def unbound(bucket, key):
    bucket.pic("PUT", {"unbind": ""})
    return bucket.processed(key, HALF)


def style(name, body=HALF):
    return f"<AddStyle><StyleName>{name}</StyleName><StyleBody>{body}</StyleBody></AddStyle>"


def pic(bucket, params, body):
    """A signed PUT to the pic host, as it is answered."""
    return raw(Signed(bucket.cloud.url, bucket.name, "pic")("PUT", params=params, data=body))


class raw:  # noqa: N801 - reads like a function
    """An answer of `requests` with the fields of `Answer`."""

    def __init__(self, answer):
        self.status, self.headers, self.body = (
            answer.status_code, answer.headers, answer.content,
        )  # fmt: skip


def too_many_styles(bucket, _):
    for number in range(100):
        assert pic(bucket, {"style": ""}, style(f"s{number}")).status == 200
    return pic(bucket, {"style": ""}, style("one-more"))


def stored(*rules, **entry):
    """POST ?image_process with these rules."""

    def ask(bucket, key):
        entries = [{"fileid": f"out{n}.jpg", "rule": rule, **entry} for n, rule in enumerate(rules)]
        operations = json.dumps({"rules": entries})
        send = Signed(bucket.cloud.url, bucket.name)
        headers = {"Pic-Operations": operations}
        return raw(send("POST", f"/{key}", key=key, params={"image_process": ""}, headers=headers))

    return ask


def other_account(bucket, key):
    return stored(HALF, bucket="other-1250000001")(bucket, key)


def other_region(bucket, key):
    name = f"far-{bucket.name}"
    bucket.cloud.client(Region="ap-shanghai").create_bucket(Bucket=name)
    return stored(HALF, bucket=name)(bucket, key)


def marked(address="http://{bucket}.cos.ap-guangzhou.myqcloud.com/gone.png"):
    def ask(bucket, key):
        image = b64(address.replace("{bucket}", bucket.name))
        return bucket.processed(key, f"watermark/1/image/{image}")

    return ask


# number, the source, what is asked, what the message names
PRODUCED = [
    (-105, "a.jpg", download("style/nowhere"), "nowhere"),
    (-106, "a.jpg", download("imageMogr2/rotate/361"), "361"),
    (-106, "a.jpg", download("imageMogr2/iradius/300"), "300"),
    (-106, "a.jpg", download("|".join([HALF] * 11)), "at most 10"),
    (-106, "a.jpg", marked("http://127.0.0.1:22/"), "127.0.0.1"),
    (-108, "a.jpg", hotlinked, "b.example"),
    (-120, "half.jpg", download(HALF), "truncated"),
    (-120, "scans.jpg", download(HALF), "100"),
    (-154, "a.jpg", protected, "styles"),
    (-163, "a.jpg", unbound, "pic host"),
    (-167, "big.jpg", download(HALF), "33554432"),
    (-441, "text.jpg", download(HALF), "JPEG"),
    (-442, "a.jpg", download("imageMogr2/thumbnail/10000x"), "9999"),
    (-443, "a.gif", download("imageMogr2/iradius/5"), "GIF"),
    (-447, "bomb.png", download(HALF), "30000"),
    (-447, "frames.gif", download(HALF), "300"),
    (-40168, "empty.jpg", download(HALF), "empty"),
    (-46618, "a.jpg", changed_signature, "StringToSign"),
    (-46619, "a.jpg", expired, "expired"),
    (-46628, "gone.jpg", download(HALF), "does not exist"),
    (-46661, "a.jpg", unsigned, "not signed"),
    (-60936, "a.jpg", other_account, "1250000000"),
    (-60957, "a.jpg", too_many_styles, "100"),
    (-60967, "a.jpg", stored("style/nowhere"), "nowhere"),
    (-60972, "a.jpg", other_region, "ap-guangzhou"),
    (-60987, "a.jpg", marked(), "gone.png"),
    (-60996, "big.jpg", stored(HALF), "33554432"),
    (-60997, "a.jpg", stored(*[HALF] * 6), "at most 5"),
    (-60998, "a.jpg", stored("imageMogr2/rotate/361"), "361"),
    (-60998, "a.jpg", stored("imageMogr2/rradius/300"), "300"),
    (-62999, "text.jpg", stored(HALF), "JPEG"),
]
ELSEWHERE = {-60949, -901}
SOURCES = {
    "a.jpg": encoded(quadrants(96, 54)),
    "a.gif": animation("GIF", [100], size=(40, 30)),
    "half.jpg": four_colours(400, 300)[:4000],
    "scans.jpg": hostile.jpeg_of_scans(500, 500, 2000),
    "big.jpg": BIG,
    "text.jpg": b"<html>no picture</html>",
    "bomb.png": hostile.png_header(30_001, 30_001),
    "frames.gif": hostile.gif_of_frames(10_000),
    "empty.jpg": b"",
}


@pytest.mark.parametrize(
    ("number", "source", "ask", "named"),
    PRODUCED,
    ids=[f"{number} {named}" for number, *_, named in PRODUCED],
)
def test_a_number_and_the_request_that_has_it_for_an_answer(bucket, number, source, ask, named):
    if source in SOURCES:
        bucket.put(source, SOURCES[source])
    answer = ask(bucket, source)
    assert answer.status == NUMBERS[number].status, answer.body
    code, errno, message = _error(answer)
    assert (code, errno) == (NUMBERS[number].code, str(number))
    assert named in message
    assert "Traceback" not in message
    assert not _repeated(message)


def _error(answer):
    fields = dict(re.findall(r"<(\w+)>([^<]*)</\1>", answer.body.decode()))
    return fields["Code"], answer.headers.get("X-ErrNo"), fields["Message"]


def _repeated(message):
    """Three words that stand there twice."""
    words = re.findall(r"[a-z]+", message.lower())
    threes = list(zip(words, words[1:], words[2:], strict=False))
    return {three for three in threes if threes.count(three) > 1}


def test_no_row_is_dead():
    assert {number for number, *_ in PRODUCED} | ELSEWHERE == set(NUMBERS)
    assert not set(NUMBERS) & set(NOT_PLAYED)


def test_a_job_that_takes_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "JOB_SECONDS", 0.02)
    with open_cloud(tmp_path) as running:
        send = Signed(running.url)
        body = encoded(Image.linear_gradient("L").resize((3000, 3000)))
        assert send("PUT", "/a.jpg", data=body).status_code == 200
        rule = "imageMogr2/blur/50x20/format/webp"
        answer = send("GET", "/a.jpg", params={rule: ""})
    assert (answer.status_code, answer.headers["X-ErrNo"]) == (504, "-901")
    assert "0.02 seconds" in answer.text


@pytest.mark.parametrize("key", ["text.jpg", "half.jpg", "bomb.png", "frames.gif", "empty.jpg"])
def test_ignore_error_answers_with_whatever_is_there(bucket, key):
    bucket.put(key, SOURCES[key])
    answer = bucket.processed(key, f"{HALF}/ignore-error/1")
    assert (answer.status, answer.body) == (200, SOURCES[key])


EMPTY_RLE = hostile.bmp_header(15_000, 15_000, compression=1, depth=8, data=b"\xff\1" * 9)
LARGE = encoded(Image.linear_gradient("L").resize((6000, 4000)))
HEAVY = {
    "scans": (hostile.jpeg_of_scans(2000, 2000, 6000), HALF, "-120"),
    "claims": (hostile.png_header(15_000, 15_000), HALF, "-120"),
    "rle": (EMPTY_RLE, HALF, "-120"),
    "frames": (hostile.gif_of_frames(100_000), HALF, "-447"),
    "large": (LARGE, "imageMogr2/blur/50x20", None),
    "segments": (hostile.jpeg_with_segments(480), HALF, None),
}


@pytest.mark.parametrize(("body", "rule", "number"), HEAVY.values(), ids=HEAVY)
def test_a_sibling_is_answered_meanwhile(bucket, open_image, body, rule, number):
    """While one request works on something heavy, others get their pictures."""
    bucket.put("heavy", body)
    bucket.put("a.jpg")
    with ThreadPoolExecutor(4) as pool:
        heavy = pool.submit(bucket.processed, "heavy", rule)
        small = [pool.submit(bucket.processed, "a.jpg", HALF) for _ in range(3)]
        for answer in (future.result(60) for future in small):
            assert open_image(answer.body).size == (48, 27)
        answer = heavy.result(60)
    assert answer.headers.get("X-ErrNo") == number
    assert bucket.cloud.process.poll() is None
