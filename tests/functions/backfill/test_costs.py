"""The dry run, and the prices that its estimate is made with."""

import json
from collections import Counter

import pytest

from tests.functions.backfill.conftest import HALF, SQUARE, small

MORE = (
    "  hidden:\n    when: {prefix: uploads/}\n    outputs:\n"
    '      a: {formats: [avif, heif, jpg], fileid: "/hidden/{stem}-{etag}.{ext}", '
    'blind_watermark: {text: abc}}\n'
    "    record: /records/hidden/{name}.json\n    tags: false\n"
)  # fmt: skip


def test_a_dry_run_counts_and_tells_what_it_would_cost(stage):
    stage.project.pipelines({"half": HALF, "square": SQUARE}, more=MORE)
    keys = [f"uploads/{number}.jpg" for number in range(4)]
    stage.put(keys)
    size = sum(len(small(number)) for number in range(4))
    before = stage.keys("")
    cursor = stage.start(dry_run=True)
    assert (cursor["state"], cursor["counts"]) == ("done", {"objects": 4, "wanted": 4})
    assert stage.sent == []
    news = set(stage.keys("")) - set(before)
    assert {key for key in news if "/claims/" not in key} == {".pipelines/backfill/all.json"}
    estimate = cursor["estimate"]
    photos, hidden = estimate["pipelines"]["photos"], estimate["pipelines"]["hidden"]
    assert (photos["objects"], photos["bytes"], photos["unpriced"]) == (4, size, [])
    assert photos["requests"] == {
        "GetObjectTagging": 4, "ImageProcess": 4, "PutObject": 12, "PutObjectTagging": 4,
    }  # fmt: skip
    assert hidden["requests"] == {"HeadObject": 4, "ImageProcess": 4, "PutObject": 12}
    assert hidden["unpriced"] == ["blind watermarks"]
    amounts = estimate["amounts"]
    # Per object: 5 and 4 requests to COS, a look at each record, 2 and 3 results that CI writes.
    assert amounts["cos_requests"] == 4 * (5 + 1 + 2 + 4 + 1 + 3)
    assert amounts["ci_gigabytes"] == pytest.approx(size * (2 + 3) / 1024**3)
    assert (amounts["ci_advanced"], amounts["scf_invocations"]) == (8, 8)
    assert amounts["scf_gigabyte_seconds"] == pytest.approx(8 * 1.5 * 0.125)
    money = estimate["money"]
    assert estimate["currency"] == "CNY"
    assert money["cos_requests"] == pytest.approx(64 / 10_000 * 0.01)
    assert money["ci_advanced"] == pytest.approx(8 / 1000 * 0.1)
    assert money["ci_gigabytes"] == 0, "the first 10 TB of a month"
    assert money["total"] == pytest.approx(sum(money.values()) - money["total"])


def test_what_it_says_of_requests_is_what_the_functions_send(stage, capsys):
    stage.project.pipelines({"half": HALF, "square": SQUARE}, more=MORE)
    stage.put(["uploads/a.jpg"])
    estimate = stage.start(dry_run=True)["estimate"]
    stage.start(name="real", settle=False)
    capsys.readouterr()
    stage.settle()
    sent = {}
    for line in capsys.readouterr().out.splitlines():
        entry = json.loads(line)
        names = (call.partition(" ")[0] for call in entry["calls"])
        # Once in the life of a process, for each bucket.
        sent[entry["pipeline"]] = Counter(each for each in names if each != "GetBucketVersioning")
    assert sent["photos"] == estimate["pipelines"]["photos"]["requests"]
    told = estimate["pipelines"]["hidden"]["requests"]
    # CI is not bound for AVIF here: the requests are the same, its answer is not.
    assert sent["hidden"]["HeadObject"] == told["HeadObject"]


def test_what_is_done_already_costs_nothing(stage):
    stage.put(["uploads/a.jpg", "uploads/b.jpg"])
    stage.start()
    estimate = stage.start(dry_run=True, name="dry")["estimate"]
    assert estimate["pipelines"]["photos"]["objects"] == 0
    assert estimate["money"]["total"] == 0
    forced = stage.start(dry_run=True, name="dry", force=True)["estimate"]
    assert forced["pipelines"]["photos"]["objects"] == 2


def test_a_batch_needs_no_invocations(stage):
    stage.put(["uploads/a.jpg"])
    cursor = stage.start(dry_run=True, mode="auto")
    assert cursor["batches"]["jobs"] == 0
    amounts = cursor["estimate"]["amounts"]
    assert (amounts["scf_invocations"], amounts["scf_gigabyte_seconds"]) == (0, 0)
    assert amounts["cos_requests"] == 3 + 1 + 1


@pytest.fixture
def costs(backfill):
    import backfill_costs

    return backfill_costs


def test_the_first_units_of_a_month_are_free(costs):
    prices = costs.load()
    assert prices.money({"ci_gigabytes": 10240.0})["total"] == 0
    assert prices.money({"ci_gigabytes": 10340.0})["total"] == pytest.approx(2.5)
    assert prices.money({"scf_invocations": 10_000})["total"] == pytest.approx(0.0133)
    assert prices.money({"scf_gigabyte_seconds": 1000})["total"] == pytest.approx(0.11108)


BAD = [
    (
        ("prices", "cos_requests", "price"),
        "cheap",
        "prices.cos_requests.price is 'cheap': a number",
    ),
    (("prices", "cos_requests", "price"), -1, "prices.cos_requests.price is -1: a number from 0"),
    (("prices", "ci_gigabytes", "per"), 0, "prices.ci_gigabytes.per is 0: a number from 1"),
    (("prices", "ci_gigabytes", "free"), None, "prices.ci_gigabytes.free is None"),
    (("prices", "ci_advanced", "source"), "", "prices.ci_advanced.source is '': text"),
    (("prices", "scf_invocations", "date"), 2026, "prices.scf_invocations.date is 2026: text"),
    (("prices", "scf_invocations"), None, "prices.scf_invocations is missing"),
    (("prices", "ci_magic"), {}, "prices.ci_magic is not known: allowed are cos_requests"),
    (("assumed", "function_seconds"), True, "assumed.function_seconds is True: a number"),
    (("currency",), 3, "currency is 3: text"),
]


@pytest.mark.parametrize(("path", "value", "said"), BAD)
def test_wrong_prices_are_named(costs, tmp_path, path, value, said):
    document = json.loads(costs.FILE.read_bytes())
    holder = document
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = value
    file = tmp_path / "prices.json"
    file.write_text(json.dumps(document))
    with pytest.raises(costs.PricesError) as caught:
        costs.load(file)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"prices.json: {said}")


def test_prices_that_cannot_be_read_stop_a_dry_run_and_nothing_else(stage, costs, tmp_path):
    file = tmp_path / "prices.json"
    file.write_text("{")
    stage.monkeypatch.setattr(costs.load, "__defaults__", (file,))
    cursor = stage.start(dry_run=True)
    assert cursor["state"] == "refused"
    assert cursor["problems"][0].startswith("prices.json cannot be read")
    assert stage.start()["state"] == "done"
