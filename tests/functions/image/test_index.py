"""The image function against the real local cloud: what the owner of the bucket sees."""

import base64
import io
import json
import struct
import zlib

import pytest
from PIL import Image, ImageChops

from shared.runtime import RetryableError
from tests.functions.conftest import ROOT, photo

CONTEXT = {"request_id": "inv-1", "time_limit_in_ms": 30000}


HALF = 'rule: imageMogr2/thumbnail/!50p, fileid: "/out/{name}/half.jpg"'


def test_a_photo_becomes_its_variants(project, handler):
    project.pipelines(
        {
            "half": HALF,
            "png": 'rule: imageMogr2/format/png, fileid: "/out/{name}/copy.png"',
        }
    )
    answer = handler(project.upload("uploads/a.jpg", photo()), CONTEXT)
    [entry] = answer["outcomes"]
    assert entry["outcome"] == "done"
    assert entry["outputs"] == ["out/a.jpg/half.jpg", "out/a.jpg/copy.png"]
    half, copy = project.image("out/a.jpg/half.jpg"), project.image("out/a.jpg/copy.png")
    assert (half.format, half.size) == ("JPEG", (30, 20))
    assert (copy.format, copy.size) == ("PNG", (60, 40))
    red, green, blue = half.convert("RGB").getpixel((5, 10))
    assert red > 150 > max(green, blue)


def test_the_record_holds_the_status_of_a_blind_mark(project, handler):
    """Uploads are checked for the owner's own mark, which only marked pictures hold."""
    mark = Image.new("L", (16, 16))
    mark.paste(255, (4, 4, 12, 10))
    body = io.BytesIO()
    mark.save(body, "PNG")
    key = "marks/mark.png"
    project.client.put_object(
        Bucket=project.bucket, Key=key, Body=body.getvalue(), ACL="public-read"
    )
    url = f"http://{project.bucket}.cos.ap-guangzhou.myqcloud.com/{key}"
    image = f"type/2/image/{base64.urlsafe_b64encode(url.encode()).decode().rstrip('=')}"
    project.pipelines(
        {
            "marked": f'rule: watermark/3/{image}, fileid: "/out/{{name}}/marked.jpg"',
            "found": f'rule: watermark/4/{image}, fileid: "/out/{{name}}/found.png"',
        }
    )
    handler(project.upload("uploads/a.jpg", photo(400, 300)), CONTEXT)
    marked, found = project.record("a.jpg")["outputs"]
    assert "watermark_status" not in marked
    assert found["watermark_status"] < 60
    handler(project.upload("uploads/b.jpg", project.get("out/a.jpg/marked.jpg")), CONTEXT)
    assert project.record("b.jpg")["outputs"][1]["watermark_status"] == 100
    assert project.image("out/b.jpg/found.png").getbbox() == (4, 4, 12, 10)


def test_the_record_says_all_of_it(project, handler):
    project.pipelines({"half": HALF})
    handler(project.upload("uploads/a.jpg", photo()), CONTEXT)
    record = project.record("a.jpg")
    body = project.get("out/a.jpg/half.jpg")
    assert record["outcome"] == "done"
    assert record["pipeline"] == "photos"
    assert record["invocation"] == "inv-1"
    assert record["upload"]["key"] == "uploads/a.jpg"
    assert record["upload"]["bucket"] == project.bucket
    assert record["upload"]["request_id"] == "up-1"
    assert record["original"]["format"] == "jpeg"
    assert (record["original"]["width"], record["original"]["height"]) == (60, 40)
    [output] = record["outputs"]
    assert (output["name"], output["key"]) == ("half", "out/a.jpg/half.jpg")
    assert (output["width"], output["height"], output["size"]) == (30, 20, len(body))
    assert record["requests"][0]["rules"] == 1
    assert record["requests"][0]["id"]
    assert record["error"] is None


def test_the_original_is_tagged_and_keeps_its_own_tags(project, handler):
    project.pipelines({"half": HALF})
    event = project.upload("uploads/a.jpg", photo(), **{"Tagging": "owner=ann"})
    handler(event, CONTEXT)
    tags = project.tags("uploads/a.jpg")
    assert tags["owner"] == "ann"
    assert (tags["pipeline"], tags["outcome"]) == ("photos", "done")
    assert tags["processed"].endswith("Z")


def test_tags_can_be_switched_off(project, handler):
    project.pipelines({"half": HALF}, more="    tags: false\n")
    event = project.upload("uploads/a.jpg", photo(), **{"Tagging": "owner=ann"})
    handler(event, CONTEXT)
    assert project.tags("uploads/a.jpg") == {"owner": "ann"}


