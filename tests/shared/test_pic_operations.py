"""The Pic-Operations header and its answer."""

import json

import pytest

from shared.pic_operations import (
    PicOperations,
    PicOperationsError,
    PicRule,
    UploadResult,
    absolute_fileid,
    target_key,
)

RULE = "imageMogr2/thumbnail/!50p"


def test_the_header_is_one_ascii_line_that_reads_back():
    operations = PicOperations(
        (PicRule("/p2/%E4%BA%91.jpg", RULE, "other-1250000000"), PicRule("a.jpg", "style/云")),
        is_pic_info=True,
    )
    header = operations.to_header()
    assert header.isascii()
    assert "\n" not in header
    assert json.loads(header)["is_pic_info"] == 1
    assert PicOperations.from_header(header) == operations


def test_the_manuals_own_header():
    header = '{"is_pic_info":1,"rules":[{"fileid":"test.jpg","rule":"imageView2/format/png"}]}'
    assert PicOperations.from_header(header) == PicOperations(
        (PicRule("test.jpg", "imageView2/format/png"),), is_pic_info=True
    )


@pytest.mark.parametrize(
    ("source", "fileid", "key"),
    [
        ("p1/test1.jpg", "/p2/test2.jpg", "p2/test2.jpg"),
        ("p1/test1.jpg", "p2/test2.jpg", "p1/p2/test2.jpg"),
        ("filename.jpg", "test.jpg", "test.jpg"),
        ("p1/a.jpg", "/%E4%BA%91%20%2B.jpg", "云 +.jpg"),
        ("p1/a.jpg", "//x.jpg", "/x.jpg"),
    ],
)
def test_target_key(source, fileid, key):
    assert target_key(source, fileid) == key


@pytest.mark.parametrize("key", ["a/b.jpg", "a b+c%2F?#.jpg", "云/😀.jpg", "/lead", "a\nb"])
def test_absolute_fileid_reaches_exactly_the_key(key):
    assert target_key("somewhere/else.jpg", absolute_fileid(key)) == key


def header(**changes):
    rule = {"fileid": "a.jpg", "rule": RULE}
    return json.dumps({"rules": [{**rule, **changes}]})


@pytest.mark.parametrize(
    ("text", "number", "named"),
    [
        ("{", -60998, "not JSON"),
        ("[" * 30000, -60998, "not JSON"),
        ("[]", -60998, "JSON object"),
        ('{"rule":1}', -60998, "'rule'"),
        ('{"rules":{}}', -60998, "array"),
        ('{"is_pic_info":2}', -60998, "is_pic_info is 2"),
        (json.dumps({"rules": [{"fileid": "a", "rule": RULE}] * 6}), -60997, "at most 5"),
        (header(fileid=""), -60998, "rules[0].fileid"),
        (header(fileid=7), -60998, "rules[0].fileid"),
        (header(fileid="folder/"), -60998, "must not end with '/'"),
        (header(fileid="/"), -60998, "file name"),
        (header(rule=""), -60998, "rules[0].rule"),
        (header(bucket=1), -60998, "rules[0].bucket"),
        (header(colour="red"), -60998, "'colour'"),
        ('{"rules":[7]}', -60998, "rules[0]"),
        (" " * 40000, -60998, "32768"),
    ],
)
def test_refusals_name_the_field_and_what_is_allowed(text, number, named):
    with pytest.raises(PicOperationsError) as caught:
        PicOperations.from_header(text)
    assert caught.value.number == number
    assert named in caught.value.message


def test_more_than_five_rules_are_not_even_sent():
    with pytest.raises(PicOperationsError, match="at most 5"):
        PicOperations((PicRule("a", RULE),) * 6).to_header()


ORIGINAL = {
    "Key": "filename.jpg",
    "Location": "b.cos/filename.jpg",
    "ETag": '"580c"',
    "ImageInfo": {"Format": "JPEG", "Width": "640", "Height": "427", "Quality": "100",
                  "Ave": "0xa18454", "Orientation": "6", "FrameCount": "1"},
}  # fmt: skip
OBJECT = {"Key": "test.jpg", "Location": "b.cos/test.jpg", "Format": "png", "Width": "640",
          "Height": "427", "Size": "463092", "Quality": "100", "ETag": '"eaa4"'}  # fmt: skip


@pytest.mark.parametrize(("objects", "count"), [(OBJECT, 1), ([OBJECT, OBJECT], 2), (None, 0)])
def test_upload_result(objects, count):
    result = UploadResult.from_dict(
        {"OriginalInfo": ORIGINAL, "ProcessResults": {"Object": objects} if objects else None}
    )
    assert (result.original.format, result.original.width, result.original.etag) == (
        "jpeg", 640, "580c",
    )  # fmt: skip
    assert result.original.orientation == 6
    assert len(result.objects) == count
    for item in result.objects:
        assert (item.key, item.format, item.size, item.etag) == ("test.jpg", "png", 463092, "eaa4")


def test_an_answer_without_image_info_still_counts():
    original = {key: value for key, value in ORIGINAL.items() if key != "ImageInfo"}
    assert UploadResult.from_dict({"OriginalInfo": original}).original.width == 0


def test_something_else_is_no_upload_result():
    with pytest.raises(ValueError, match="OriginalInfo"):
        UploadResult.from_dict({"html": "hello"})
