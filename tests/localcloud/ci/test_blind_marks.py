"""Blind watermarks through the local cloud: added and extracted on each way of the manual."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from qcloud_cos import CosServiceError

from shared.pic_operations import UploadResult

SAMPLE = Path(__file__).parents[3] / "events" / "objects" / "rocket-on-pad.jpg"


def word(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def mark():
    image = Image.new("1", (40, 26))
    draw = ImageDraw.Draw(image)
    draw.ellipse((2, 2, 22, 22), outline=1, width=3)
    draw.rectangle((27, 8, 37, 12), fill=1)
    return image.convert("L")


def png(image):
    body = io.BytesIO()
    image.save(body, "PNG")
    return body.getvalue()


@pytest.fixture(scope="module")
def photo_file():
    with Image.open(SAMPLE) as sample:
        image = sample.convert("RGB").resize((640, 427), Image.Resampling.LANCZOS)
    body = io.BytesIO()
    image.save(body, "JPEG", quality=92)
    return body.getvalue()


@pytest.fixture
def place(bucket, photo_file):
    """A bucket with `photo.jpg`, and a public `mark.png` and `original.jpg`."""
    bucket.put("photo.jpg", photo_file)
    for key, body in (("mark.png", png(mark())), ("original.jpg", photo_file)):
        bucket.client.put_object(Bucket=bucket.name, Key=key, Body=body, ACL="public-read")
    return bucket


def address(bucket, key):
    return f"http://{bucket.name}.cos.{bucket.cloud.region}.myqcloud.com/{key}"


def add(bucket, kind, **rest):
    value = {
        1: f"/image/{word(address(bucket, 'mark.png'))}",
        2: f"/image/{word(address(bucket, 'mark.png'))}",
        3: f"/text/{word('tencent cloud')}",
    }[kind]
    more = "".join(f"/{name}/{value}" for name, value in rest.items())
    return f"watermark/3/type/{kind}{value}{more}"


def extract(bucket, kind):
    key = {1: "original.jpg", 2: "mark.png"}.get(kind)
    return f"watermark/4/type/{kind}" + (f"/image/{word(address(bucket, key))}" if key else "")


def operations(*rules):
    return json.dumps(
        {
            "is_pic_info": 1,
            "rules": [{"fileid": f"/{name}", "rule": rule} for name, rule in rules],
        }
    )


def process(bucket, key, *rules):
    """Process a stored object: the UploadResult, and the answer as the SDK gives it."""
    _, data = bucket.client.ci_image_process(
        Bucket=bucket.name, Key=key, PicOperations=operations(*rules)
    )
    return UploadResult.from_dict(data), data


def upload(bucket, key, body, *rules):
    _, data = bucket.client.ci_put_object(
        Bucket=bucket.name, Key=key, Body=body, PicOperations=operations(*rules)
    )
    return UploadResult.from_dict(data), data


def assert_shows(bucket, key, kind):
    image = bucket.image(key)
    assert image.format == "PNG"
    assert bucket.head(key)["Content-Type"] == "image/png"
    if kind == 3:
        image.load()
        assert image.info["Comment"] == "tencent cloud"
    else:
        assert image.tobytes() == mark().tobytes()


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_added_and_extracted_on_upload(place, photo_file, kind):
    result, _ = upload(place, "new.jpg", photo_file, ("marked.jpg", add(place, kind)))
    [made] = result.objects
    assert (made.key, made.format, made.width, made.height) == ("marked.jpg", "jpg", 640, 427)
    assert made.watermark_status is None
    marked = place.body("marked.jpg")
    assert marked != place.body("new.jpg") == photo_file
    result, data = upload(place, "again.jpg", marked, ("found.png", extract(place, kind)))
    [found] = result.objects
    assert (found.key, found.format, found.quality, found.frames) == ("found.png", "png", 100, 1)
    assert found.watermark_status == (100 if kind == 2 else None)
    assert ("WatermarkStatus" in data["ProcessResults"]["Object"]) is (kind == 2)
    assert (found.width, found.height) == place.image("found.png").size
    assert_shows(place, "found.png", kind)


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_added_and_extracted_on_stored_objects(place, kind):
    process(place, "photo.jpg", ("marked.jpg", add(place, kind)))
    process(place, "marked.jpg", ("small.jpg", "imageMogr2/thumbnail/!50p/quality/90"))
    result, _ = process(place, "small.jpg", ("found.png", extract(place, kind)))
    assert result.original.width == 320
    assert_shows(place, "found.png", kind)


@pytest.mark.parametrize("kind", [1, 2, 3])
def test_added_on_download(place, kind):
    answer = place.processed("photo.jpg", add(place, kind))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "image/jpeg")
    place.put("taken.jpg", answer.body)
    process(place, "taken.jpg", ("found.png", extract(place, kind)))
    assert_shows(place, "found.png", kind)


def test_the_manuals_sample_download(place):
    answer = place.processed("photo.jpg", "watermark/3/type/3/text/dGVuY2VudCBjbG91ZA==")
    place.put("taken.jpg", answer.body)
    process(place, "taken.jpg", ("found.png", "watermark/4/type/3"))
    assert_shows(place, "found.png", 3)


def test_the_download_helper_of_the_sdk(place, tmp_path):
    target = tmp_path / "marked.jpg"
    place.client.ci_get_object(
        Bucket=place.name, Key="photo.jpg", DestImagePath=str(target), Rule=add(place, 2, level=3)
    )
    result, _ = upload(place, "back.jpg", target.read_bytes(), ("f.png", extract(place, 2)))
    assert result.objects[0].watermark_status == 100


def test_nothing_is_extracted_on_download(place):
    for kind in (1, 2, 3):
        answer = place.processed("photo.jpg", extract(place, kind))
        assert answer.status == 400
        code, number, message = answer.error
        assert (code, number) == ("InvalidArgument", "-106")
        assert "Pic-Operations" in message


def test_the_status_tells_marked_from_unmarked(place, photo_file):
    """The manual's check for duplicates: extract on upload, and look at the status."""
    result, _ = upload(place, "first.jpg", photo_file, ("found.png", extract(place, 2)))
    assert result.objects[0].watermark_status < 60
    process(place, "first.jpg", ("first.jpg", add(place, 2)))
    taken = place.image("first.jpg").resize((500, 334), Image.Resampling.LANCZOS)
    body = io.BytesIO()
    taken.save(body, "JPEG", quality=80)
    result, _ = upload(place, "second.jpg", body.getvalue(), ("found.png", extract(place, 2)))
    assert result.objects[0].watermark_status > 75


