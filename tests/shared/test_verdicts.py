"""CI's answers as verdicts: five shapes, and everything that is not clearly a pass."""

import pytest

from shared.audit_results import of_job
from shared.verdicts import (
    BLOCK,
    PASS,
    REVIEW,
    Policy,
    Threshold,
    Verdict,
    merged,
    undecided,
)

STRICT = Policy("v", "", {"*": Threshold(50, 80)})
DONE = {"JobId": "si1", "State": "Success"}


def scene(flag, score=None, **more):
    return {"HitFlag": flag, **({} if score is None else {"Score": score}), **more}


IMAGE = {**DONE, "Result": "1", "Label": "Porn", "Score": "96",
         "PornInfo": scene("1", "96", SubLabel="Body"), "AdsInfo": scene("0", "5")}  # fmt: skip
TEXT = {**DONE, "Result": "2", "AdsInfo": scene("2", Count="1"),
        "Section": [{"StartByte": "0", "Result": "2", "AdsInfo": scene("2", "75", Keywords="w")},
                    {"StartByte": "9", "Result": "0", "AdsInfo": scene("0", "3")}]}  # fmt: skip
AUDIO = {**DONE, "Result": "0", "PornInfo": scene("0", "10", Label=None),
         "Section": {"OffsetTime": "0", "Result": "0", "PornInfo": scene("0", "10")}}  # fmt: skip
VIDEO = {**DONE, "Result": "1", "PornInfo": scene("1", Count="1"),
         "Snapshot": [{"Result": "0", "PornInfo": scene("0", "1")},
                      {"Result": "1", "PornInfo": scene("1", "99", SubLabel="Act")}],
         "AudioSection": []}  # fmt: skip
DOCUMENT = {**DONE, "Suggestion": "2", "Labels": {"PoliticsInfo": scene("2", "70")},
            "PageSegment": {"Results": {"PageNumber": "1", "Suggestion": "2",
                                        "PoliticsInfo": scene("2", "70")}}}  # fmt: skip
WEBPAGE = {**DONE, "Suggestion": "1", "Labels": {"IllegalInfo": scene("1", "95")},
           "TextResults": {"Results": [{"Suggestion": "1", "IllegalInfo": scene("1", "95")}]},
           }  # fmt: skip
VIRUS = {**DONE, "Suggestion": "block", "DetectDetail": [
    {"Result": [{"FileName": "a.exe", "VirusName": "Eicar"}]}]}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "details", "result", "label"),
    [
        ("image", IMAGE, BLOCK, ("Porn", BLOCK, 96, "Body")),
        ("text", TEXT, REVIEW, ("Ads", REVIEW, 75, "")),
        ("audio", AUDIO, PASS, ("Porn", PASS, 10, "")),
        ("video", VIDEO, BLOCK, ("Porn", BLOCK, 99, "Act")),
        ("document", DOCUMENT, REVIEW, ("Politics", REVIEW, 70, "")),
        ("webpage", WEBPAGE, BLOCK, ("Illegal", BLOCK, 95, "")),
        ("virus", VIRUS, BLOCK, ("Virus", BLOCK, None, "Eicar")),
        ("virus", {**DONE, "Suggestion": "normal"}, PASS, ("Virus", PASS, None, "")),
    ],
)
def test_each_shape_becomes_a_verdict(kind, details, result, label):
    verdict = of_job(kind, details, request_id="r1")
    assert (verdict.result, verdict.kind, verdict.job_id, verdict.request_id) == (
        result, kind, "si1", "r1",
    )  # fmt: skip
    first = verdict.labels[0]
    assert (first.scene, first.result, first.score, first.sub_label) == label


@pytest.mark.parametrize("state", ["Submitted", "Auditing", "Snapshoting"])
def test_a_job_at_work_has_no_verdict(state):
    assert of_job("video", {"JobId": "v", "State": state}) is None


