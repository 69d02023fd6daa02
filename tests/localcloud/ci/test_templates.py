"""`/template`: create, update, delete, list (CI manual 004:75075, 004:84794, 004:84969)."""

import re

import pytest

from localcloud.ci import templates

RULE = {"IsPicInfo": "true", "ProcessRule": "imageMogr2/rotate/90|watermark/2/text/YSY8"}


def create(bucket, name="half", **changes):
    template = {"Tag": "PicProcess", "Name": name, "PicProcess": RULE, **changes}
    template = {key: value for key, value in template.items() if value is not None}
    return bucket.client.ci_create_template(Bucket=bucket.name, Template=template)["Template"]


def update(bucket, template_id, name="half", **changes):
    template = {"Tag": "PicProcess", "Name": name, "PicProcess": RULE, **changes}
    return bucket.client.ci_update_template(
        Bucket=bucket.name, TemplateId=template_id, Template=template
    )["Template"]


def listed(bucket, **options):
    return bucket.client.ci_get_template(Bucket=bucket.name, **options)


def names(answer):
    return [each["Name"] for each in answer.get("TemplateList", [])]


def test_create(bucket):
    made = create(bucket, "模板_1-*")
    assert re.fullmatch("t[0-9a-f]{32}", made["TemplateId"])
    assert (made["Name"], made["Tag"]) == ("模板_1-*", "PicProcess")
    assert (made["BucketId"], made["Category"]) == (bucket.name, "Custom")
    assert made["PicProcess"] == RULE
    assert made["CreateTime"] == made["UpdateTime"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0800", made["CreateTime"])


@pytest.mark.parametrize("flag", ["", None])
def test_facts_are_not_asked_for_unless_said(bucket, flag):
    rule = {"IsPicInfo": flag, "ProcessRule": "imageMogr2/rotate/90"}
    made = create(bucket, PicProcess={k: v for k, v in rule.items() if v is not None})
    assert made["PicProcess"].get("IsPicInfo", "false") == "false"


def test_update(bucket):
    made = create(bucket)
    changed = update(bucket, made["TemplateId"], "other", PicProcess={**RULE, "IsPicInfo": "false"})
    assert changed["TemplateId"] == made["TemplateId"]
    assert (changed["Name"], changed["PicProcess"]["IsPicInfo"]) == ("other", "false")
    assert changed["CreateTime"] == made["CreateTime"]
    assert names(listed(bucket)) == ["other"]
    update(bucket, made["TemplateId"], "other")  # its own name is no duplicate


def test_delete(bucket, refused):
    made = create(bucket)
    delete = bucket.client.ci_delete_template
    answer = delete(Bucket=bucket.name, TemplateId=made["TemplateId"])
    assert answer["TemplateId"] == made["TemplateId"]
    assert names(listed(bucket)) == []
    again = refused(delete, Bucket=bucket.name, TemplateId=made["TemplateId"])
    assert again[:2] == (404, "TemplateNotFound")
    assert refused(update, bucket, made["TemplateId"])[:2] == (404, "TemplateNotFound")


def test_lists(bucket):
    made = {name: create(bucket, name)["TemplateId"] for name in ("a1", "a2", "b1")}
    answer = listed(bucket)
    assert (answer["TotalCount"], answer["PageNumber"], answer["PageSize"]) == ("3", "1", "10")
    assert names(answer) == ["a1", "a2", "b1"]
    assert answer["TemplateList"][0]["PicProcess"] == RULE
    assert names(listed(bucket, Name="a")) == ["a1", "a2"]
    assert names(listed(bucket, PageSize=2, PageNumber=2)) == ["b1"]
    assert names(listed(bucket, Category="Official")) == []
    answer = listed(bucket, Ids=f"{made['a2']},C")
    assert names(answer) == ["a2"]
    assert answer["NonExistTIDs"] == {"TemplateId": "C"}
    assert "TotalCount" not in answer


@pytest.mark.parametrize("options", [{"Category": "Mine"}, {"PageSize": 101}, {"PageNumber": 0},
                                     {"Ids": ",".join(["t"] * 101)}])  # fmt: skip
def test_bad_lists(bucket, refused, options):
    assert refused(listed, bucket, **options)[:2] == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("changes", "code", "named"),
    [
        ({"Tag": None}, "InvalidArgument", "Tag"),
        ({"Tag": "Paint"}, "InvalidArgument", "Paint"),
        ({"Tag": "Watermark"}, "NotImplemented", "Watermark"),
        ({"Name": None}, "InvalidArgument", "Name"),
        ({"Name": "a b"}, "InvalidArgument", "a b"),
        ({"Name": "n" * 65}, "InvalidArgument", "65"),
        ({"PicProcess": None}, "InvalidArgument", "PicProcess"),
        ({"PicProcess": {"IsPicInfo": "true"}}, "InvalidArgument", "ProcessRule"),
        ({"PicProcess": {**RULE, "IsPicInfo": "1"}}, "InvalidArgument", "IsPicInfo"),
        ({"PicProcess": {"ProcessRule": "rotate/90"}}, "InvalidArgument", "ProcessRule"),
        ({"PicProcess": {"ProcessRule": "imageInfo"}}, "InvalidArgument", "imageInfo"),
        ({"PicProcess": {"ProcessRule": "x" * 8193}}, "InvalidArgument", "8193"),
    ],
)
def test_bad_templates(bucket, refused, changes, code, named):
    answer = refused(create, bucket, **changes)
    assert answer[:2] == (501 if code == "NotImplemented" else 400, code)
    assert named in answer[2]
    assert names(listed(bucket)) == []