def test_an_unmarked_picture_gives_black(place):
    process(place, "photo.jpg", ("text.png", extract(place, 3)), ("half.png", extract(place, 1)))
    for key in ("text.png", "half.png"):
        assert not np.asarray(place.image(key)).any()
    assert place.image("half.png").size == (80, 53)


def test_a_mark_may_be_in_a_style(place):
    rule = add(place, 3)
    body = f"<AddStyle><StyleName>signed</StyleName><StyleBody>{rule}</StyleBody></AddStyle>"
    place.pic("PUT", {"style": ""}, body)
    place.put("taken.jpg", place.processed("photo.jpg", "style/signed").body)
    process(place, "taken.jpg", ("found.png", "watermark/4/type/3"))
    assert_shows(place, "found.png", 3)


def test_a_style_cannot_smuggle_an_extraction_into_a_download(place):
    body = (
        "<AddStyle><StyleName>look</StyleName><StyleBody>watermark/4/type/3</StyleBody></AddStyle>"
    )
    place.pic("PUT", {"style": ""}, body)
    assert place.processed("photo.jpg", "style/look").error[1] == "-106"
    process(place, "photo.jpg", ("found.png", "style/look"))
    assert place.image("found.png").format == "PNG"


def test_a_private_picture_needs_a_signature(place, refused):
    place.put("closed.png", png(mark()))
    rule = f"watermark/3/type/2/image/{word(address(place, 'closed.png'))}"
    _, code, message = refused(process, place, "photo.jpg", ("marked.jpg", rule))
    assert code == "ImageFetchFailed"
    assert "signature" in message
    assert "marked.jpg" not in set(place.keys())
    signed = f"watermark/3/type/2/image/{word(place.presigned('closed.png'))}"
    process(place, "photo.jpg", ("marked.jpg", signed))
    result, _ = process(place, "marked.jpg", ("found.png", extract(place, 2)))
    assert result.objects[0].watermark_status == 100


