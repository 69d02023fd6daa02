"""Freezing: what a score does to its object, and what ends it."""

import pytest

BATCH = "image/auditing"


def audit(bucket, key, freeze, path=BATCH):
    conf = f"<Conf><Freeze>{freeze}</Freeze></Conf>"
    return bucket.submit(path, f"<Input><Object>{key}</Object></Input>{conf}")


@pytest.fixture
def frozen(audited):
    audited.put("bad/a.jpg")
    audited.client.put_object_acl(Bucket=audited.name, Key="bad/a.jpg", ACL="public-read")
    found = audit(audited, "bad/a.jpg", "<PornScore>97</PornScore>")
    assert found.findtext("ForbidState") == "1"
    return "bad/a.jpg"


def status(bucket, key, suffix=""):
    return bucket.get(bucket.presigned(key) + suffix).status


def test_a_frozen_object_is_out_of_reach_in_every_way(audited, frozen):
    signed = audited.get(audited.presigned(frozen))
    assert (signed.status, *signed.error[:2]) == (403, "AccessDenied", "-46646")
    assert audited.get(audited.address(frozen)).status == 403
    assert status(audited, frozen, "&imageInfo") == 403
    select = audited.client.get_presigned_url(
        Bucket=audited.name, Key=frozen, Method="POST", Params={"select": "", "select-type": "2"}
    )
    body = (
        b"<SelectRequest><Expression>SELECT * FROM COSObject</Expression><ExpressionType>SQL"
        b"</ExpressionType><InputSerialization><CSV/></InputSerialization><OutputSerialization>"
        b"<CSV/></OutputSerialization></SelectRequest>"
    )
    assert "frozen" in audited.request("POST", select, {}, body).error[2]
    by_url = audited.submit(
        BATCH, f"<Input><Url>{audited.presigned(frozen).replace('&', '&amp;')}</Url></Input><Conf/>"
    )
    assert by_url.findtext("Code") == "-65010"


def test_its_facts_and_a_copy_for_who_holds_it_in_quarantine_remain(audited, frozen):
    assert audited.head(frozen)["Content-Length"] == "7"
    audited.client.copy_object(
        Bucket=audited.name, Key="kept/a.jpg",
        CopySource={"Bucket": audited.name, "Key": frozen, "Region": audited.cloud.region},
    )  # fmt: skip
    assert audited.body("kept/a.jpg") == b"content"
    assert audit(audited, frozen, "").findtext("Result") == "1"


def test_an_acl_that_somebody_decides_on_ends_it(audited, frozen):
    audited.client.put_object_acl(Bucket=audited.name, Key=frozen, ACL="public-read")
    assert audited.get(audited.address(frozen)).body == b"content"


def test_a_new_upload_is_another_object(audited, frozen):
    audited.put(frozen, b"new")
    assert audited.body(frozen) == b"new"


@pytest.mark.parametrize(
    ("freeze", "state"),
    [
        ("<PornScore>96</PornScore>", "1"),
        ("<PornScore>97</PornScore>", "0"),
        ("<AdsScore>1</AdsScore>", "0"),
        ("<AdsScore>1</AdsScore><PornScore>50</PornScore>", "1"),
        ("", "0"),
    ],
)
def test_each_scene_has_a_limit_of_its_own(audited, freeze, state):
    audited.put("a.jpg", audit="block")
    assert audit(audited, "a.jpg", freeze).findtext("ForbidState") == state
    assert status(audited, "a.jpg") == (403 if state == "1" else 200)


def test_what_no_engine_judged_freezes_nothing(audited):
    audited.put("unknown.jpg")
    found = audit(audited, "unknown.jpg", "<PornScore>10</PornScore>")
    assert (found.findtext("Result"), found.findtext("ForbidState")) == ("2", "0")
    assert audited.body("unknown.jpg") == b"content"


@pytest.mark.parametrize("score", ["-1", "101", "x"])
def test_a_limit_is_a_percentage(audited, score):
    answer = audited.ci(
        "POST", BATCH,
        f"<Request><Input><Object>a</Object></Input><Conf><Freeze><PornScore>{score}</PornScore>"
        "</Freeze></Conf></Request>",
    )  # fmt: skip
    assert b"Freeze.PornScore" in answer.body
    assert answer.status == 400


@pytest.mark.parametrize(
    "path", ["video/auditing", "audio/auditing", "text/auditing", "document/auditing"]
)
def test_jobs_freeze_too(audited, path):
    audited.put("bad/a.pdf")
    shots = "<Snapshot><Count>1</Count></Snapshot>"
    conf = f"<Conf>{shots}<Freeze><PornScore>90</PornScore></Freeze></Conf>"
    taken = audited.submit(path, f"<Input><Object>bad/a.pdf</Object></Input>{conf}")
    done = audited.finished(path, taken.findtext("JobId"))
    assert done.findtext("ForbidState") == "1"
    assert status(audited, "bad/a.pdf") == 403
