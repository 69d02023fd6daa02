"""ImageModeration as the unmodified client of `ims` sees it."""

import hashlib
import io

import pytest
from PIL import Image
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.ims.v20201229 import models
from tencentcloud.ims.v20201229.ims_client import ImsClient

from tests.localcloud.detectors import samples
from tests.localcloud.moderation.conftest import BAD, client, encoded, picture


@pytest.fixture
def moderate(decided):
    ims = client(decided, ImsClient)

    def ask(**fields):
        request = models.ImageModerationRequest()
        request._deserialize(fields)
        return ims.ImageModeration(request)

    return ask


@pytest.fixture
def bucket(decided):
    return decided.new_bucket()


def address(cloud, bucket, key, body):
    """A signed address of a new object."""
    found = cloud.client()
    found.put_object(Bucket=bucket, Key=key, Body=body)
    return found.get_presigned_url(Bucket=bucket, Key=key, Method="GET")


def test_a_bad_picture_in_the_request(moderate):
    found = moderate(FileContent=encoded(BAD), DataId="a_1", BizType="strict")
    assert (found.Suggestion, found.Label, found.SubLabel, found.Score) == (
        "Block", "Porn", "SexBehavior", 96
    )  # fmt: skip
    assert (found.DataId, found.BizType) == ("a_1", "strict")
    assert found.FileMD5 == hashlib.md5(BAD, usedforsecurity=False).hexdigest()
    results = {one.Scene: (one.Suggestion, one.Label, one.SubLabel) for one in found.LabelResults}
    assert results == {
        "Porn": ("Block", "Porn", "SexBehavior"),
        "Ads": ("Pass", "Normal", ""),
        "Terrorism": ("Review", "Terror", "NoLocalEngine"),
    }
    assert found.LabelResults[0].Details[0].Name == "SexBehavior"
    assert found.RequestId


def test_what_nothing_can_judge_is_for_review(moderate):
    found = moderate(FileContent=encoded(picture((1, 2, 3))))
    assert (found.Suggestion, found.SubLabel) == ("Review", "NoLocalEngine")
    assert "no local engine" in found.Extra


def test_an_object_of_this_cloud_by_its_address(moderate, decided, bucket):
    url = address(decided, bucket, "clean/图 a.png", picture((9, 9, 9)))
    found = moderate(FileUrl=url, Interval=3, MaxFrames=10)
    assert (found.Suggestion, found.Label, found.Score) == ("Pass", "Normal", 0)


def test_nobody_reads_by_it_what_the_address_may_not(moderate, decided, bucket):
    url = address(decided, bucket, "clean/a.png", picture((9, 9, 9)))
    for other in (
        url.partition("?")[0],
        "http://example.com/a.png",
        "http://127.0.0.1:1/a.png",
        "file:///etc/passwd",
        url.replace("clean", "gone"),
    ):
        with pytest.raises(TencentCloudSDKException) as refusal:
            moderate(FileUrl=other)
        assert refusal.value.code == "ResourceUnavailable.ImageDownloadError", other


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "InvalidParameterValue.InvalidContent"),
        ({"FileContent": "%%%"}, "InvalidParameterValue.InvalidContent"),
        ({"FileContent": "YQ==", "DataId": "a b"}, "InvalidParameterValue.InvalidDataId"),
        ({"FileContent": "YQ==", "DataId": "a" * 65}, "InvalidParameterValue.InvalidDataId"),
        ({"FileContent": "YQ==", "BizType": "unknown"}, "InvalidParameterValue.InvalidParameter"),
        ({"FileContent": "YQ==", "Interval": -1}, "InvalidParameterValue"),
        ({"FileContent": "YQ==", "MaxFrames": 10**6}, "InvalidParameterValue"),
        ({"FileContent": "YQ==", "Type": "VIDEO"}, "InvalidParameterValue"),
        ({"FileContent": "YQ==", "Type": "IMAGE_AIGC"}, "UnsupportedOperation"),
    ],
)
def test_what_is_refused(moderate, fields, code):
    with pytest.raises(TencentCloudSDKException) as refusal:
        moderate(**fields)
    assert refusal.value.code == code


def test_people_and_devices_are_taken(moderate):
    found = moderate(
        FileContent=encoded(BAD),
        User={"UserId": "1", "Nickname": "n", "AccountType": "1", "Gender": 1, "Level": 2},
        Device={"Ip": "1.2.3.4", "IpType": 0, "IMEI": "123456789012345"},
    )
    assert found.Suggestion == "Block"


def test_a_broken_picture_has_the_services_code(moderate, decided, bucket):
    url = address(decided, bucket, "broken/a.png", b"not a picture")
    with pytest.raises(TencentCloudSDKException) as refusal:
        moderate(FileUrl=url)
    assert refusal.value.code == "InvalidParameterValue.InvalidImageContent"


def test_a_policy_of_cam_is_asked(decided):
    request = models.ImageModerationRequest()
    request.FileContent = encoded(BAD)
    allowed = client(decided, ImsClient, "AKIDims", "key-ims")
    assert allowed.ImageModeration(request).Suggestion == "Block"
    with pytest.raises(TencentCloudSDKException) as refusal:
        client(decided, ImsClient, "AKIDims", "wrong").ImageModeration(request)
    assert refusal.value.code == "AuthFailure.SignatureFailure"


def test_the_real_engines_read_words_and_refuse_what_is_no_picture(cloud):
    ims = client(cloud, ImsClient)
    request = models.ImageModerationRequest()
    request.FileContent = encoded(b"<svg onload=alert(1)>")
    with pytest.raises(TencentCloudSDKException) as refusal:
        ims.ImageModeration(request)
    assert refusal.value.code == "InvalidParameterValue.InvalidImageContent"
    request.FileContent = encoded(samples.encoded(samples.page("赌博网站 加微信")))
    found = ims.ImageModeration(request)
    assert found.Suggestion in ("Review", "Block")
    scenes = {one.Scene for one in found.LabelResults}
    assert scenes == {"Porn", "Ads"}


def test_of_an_animation_the_first_frame_alone_unless_more_are_asked_for(cloud):
    spam = samples.page("加微信")
    body = io.BytesIO()
    Image.new("RGB", spam.size, "white").save(
        body, "GIF", save_all=True, append_images=[spam.convert("RGB")]
    )
    ims, told = client(cloud, ImsClient), []
    for more in ({}, {"Interval": 1, "MaxFrames": 2}):
        request = models.ImageModerationRequest()
        request._deserialize({"FileContent": encoded(body.getvalue()), **more})
        found = ims.ImageModeration(request)
        told.append({one.Scene: one.Suggestion for one in found.LabelResults}["Ads"])
        lines = [line.Text for one in found.OcrResults for line in one.Details]
    assert told == ["Pass", "Review"]
    assert lines == ["加微信"]
