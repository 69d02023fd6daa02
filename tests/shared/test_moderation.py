"""Verdicts of `ims` and `tms`: how answers are read, and the whole way through the local cloud."""

import time

import pytest

from shared.errors import CloudError
from shared.moderation import MAX_CHARACTERS, MAX_TEXTS, Moderation, of_answer
from shared.settings import Settings
from shared.verdicts import Policy, Threshold
from tests.conftest import running_cloud
from tests.localcloud.moderation.conftest import BAD, POLICY

NONE = Policy()


def result(label, suggestion, score=99, **more):
    return {"Label": label, "Suggestion": suggestion, "Score": score, "SubLabel": "", **more}


def answer(suggestion, *labels, **more):
    return {"Suggestion": suggestion, "Label": "x", "Score": 1, "RequestId": "r1",
            "LabelResults": list(labels), **more}  # fmt: skip


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer("Pass", result("Normal", "Pass", 0)), "pass"),
        (answer("Pass"), "pass"),
        (answer("Review", result("Porn", "Review", 70)), "review"),
        (answer("Block", result("Polity", "Block")), "block"),
        # The whole is graver than its parts say.
        (answer("Block", result("Normal", "Pass")), "block"),
        (answer("Review"), "review"),
        # Parts are graver than the whole.
        (answer("Pass", result("Ad", "Block")), "block"),
        (answer("Pass", OcrResults=[result("Ad", "Review")]), "review"),
        (answer("Pass", DetailResults=[result("Abuse", "Block")]), "block"),
        # What is not known is never passed.
        (answer("Approve"), "review"),
        ({"RequestId": "r1"}, "review"),
        (answer("Pass", result("Gambling", "Pass")), "review"),
        (answer("Pass", result("Normal", "Fine")), "review"),
        (answer("Pass", result("", "Pass")), "review"),
        (answer("Pass", LabelResults=None), "pass"),
    ],
)  # fmt: skip
def test_what_an_answer_comes_to(given, expected):
    found = of_answer("image", given, NONE)
    assert (found.result, found.request_id, found.provider) == (expected, "r1", "api3")


def test_scenes_have_the_names_that_ci_gives_them():
    labels = [result(name, "Review") for name in ("Ad", "Polity", "Terror", "Sexy", "Illegal")]
    found = of_answer("image", answer("Review", *labels), NONE)
    assert [one.scene for one in found.labels] == [
        "Ads", "Politics", "Terrorism", "Porn", "Illegal"
    ]  # fmt: skip
    assert found.reason == ""


@pytest.mark.parametrize(
    ("low", "high", "score", "expected"),
    [(50, 95, 70, "review"), (80, 95, 70, "pass"), (50, 60, 70, "block"), (50, 60, None, "review")],
)
def test_thresholds_of_the_pipeline_decide_where_there_is_a_score(low, high, score, expected):
    policy = Policy(thresholds={"Porn": Threshold(low, high)})
    given = answer("Review", result("Porn", "Review", score))
    assert of_answer("image", given, policy).result == expected


def test_no_threshold_lets_pass_what_nothing_judged():
    policy = Policy(thresholds={"*": Threshold(99, 100)})
    given = answer("Review", result("Terror", "Review", 61, SubLabel="NoLocalEngine"))
    found = of_answer("image", given, policy)
    assert (found.result, found.reason) == ("review", "Terror: no local engine")


def test_a_verdict_keeps_no_words():
    given = answer("Block", DetailResults=[result("Abuse", "Block", Keywords=["secretword"])],
                   Keywords=["secretword"])  # fmt: skip
    assert "secretword" not in str(of_answer("text", given, NONE).document())


@pytest.fixture(scope="session")
def decided_here(tmp_path_factory):
    folder = tmp_path_factory.mktemp("moderation")
    (folder / "policy.yml").write_text(POLICY)
    with running_cloud(
        folder, "--no-functions", "--audit-policy", str(folder / "policy.yml")
    ) as running:
        yield running


@pytest.fixture
def moderation(decided_here, monkeypatch):
    for name, value in decided_here.environment.items():
        monkeypatch.setenv(name, value)

    def make(policy=NONE, seconds=30):
        return Moderation(Settings.load(), "", policy, time.monotonic() + seconds)

    return make


def test_a_picture_by_a_signed_address(moderation, decided_here):
    bucket, client = decided_here.new_bucket(), decided_here.client()
    client.put_object(Bucket=bucket, Key="a.png", Body=BAD)
    found = moderation()
    url = client.get_presigned_url(Bucket=bucket, Key="a.png", Method="GET")
    verdict = found.image(url, data_id="d-1", user={"UserId": "u", "Nickname": "n"})
    assert (verdict.result, verdict.kind) == ("block", "image")
    assert ("Porn", "block", 96, "SexBehavior") in [one[:4] for one in verdict.labels]
    assert found.calls == [("ImageModeration", verdict.request_id)]
    with pytest.raises(CloudError) as refusal:
        found.image(url.partition("?")[0])
    assert refusal.value.code == "ResourceUnavailable.ImageDownloadError"
    assert not refusal.value.retryable


def test_a_text_and_a_strategy_that_does_not_exist(moderation):
    assert moderation().text("fine").result == "pass"
    assert moderation().text("bad words").result == "review"
    assert moderation().text("nobody knows").result == "review"
    with pytest.raises(CloudError) as refusal:
        moderation(Policy(biz_type="unknown")).text("fine")
    assert refusal.value.code == "InvalidParameterValue.InvalidBizType"


def test_a_long_text_is_judged_in_sections_and_the_gravest_counts(cloud, monkeypatch):
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    found = Moderation(Settings.load(), "", NONE, time.monotonic() + 60)
    # Across the edge of two sections.
    text = "a " * (MAX_CHARACTERS // 2 - 2) + "fuck you" + " b" * MAX_CHARACTERS
    verdict = found.text(text)
    assert (verdict.result, verdict.kind) == ("block", "text")
    assert [one.scene for one in verdict.labels] == ["Abuse"]
    assert len(found.calls) == 4


@pytest.mark.parametrize("text", ["", "a" * (MAX_TEXTS * MAX_CHARACTERS + 1)])
def test_texts_that_no_request_is_sent_for(moderation, text):
    found = moderation()
    assert (found.text(text).result, found.calls) == ("review", [])
