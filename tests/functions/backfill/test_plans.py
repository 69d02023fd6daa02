"""Plans: each field, its value, and what is allowed; what pipelines.yml makes of them."""

import pytest

from shared.backfills import Plan, PlanError
from shared.errors import CloudError
from tests.functions.backfill.conftest import HALF

GOOD = {"name": "all", "bucket": "photos-1250000000"}


def test_a_plan_has_defaults_and_is_read_back_as_it_was():
    plan = Plan.read(GOOD)
    assert (plan.source, plan.mode, plan.rate, plan.force, plan.dry_run) == (
        "list", "invoke", 20.0, False, False
    )  # fmt: skip
    full = {
        **GOOD, "prefix": "图/", "pipelines": ["a", "b", "a"], "source": "inventory",
        "manifest": "l/manifest.json", "manifest_bucket": "lists-1250000000", "rate": 3,
        "since": "2026-01-01", "until": "2026-11-21T08:00:00+08:00", "dry_run": True,
        "mode": "auto", "force": True,
    }  # fmt: skip
    plan = Plan.read(full)
    assert (plan.pipelines, plan.since, plan.until) == (("a", "b"), 1767225600, 1795219200)
    assert Plan.read(plan.document()) == plan


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "name is '': 1 to 64 letters, digits, - and _ is expected"),
        ({"name": "../x"}, "name is '../x': 1 to 64 letters"),
        ({"name": 3}, "name is 3: 1 to 64 letters"),
        ({"bucket": "photos"}, "bucket is 'photos': name-appid is expected"),
        ({"bucket": None}, "bucket is None: name-appid is expected"),
        ({"prefix": 1}, "prefix is 1: text of at most 850 bytes"),
        ({"prefix": "x" * 851}, "text of at most 850 bytes"),
        ({"pipelines": "photos"}, "pipelines is 'photos': a list of names of pipelines.yml"),
        ({"pipelines": [1]}, "pipelines is [1]: a list of names"),
        ({"source": "csv"}, "source is 'csv': one of list, inventory"),
        ({"source": "inventory"}, "manifest is '' with the source inventory: the key of"),
        ({"manifest": "m.json"}, "manifest is 'm.json' with the source list"),
        ({"manifest_bucket": "X"}, "manifest_bucket is 'X': name-appid"),
        ({"since": "yesterday"}, "since is 'yesterday': a time such as 2026-11-21"),
        ({"until": -5}, "until is -5: a time such as"),
        ({"until": 10**12}, "until is 1000000000000: a time such as"),
        ({"since": 20, "until": 10}, "since is 20, behind until, 10"),
        ({"rate": 0}, "rate is 0: a number from 0.1 to 500"),
        ({"rate": True}, "rate is True: a number"),
        ({"rate": float("nan")}, "rate is nan: a number"),
        ({"dry_run": "yes"}, "dry_run is 'yes': true or false"),
        ({"mode": "fast"}, "mode is 'fast': one of invoke, batch, auto"),
        ({"force": 1}, "force is 1: true or false"),
        ({"speed": 1}, "'speed' is no field of a plan: allowed are name, bucket, prefix"),
    ],
)
def test_what_is_wrong_is_named(stage, changes, said):
    with pytest.raises(PlanError) as caught:
        Plan.read({**GOOD, **changes})
    [problem] = caught.value.problems
    assert said in problem
    told = stage.run("backfill", {**GOOD, **changes})
    assert (told["state"], told["problems"]) == ("refused", [problem])
    assert stage.sent == []


def test_all_problems_are_told_at_once_and_what_is_no_object_is_refused():
    with pytest.raises(PlanError) as caught:
        Plan.read({"rate": -1, "mode": "x"})
    assert len(caught.value.problems) == 4
    with pytest.raises(PlanError, match="the plan is a list: an object is expected"):
        Plan.read([])


@pytest.mark.parametrize("hop", [0, -1, "1", True, None])
def test_a_hop_needs_its_number(stage, hop):
    told = stage.run("backfill", {**GOOD, "hop": hop})
    assert told["problems"] == [f"hop is {hop!r}: the number of a hop is expected"]


def test_a_hop_of_nothing_is_skipped(stage):
    told = stage.run("backfill", {"name": "none", "bucket": stage.bucket, "hop": 7})
    assert (told["state"], told["reason"]) == ("skipped", "there is nothing to go on with")


def test_a_pipeline_that_is_not_there_is_refused(stage):
    cursor = stage.start(pipelines=["photos", "ghosts"])
    assert cursor["state"] == "refused"
    assert cursor["problems"] == ["pipelines names 'ghosts', which pipelines.yml has not"]
    assert stage.start()["state"] == "done", "a better plan takes the name"


def test_what_only_the_event_tells_cannot_be_repeated(stage):
    stage.project.pipelines({"half": HALF + ', blind_watermark: {text: "{source_ip}"}'})
    cursor = stage.start()
    assert cursor["state"] == "refused"
    assert "photos hides {source_ip} in its output half" in cursor["problems"][0]


def test_a_cursor_that_is_none_is_named(stage):
    key = ".pipelines/backfill/all.json"
    stage.client.put_object(Bucket=stage.bucket, Key=key, Body=b"[]")
    with pytest.raises(CloudError, match=f"{key} is no cursor of a backfill"):
        stage.cursor()
    with pytest.raises(CloudError, match=r"the name is '\.\./x'"):
        stage.place("../x")