def test_seven_outputs_take_two_requests(project, handler):
    project.pipelines(
        {f"o{n}": f'rule: imageMogr2/thumbnail/{n}x, fileid: "/out/{n}.jpg"' for n in range(1, 8)}
    )
    handler(project.upload("uploads/a.jpg", photo()), CONTEXT)
    record = project.record("a.jpg")
    assert [request["rules"] for request in record["requests"]] == [5, 2]
    assert [output["width"] for output in record["outputs"]] == [1, 2, 3, 4, 5, 6, 7]
    assert project.image("out/7.jpg").width == 7


def test_relative_fileid_lands_beside_the_upload(project, handler):
    project.pipelines(
        {"half": 'rule: imageMogr2/thumbnail/!50p, fileid: "small/{stem}.webp"'},
        when="prefix: uploads/, suffix: .jpg",
    )
    handler(project.upload("uploads/2026/a.jpg", photo()), CONTEXT)
    assert "uploads/2026/small/a.webp" in project.listing()


def test_another_bucket_takes_the_result(project, handler):
    other = project.cloud.new_bucket()
    project.pipelines({"half": f"{HALF}, bucket: {other}"})
    handler(project.upload("uploads/a.jpg", photo()), CONTEXT)
    assert project.image("out/a.jpg/half.jpg", other).size == (30, 20)
    assert project.record("a.jpg")["outputs"][0]["bucket"] == other


def test_a_style_of_the_bucket(project, handler):
    project.client.ci_put_image_style(
        Bucket=project.bucket,
        Request={"StyleName": "tiny", "StyleBody": "imageMogr2/thumbnail/6x"},
    )
    project.pipelines({"tiny": 'rule: style/tiny, fileid: "/out/{name}"'})
    handler(project.upload("uploads/a.jpg", photo()), CONTEXT)
    assert project.image("out/a.jpg").size == (6, 4)


def test_the_source_is_not_described_when_not_asked(project, handler):
    project.pipelines({"half": HALF}, more="    is_pic_info: false\n")
    handler(project.upload("uploads/a.jpg", photo()), CONTEXT)
    assert project.record("a.jpg")["original"]["width"] == 0


def test_an_etag_in_the_key_is_looked_up(project, handler):
    project.pipelines({"half": 'rule: imageMogr2/thumbnail/!50p, fileid: "/out/{etag}.jpg"'})
    handler(project.upload("uploads/a.jpg", photo()), CONTEXT)
    etag = project.client.head_object(Bucket=project.bucket, Key="uploads/a.jpg")["ETag"].strip('"')
    assert f"out/{etag}.jpg" in project.listing()


KEYS = [
    "uploads/a b.jpg",
    "uploads/a+b.jpg",
    "uploads/100%.jpg",
    "uploads/%2F.jpg",
    "uploads/what?#.jpg",
    "uploads/云/图片.jpg",
    "uploads/😀.jpg",
    "uploads/a\nb.jpg",
    "uploads/a/../b.jpg",
    "uploads//double.jpg",
    "uploads/a&b='\"<x>.jpg",
    "uploads/{key}.jpg",
]


@pytest.mark.parametrize("key", KEYS)
def test_any_key_keeps_its_name(project, handler, key):
    project.pipelines({"half": 'rule: imageMogr2/thumbnail/!50p, fileid: "/out/{key}.jpg"'})
    [entry] = handler(project.upload(key, photo()), CONTEXT)["outcomes"]
    assert entry["outcome"] == "done", entry
    assert entry["outputs"] == [f"out/{key}.jpg"]
    assert project.image(f"out/{key}.jpg").size == (30, 20)


def test_the_same_event_twice_leaves_the_same_objects(project, handler):
    project.pipelines({"half": HALF})
    event = project.upload("uploads/a.jpg", photo())
    handler(event, CONTEXT)
    before = (project.listing(), project.get("out/a.jpg/half.jpg"))
    handler(event, CONTEXT)
    assert (project.listing(), project.get("out/a.jpg/half.jpg")) == before


def test_several_records_one_of_them_malformed(project, handler):
    project.pipelines({"half": HALF})
    event = project.upload("uploads/a.jpg", photo())
    event["Records"] += [{"cos": 1}, *project.upload("uploads/b.jpg", photo())["Records"]]
    outcomes = handler(event, CONTEXT)["outcomes"]
    assert [entry["outcome"] for entry in outcomes] == ["done", "rejected", "done"]
    assert outcomes[1]["error"]["code"] == "InvalidEvent"
    assert "Records[1]" in outcomes[1]["error"]["message"]