@pytest.mark.parametrize(
    ("details", "said"),
    [
        (None, "no result"),
        ([], "no result"),
        ("text", "no result"),
        ({}, "state"),
        ({"State": "Failed", "Code": "-65007", "Message": "m", "Result": "0"}, "-65007"),
        ({"State": "Dreaming", "Result": "0"}, "Dreaming"),
        (DONE, "no result"),
        ({**DONE, "Result": "7"}, "no result"),
        ({**DONE, "Result": ""}, "no result"),
        ({**DONE, "Result": ["0", "9"]}, "no result"),
        ({**DONE, "Result": True}, "no result"),
        ({**DONE, "Result": "0", "Label": "Nonsense"}, "unknown label"),
        ({**DONE, "Result": "0", "NovelInfo": scene("2", "70")}, "unknown label"),
        ({**DONE, "Result": "0", "PornInfo": scene("5", "1")}, "no known result"),
        ({**DONE, "Result": "0", "PornInfo": {}}, "no known result"),
        ({**DONE, "Result": "0", "PornInfo": scene("0", "1000")}, "0 to 100"),
        ({**DONE, "Result": "0", "PornInfo": scene("0", "x")}, "0 to 100"),
        ({**DONE, "Result": "0", "Section": [{"Result": "8"}]}, "unknown result"),
        ({**DONE, "Result": "0", "PornInfo": scene("0", "1", Engine=None)}, "no local engine"),
    ],
)
@pytest.mark.parametrize("policy", [Policy(), Policy("v", "", {"*": Threshold(101, 101)})])
def test_what_is_not_clearly_judged_is_for_review(details, said, policy):
    verdict = of_job("image", details, policy)
    assert verdict.result == REVIEW
    assert said in verdict.reason


def test_duplicated_labels_count_by_the_gravest():
    details = {**DONE, "Result": ["0", "1"], "PornInfo": [scene("0", "3"), scene("1", "93")]}
    verdict = of_job("image", details)
    assert verdict.result == BLOCK
    assert [(label.scene, label.score) for label in verdict.labels] == [("Porn", 93)]


def test_the_two_names_of_terrorism_are_one():
    verdict = of_job("image", {**DONE, "Result": "2", "TerroristInfo": scene("2", "70")})
    assert [label.scene for label in verdict.labels] == ["Terrorism"]


@pytest.mark.parametrize(
    ("score", "result"),
    [(0, PASS), (49, PASS), (50, REVIEW), (79, REVIEW), (80, BLOCK), (100, BLOCK)],
)
def test_thresholds_include_their_number(score, result):
    flag = "0" if score < 61 else "2" if score < 91 else "1"
    details = {**DONE, "Result": flag, "PornInfo": scene(flag, str(score))}
    assert of_job("image", details, STRICT).result == result


def test_a_result_graver_than_any_scene_stands_whatever_the_thresholds():
    lenient = Policy("v", "", {"*": Threshold(101, 101)})
    details = {**DONE, "Result": "1", "PornInfo": scene("0", "3")}
    assert of_job("image", details, lenient).result == BLOCK


def test_a_threshold_of_a_scene_goes_before_the_one_of_all():
    policy = Policy("v", "", {"*": Threshold(10, 20), "Ads": Threshold(90, 95)})
    details = {**DONE, "Result": "0", "AdsInfo": scene("0", "60"), "PornInfo": scene("0", "5")}
    assert of_job("image", details, policy).result == PASS


def test_a_verdict_is_read_back_from_its_document():
    verdict = of_job("image", IMAGE, STRICT, "r1")
    assert Verdict.restored(verdict.document(), STRICT) == verdict


def test_several_verdicts_are_as_grave_as_the_gravest():
    verdicts = [of_job("image", IMAGE), undecided("virus", "not eligible")]
    both = merged(verdicts)
    assert (both.result, both.kind, both.reason) == (BLOCK, "image,virus", "not eligible")


def test_an_answer_without_end_ends():
    node = {**DONE, "Result": "0"}
    for _ in range(200):
        node = {**DONE, "Result": "0", "Results": [node]}
    assert of_job("image", node).result == PASS