def test_a_name_is_taken_once(bucket, refused):
    create(bucket, "one")
    two = create(bucket, "two")
    assert refused(create, bucket, "one")[:2] == (409, "TemplateNameDuplicate")
    assert refused(update, bucket, two["TemplateId"], "one")[:2] == (409, "TemplateNameDuplicate")


SNAPSHOT = {
    "Mode": "Interval", "Start": "1.5", "TimeInterval": "0.5", "Count": "10", "Width": "128",
    "Height": "128", "IsCheckBlack": "true", "BlackLevel": "30", "PixelBlackThreshold": "255",
    "SnapshotOutMode": "SnapshotAndSprite",
    "SpriteSnapshotConfig": {"CellWidth": "8", "Color": "White", "Columns": "10", "Lines": "10"},
}  # fmt: skip


def snapshot(bucket, **changes):
    wanted = {k: v for k, v in {**SNAPSHOT, **changes}.items() if v is not None}
    return create(bucket, Tag="Snapshot", PicProcess=None, Snapshot=wanted)


def test_snapshots(bucket, refused):
    made = snapshot(bucket)
    assert made["Snapshot"] == SNAPSHOT
    create(bucket, "pictures")
    answer = refused(update, bucket, made["TemplateId"])
    assert answer[:2] == (400, "InvalidArgument")  # its kind stays
    assert "Snapshot" in answer[2]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"Count": None}, "Count"),
        ({"Count": "10001"}, "Count"),
        ({"TimeInterval": "3600.5"}, "TimeInterval"),
        ({"TimeInterval": "0"}, "TimeInterval"),
        ({"Start": "-1"}, "Start"),
        ({"Mode": "Random"}, "Mode"),
        ({"Width": "127"}, "Width"),
        ({"Height": "4097"}, "Height"),
        ({"IsCheckCount": "maybe"}, "IsCheckCount"),
        ({"BlackLevel": "29"}, "BlackLevel"),
        ({"PixelBlackThreshold": "256"}, "PixelBlackThreshold"),
        ({"SnapshotOutMode": "All"}, "SnapshotOutMode"),
        ({"SpriteSnapshotConfig": {"Columns": "1", "Lines": "1"}}, "Color"),
        ({"SpriteSnapshotConfig": {"Color": "White", "Columns": "0", "Lines": "1"}}, "Columns"),
    ],
)
def test_bad_snapshots(bucket, refused, changes, named):
    answer = refused(snapshot, bucket, **changes)
    assert answer[:2] == (400, "InvalidArgument")
    assert named in answer[2]


def test_a_batch_of_pictures_takes_no_other_template(bucket, refused):
    from tests.localcloud.ci.batch.conftest import Batches

    made = snapshot(bucket)
    batches = Batches(bucket)
    body = batches.body({"Prefix": "in/"}, JobParam={"TemplateId": made["TemplateId"]})
    assert refused(batches.submit, body)[:2] == (400, "InvalidArgument")


def test_too_many(near, refused, monkeypatch):
    monkeypatch.setattr(templates, "MAX_TEMPLATES", 2)
    create(near, "a")
    create(near, "b")
    assert refused(create, near, "c")[:2] == (409, "CreatedTemplateNumLimit")