def truncated():
    body = photo(400, 300)
    return body[: len(body) // 2]


def bomb():
    """A PNG of 67 bytes that claims 30000x30000 pixels."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


BAD_FILES = {
    "empty": b"",
    "text": b"not an image at all",
    "truncated": truncated(),
    "bomb": bomb(),
    "over 32 MB": b"\xff\xd8\xff" + bytes(32 * 1024**2),
}


@pytest.mark.parametrize("body", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_rejected_with_a_record_and_no_retry(project, handler, body):
    project.pipelines({"half": HALF})
    [entry] = handler(project.upload("uploads/bad.jpg", body), CONTEXT)["outcomes"]
    record = project.record("bad.jpg")
    assert entry["outcome"] == record["outcome"] == "rejected"
    assert record["error"]["code"] not in ("", "Unknown")
    assert record["error"]["request_id"]
    assert project.tags("uploads/bad.jpg")["outcome"] == "rejected"
    assert [key for key in project.listing() if key.startswith("out/")] == []


@pytest.mark.parametrize(
    ("rule", "code", "advice"),
    [
        ("imageMogr2/format/tpg", "FailedOperation.UnOpenError", "switch the service on"),
        ("style/missing", "NoSuchStyle", "add the style"),
    ],
)
def test_a_rule_that_ci_refuses_is_the_pipelines_fault(project, handler, rule, code, advice):
    project.pipelines({"odd": f'rule: {rule}, fileid: "/out/{{name}}"'})
    [entry] = handler(project.upload("uploads/a.jpg", photo()), CONTEXT)["outcomes"]
    assert (entry["outcome"], entry["error"]["code"]) == ("failed", code)
    assert advice in project.record("a.jpg")["error"]["advice"]


def test_what_no_pipeline_wants_is_skipped(project, handler):
    project.pipelines({"half": HALF})
    [entry] = handler(project.upload("elsewhere/a.jpg", photo()), CONTEXT)["outcomes"]
    assert entry["outcome"] == "skipped"
    assert project.listing() == ["elsewhere/a.jpg"]


def test_a_deleted_object_is_skipped(project, handler):
    project.pipelines({"half": HALF})
    [entry] = handler(project.event("uploads/gone.jpg"), CONTEXT)["outcomes"]
    assert (entry["outcome"], entry["error"]["code"]) == ("skipped", "NoSuchKey")
    assert [key for key in project.listing() if not key.startswith(".pipelines/")] == []


def test_a_missing_bucket_is_failed_and_kept_for_a_retry(project, handler):
    project.pipelines({"half": HALF})
    with pytest.raises(RetryableError, match="NoSuchBucket"):
        handler(project.event("uploads/a.jpg", bucket="nowhere-1250000000"), CONTEXT)


def test_an_unbound_bucket_is_failed_with_advice(project, handler, capsys):
    project.pipelines({"half": HALF})
    event = project.upload("uploads/a.jpg", photo())
    unbind(project)
    [entry] = handler(event, CONTEXT)["outcomes"]
    assert entry["outcome"] == "failed"
    assert "bind the bucket" in entry["error"]["advice"]
    assert project.record("a.jpg")["outcome"] == "failed"


def unbind(project):
    from qcloud_cos.cos_auth import CosS3Auth

    conf = project.client.get_conf()
    project.client.send_request(
        method="PUT",
        url=f"http://{project.bucket}.pic.ap-guangzhou.myqcloud.com/",
        bucket=project.bucket,
        auth=CosS3Auth(conf, "/", {"unbind": ""}),
        params={"unbind": ""},
        headers={},
    )


def test_a_wrong_secret_keeps_the_event_and_says_what_to_do(project, handler, monkeypatch, capsys):
    project.pipelines({"half": HALF})
    event = project.upload("uploads/a.jpg", photo())
    monkeypatch.setenv("COS_SECRET_KEY", "wrong-key")
    with pytest.raises(RetryableError, match="SignatureDoesNotMatch"):
        handler(event, CONTEXT)
    line = json.loads(capsys.readouterr().out)
    assert line["error"]["advice"] == "check the secret key"
    assert "wrong-key" not in json.dumps(line)


def test_missing_credentials_are_named(project, handler, monkeypatch, capsys):
    project.pipelines({"half": HALF})
    monkeypatch.delenv("COS_SECRET_KEY")
    with pytest.raises(RetryableError, match="COS_SECRET_KEY is not set"):
        handler(project.event("uploads/a.jpg"), CONTEXT)
    assert "COS_SECRET_KEY" in capsys.readouterr().out


def test_a_broken_pipelines_file_is_named_with_its_line(project, handler, capsys):
    project.pipelines({"half": "rule: imageMogr2/rotate/361, fileid: /out/x"})
    with pytest.raises(RetryableError, match=r"pipelines\.yml:6: .*rotate"):
        handler(project.event("uploads/a.jpg"), CONTEXT)


@pytest.mark.parametrize("event", [None, [], {}, {"Records": []}, {"body": "x"}])
def test_an_unknown_event_is_rejected_in_one_line(handler, event, capsys):
    [entry] = handler(event, CONTEXT)["outcomes"]
    assert (entry["outcome"], entry["error"]["code"]) == ("rejected", "InvalidEvent")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_key_that_no_url_can_name_is_rejected(project, handler):
    project.pipelines({"half": HALF})
    [entry] = handler(project.event("uploads/.."), CONTEXT)["outcomes"]
    assert (entry["outcome"], entry["error"]["code"]) == ("rejected", "InvalidKey")


def test_no_service_at_all_raises_within_the_deadline(project, handler, monkeypatch, closed_port):
    project.pipelines({"half": HALF})
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    with pytest.raises(RetryableError, match="NetworkError"):
        handler(project.event("uploads/a.jpg"), {"request_id": "x", "time_limit_in_ms": 3000})


def entries(**outputs):
    """The outputs as they stand in pipelines.yml, with a fileid that names them all apart."""
    return {
        name: f'{text}, fileid: "/out/{{name}}/{{output}}.{{ext}}"'
        for name, text in outputs.items()
    }


def test_widths_shrink_and_never_enlarge(project, handler):
    project.pipelines(entries(thumb="widths: [20, 60, 200]", page="widths: [30], format: webp"))
    handler(project.upload("uploads/a.jpg", photo(60, 40)), CONTEXT)
    sizes = {
        name: project.image(f"out/a.jpg/{name}").size
        for name in ("thumb-20.jpg", "thumb-60.jpg", "thumb-200.jpg", "page-30.webp")
    }
    assert list(sizes.values()) == [(20, 13), (60, 40), (60, 40), (30, 20)]
    record = project.record("a.jpg")
    assert [output["name"] for output in record["outputs"]] == [
        "thumb-20", "thumb-60", "thumb-200", "page-30",
    ]  # fmt: skip


def test_a_photo_on_its_side_is_as_wide_as_asked_when_upright(project, handler):
    turned = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (60, 40)).save(turned, "JPEG", exif=exif)
    project.pipelines(entries(thumb="widths: [20]"))
    handler(project.upload("uploads/a.jpg", turned.getvalue()), CONTEXT)
    assert project.image("out/a.jpg/thumb-20.jpg").size == (20, 30)


def test_two_widths_in_three_formats_take_two_requests(project, handler):
    project.pipelines(entries(web="widths: [10, 20], formats: [avif, webp, jpg]"))
    handler(project.upload("uploads/a.png", photo(format="PNG")), CONTEXT)
    record = project.record("a.png")
    assert [request["rules"] for request in record["requests"]] == [5, 1]
    for output in record["outputs"]:
        _, width, format = output["name"].split("-")
        image = project.image(output["key"])
        assert output["key"] == f"out/a.png/{output['name']}.{format}"
        assert (image.width, image.format) == (
            int(width),
            {"jpg": "JPEG"}.get(format, image.format),
        )
        assert image.format.lower() in (format, "jpeg")


def cutout():
    body = io.BytesIO()
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((200, 30, 30, 255), (10, 10, 30, 30))
    image.save(body, "PNG")
    return body.getvalue()


def animation():
    body = io.BytesIO()
    frames = [Image.new("RGB", (40, 40), color) for color in ("red", "lime", "blue")]
    frames[0].save(body, "GIF", save_all=True, append_images=frames[1:], duration=70, loop=0)
    return body.getvalue()


SOURCES = [
    ("a.jpg", photo(), "", "webp"),
    ("a.jpg", photo(), "    advanced_compression: true\n", "avif"),
    ("a.png", cutout(), "    advanced_compression: true\n", "webp"),
    ("a.gif", animation(), "    advanced_compression: true\n", "webp"),
]


@pytest.mark.parametrize(("name", "body", "more", "format"), SOURCES)
def test_the_format_is_chosen_and_said(project, handler, name, body, more, format):
    project.pipelines(entries(web="format: auto"), more=more)
    handler(project.upload(f"uploads/{name}", body), CONTEXT)
    [output] = project.record(name)["outputs"]
    key = f"out/{name}/web.{format}"
    assert (output["key"], output["format"]) == (key, format)
    assert output["rule"].endswith(f"/format/{format}")
    headers = project.client.head_object(Bucket=project.bucket, Key=key)
    assert headers["Content-Type"] == f"image/{format}"
    image = project.image(key)
    assert image.format == format.upper()
    if name == "a.png":
        assert image.convert("RGBA").getpixel((2, 2))[3] == 0
        assert image.convert("RGBA").getpixel((20, 20))[3] == 255
    if name == "a.gif":
        assert image.n_frames == 3


def grey():
    body = io.BytesIO()
    Image.new("RGB", (200, 120), (128, 128, 128)).save(body, "PNG")
    return body.getvalue()


def changed_box(image):
    """The box of what is no longer the grey that was uploaded."""
    difference = ImageChops.difference(
        image.convert("RGB"), Image.new("RGB", image.size, (128, 128, 128))
    )
    return difference.convert("L").point(lambda level: 255 * (level > 20)).getbbox()


def test_a_text_mark_by_its_name(project, handler):
    project.pipelines(
        entries(plain="format: png", marked="watermark: owner, format: png"),
        marks='owner: {text: mine, fill: "#FFFFFF", fontsize: 24, dx: 10, dy: 5}',
    )
    handler(project.upload("uploads/a.png", grey()), CONTEXT)
    assert changed_box(project.image("out/a.png/plain.png")) is None
    left, top, right, bottom = changed_box(project.image("out/a.png/marked.png"))
    assert left > 100
    assert top > 60
    assert 185 <= right <= 190
    assert 105 <= bottom <= 115


def test_an_image_mark_by_its_name_lies_in_the_uploads_bucket(project, handler):
    project.pipelines(
        entries(marked="widths: [100], watermark: logo, format: png"),
        marks="logo: {image: marks/云 logo+.png, gravity: northwest, dx: 7, dy: 3, dissolve: 100}",
    )
    logo = io.BytesIO()
    Image.new("RGB", (20, 10), (0, 200, 0)).save(logo, "PNG")
    project.client.put_object(
        Bucket=project.bucket, Key="marks/云 logo+.png", Body=logo.getvalue(), ACL="public-read"
    )
    [entry] = handler(project.upload("uploads/a.png", grey()), CONTEXT)["outcomes"]
    assert entry["outcome"] == "done", entry
    image = project.image("out/a.png/marked-100.png")
    assert image.size == (100, 60)
    assert changed_box(image) == (7, 3, 27, 13)
    assert image.convert("RGB").getpixel((10, 6)) == (0, 200, 0)


def test_a_mark_that_is_not_there_is_named(project, handler):
    project.pipelines(entries(marked="watermark: logo"), marks="logo: {image: marks/missing.png}")
    [entry] = handler(project.upload("uploads/a.png", grey()), CONTEXT)["outcomes"]
    assert (entry["outcome"], entry["error"]["code"]) == ("failed", "ImageFetchFailed")
    error = project.record("a.png")["error"]
    assert "marks/missing.png" in error["message"]
    assert "pipelines.yml" in error["advice"]


def test_without_its_blind_text_nothing_is_stored(project, handler):
    project.pipelines(entries(plain="format: png", hidden='blind_watermark: {text: "{meta.user}"}'))
    [entry] = handler(project.upload("uploads/a.png", grey()), CONTEXT)["outcomes"]
    assert (entry["outcome"], entry["error"]["code"]) == ("rejected", "InvalidBlindWatermark")
    assert "{meta.user}" in entry["error"]["advice"]
    assert project.record("a.png")["outcome"] == "rejected"
    assert not [key for key in project.listing() if key.startswith("out/")]


def test_a_blind_mark_tells_later_who_uploaded(project, handler):
    project.pipelines(entries(hidden='blind_watermark: {text: "{meta.user}{appid}"}, format: jpg'))
    event = project.upload(
        "uploads/a.jpg", (ROOT / "events" / "objects" / "rocket-on-pad.jpg").read_bytes()
    )
    event["Records"][0]["cos"]["cosObject"]["meta"] = {"x-cos-meta-user": "Li-Wei"}
    handler(event, CONTEXT)
    [output] = project.record("a.jpg")["outputs"]
    project.client.ci_image_process(
        Bucket=project.bucket,
        Key=output["key"],
        PicOperations='{"rules":[{"fileid":"/found.png","rule":"watermark/4/type/3"}]}',
    )
    assert project.image("found.png").text["Comment"] == "LiWei1250000000"