@pytest.mark.parametrize("form", ["watermark/3/type/1", "watermark/3/type/2", "watermark/4/type/1",
                                  "watermark/4/type/2"])  # fmt: skip
@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://{name}.cos.{region}.myqcloud.com/missing.png", "ImageFetchFailed"),
        ("http://{other}.cos.{region}.myqcloud.com/mark.png", "InvalidPicOperations"),
        ("http://{name}.cos.ap-chengdu.myqcloud.com/mark.png", "InvalidPicOperations"),
        ("http://{name}.pic.{region}.myqcloud.com/mark.png", "InvalidPicOperations"),
        ("http://127.0.0.1:22/mark.png", "InvalidPicOperations"),
        ("http://169.254.169.254/latest/meta-data", "InvalidPicOperations"),
    ],
)
def test_a_picture_elsewhere_is_refused(place, refused, form, url, code):
    other = place.cloud.new_bucket()
    place.client.put_object(Bucket=other, Key="mark.png", Body=png(mark()), ACL="public-read")
    url = url.format(name=place.name, other=other, region=place.cloud.region)
    rule = f"{form}/image/{word(url)}"
    status, found, _ = refused(process, place, "photo.jpg", ("out.png", rule))
    assert (status, found) == (404 if code == "ImageFetchFailed" else 400, code)
    assert "out.png" not in set(place.keys())


def test_what_a_type_does_not_use_is_not_fetched(place):
    rule = f"watermark/3/type/3/image/{word('http://127.0.0.1:22/x')}/text/{word('abc')}"
    process(place, "photo.jpg", ("marked.jpg", rule))
    process(
        place,
        "marked.jpg",
        ("found.png", f"watermark/4/type/3/image/{word('http://127.0.0.1:22/x')}"),
    )
    image = place.image("found.png")
    image.load()
    assert image.info["Comment"] == "abc"


def test_wrong_sizes_and_sources(place, refused):
    big = png(mark().resize((81, 53)))
    place.client.put_object(Bucket=place.name, Key="big.png", Body=big, ACL="public-read")
    rule = f"watermark/3/type/1/image/{word(address(place, 'big.png'))}"
    status, code, message = refused(process, place, "photo.jpg", ("out.jpg", rule))
    assert (status, code) == (400, "InvalidPicOperations")
    assert "at most 80x53" in message
    answer = place.processed("photo.jpg", rule)
    assert (answer.status, answer.error[1]) == (400, "-106")
    frames = [Image.new("RGB", (200, 200), color) for color in ("red", "blue")]
    body = io.BytesIO()
    frames[0].save(body, "GIF", save_all=True, append_images=frames[1:])
    place.put("moving.gif", body.getvalue())
    status, code, message = refused(process, place, "moving.gif", ("out.gif", add(place, 3)))
    assert (status, code) == (400, "InvalidImageFormat")
    assert "animated" in message
    assert place.processed("moving.gif", add(place, 3)).error[1] == "-443"


@pytest.mark.parametrize(
    "rule",
    [
        "watermark/3/type/4/text/YWJj",
        "watermark/3/type/3",
        "watermark/3/type/3/text/5LqR",
        "watermark/3/type/1",
        "watermark/4/type/2",
        "watermark/4/type/3|imageMogr2/strip",
    ],
)
def test_a_wrong_rule_stores_nothing_at_all(place, photo_file, rule):
    with pytest.raises(CosServiceError) as caught:
        upload(place, "new.jpg", photo_file, ("out.png", rule))
    assert caught.value.get_error_code() == "InvalidPicOperations"
    assert "rules[0].rule" in caught.value.get_error_msg()
    assert not {"new.jpg", "out.png"} & set(place.keys())


def test_the_order_of_fields_is_the_manuals(place):
    answer = place.request(
        "POST",
        place.client.get_presigned_url(
            Bucket=place.name, Key="photo.jpg", Method="POST", Params={"image_process": ""}
        ),
        {"Pic-Operations": operations(("found.png", extract(place, 2)))},
    )
    assert answer.status == 200
    text = answer.body.decode()
    names = ["<Format>png", "<Width>40", "<Height>26", "<Size>", "<Quality>100", "<FrameCount>1",
             "<WatermarkStatus>"]  # fmt: skip
    places = [text.rindex(name) for name in names]
    assert places == sorted(places)
