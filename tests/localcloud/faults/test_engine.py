"""Who is struck: the same ones again for the same seed, whatever happens beside them."""

import pytest

from localcloud.admin import parse_faults
from localcloud.faults.engine import MAX_RULES, Faults
from localcloud.faults.rules import FaultError, Latency, Refusal

HALF = "{}=error:InternalError,percent=50"


def made(*texts, seed=0):
    faults = Faults()
    faults.replace(parse_faults(list(texts)), seed)
    return faults


def pattern(faults, operation="PutObject", *, turns=64, between=()):
    struck = []
    for _ in range(turns):
        struck.append(bool(faults.of_request(operation, "b-1", "k")))
        for other in between:
            faults.of_request(other, "b-1", "k")
    return struck


@pytest.mark.parametrize("name", ["PutObject", "*"])
def test_a_run_can_be_repeated_whatever_goes_on_beside_it(name):
    alone = pattern(made(HALF.format(name)))
    assert alone == pattern(made(HALF.format(name)), between=["GetObject", "HeadObject"])
    assert 16 < sum(alone) < 48


def test_another_seed_is_another_run():
    assert pattern(made(HALF.format("*"))) != pattern(made(HALF.format("*"), seed=1))


def test_operations_and_rules_decide_on_their_own():
    assert pattern(made(HALF.format("*"))) != pattern(made(HALF.format("*")), "GetObject")
    both = made("PutObject=cut,percent=50", "PutObject=latency:1s,percent=50")
    effects = {len(both.of_request("PutObject", "b-1", "k")) for _ in range(64)}
    assert effects == {0, 1, 2}


@pytest.mark.parametrize(("percent", "struck"), [("0", 0), ("100", 1000), ("10", 100)])
def test_the_share(percent, struck):
    faults = made(f"*=cut,percent={percent}")
    assert abs(sum(pattern(faults, turns=1000)) - struck) <= (30 if 0 < struck < 1000 else 0)


def test_some_first_then_so_many():
    assert pattern(made("*=cut,after=2,times=3"), turns=7) == [False] * 2 + [True] * 3 + [False] * 2


def test_counts_are_kept_for_each_operation():
    faults = made("*=cut,times=1")
    assert pattern(faults, "PutObject", turns=2) == [True, False]
    assert pattern(faults, "GetObject", turns=2) == [True, False]
    report = faults.report()["faults"][0]
    assert report["seen"] == {"PutObject": 2, "GetObject": 2}
    assert report["struck"] == {"PutObject": 1, "GetObject": 1}


def test_a_rule_for_a_bucket_and_a_prefix_sees_no_others():
    faults = made("PutObject=cut,bucket=b-1,prefix=a/,times=1")
    for place in (("b-2", "a/k"), ("b-1", "k")):
        assert faults.of_request("PutObject", *place) == []
    assert faults.of_request("GetObject", "b-1", "a/k") == []
    assert faults.of_request("PutObject", "b-1", "a/k")


def test_nothing_follows_a_refusal():
    faults = made("*=latency:1s", "*=slowdown,times=1", "*=error:InternalError")
    assert faults.of_request("PutObject", "b", "k") == [Latency(1), Refusal("SlowDown", 503, 1)]
    assert faults.of_request("PutObject", "b", "k")[1] == Refusal("InternalError", 500)
    assert faults.report()["faults"][2]["seen"] == {"PutObject": 1}


def test_rules_are_bounded_and_too_many_change_nothing():
    faults = made("*=cut")
    with pytest.raises(FaultError, match="at most"):
        faults.replace(parse_faults(["*=cut"] * (MAX_RULES + 1)), 5)
    with pytest.raises(FaultError, match="at most"):
        faults.add(parse_faults(["*=cut"] * MAX_RULES))
    assert (len(faults.report()["faults"]), faults.seed) == (1, 0)
