"""TextModeration as the unmodified client of `tms` sees it."""

import pytest
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.tms.v20201229 import models
from tencentcloud.tms.v20201229.tms_client import TmsClient

from tests.localcloud.moderation.conftest import client, encoded


def ask(cloud, **fields):
    request = models.TextModerationRequest()
    request._deserialize(fields)
    return client(cloud, TmsClient).TextModeration(request)


def test_a_verdict_of_the_policy_file(decided):
    found = ask(decided, Content=encoded(b"bad words"), DataId="d@1", SessionId="s")
    assert (found.Suggestion, found.Label, found.Score) == ("Review", "Abuse", 80)
    assert (found.Keywords, found.DataId, found.SessionId) == (["words"], "d@1", "s")
    [detail] = found.DetailResults
    assert (detail.Label, detail.Suggestion, detail.Keywords) == ("Abuse", "Review", ["words"])
    found = ask(decided, Content=encoded(b"fine"))
    assert (found.Suggestion, found.Label, found.DetailResults) == ("Pass", "Normal", [])


def test_without_an_engine_a_text_is_for_review(decided):
    found = ask(decided, Content=encoded(b"nobody knows"))
    assert (found.Suggestion, found.SubLabel) == ("Review", "NoLocalEngine")


def test_the_real_engine_names_words_and_where_they_stand(cloud):
    found = ask(cloud, Content=encoded(b"hello fuck you"))
    assert (found.Suggestion, found.Label, found.Keywords) == ("Block", "Abuse", ["fuck"])
    [detail] = [one for one in found.DetailResults if one.Label == "Abuse"]
    assert (detail.Tags[0].Keyword, detail.LibType) == ("fuck", 1)
    [hit] = detail.HitInfos
    assert [(place.Start, place.End) for place in hit.Positions] == [(6, 10)]
    assert ask(cloud, Content=encoded(b"good morning")).Suggestion == "Pass"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "MissingParameter"),
        ({"Content": "%"}, "InvalidParameterValue.ErrTextContentType"),
        ({"Content": encoded(b"\xff\xfe\xff")}, "InvalidParameterValue.ErrFileContent"),
        ({"Content": encoded(b"a" * 10_001)}, "InvalidParameterValue.ErrTextContentLen"),
        ({"Content": "YQ==", "DataId": "a/b"}, "InvalidParameterValue.InvalidDataId"),
        ({"Content": "YQ==", "BizType": "nothing"}, "InvalidParameterValue.InvalidBizType"),
        ({"Content": "YQ==", "Type": "TEXT_AIGC"}, "InvalidParameterValue.ErrType"),
        ({"Content": "YQ==", "SourceLanguage": "xx"}, "InvalidParameterValue"),
    ],
)
def test_what_is_refused(decided, fields, code):
    with pytest.raises(TencentCloudSDKException) as refusal:
        ask(decided, **fields)
    assert refusal.value.code == code


def test_a_key_that_may_only_judge_pictures_is_refused(decided):
    request = models.TextModerationRequest()
    request.Content = "YQ=="
    with pytest.raises(TencentCloudSDKException) as refusal:
        client(decided, TmsClient, "AKIDims", "key-ims").TextModeration(request)
    assert refusal.value.code == "UnauthorizedOperation"
