"""The policy file: what it decides, and what is wrong with one, with its line."""

import pytest

from localcloud.ci.audit.policy import Facts
from localcloud.ci.audit.policy_file import load
from shared.errors import ConfigError

FACTS = Facts("image", "b-1", "photos/a.jpg", "", "0" * 32, {"audit": "block"}, lambda: "1" * 64)


@pytest.fixture
def policy(tmp_path):
    def write(text):
        path = tmp_path / "audit.yml"
        path.write_text(text)
        return load(path)

    return write


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ("key: 'photos/*'", True),
        ("key: ['x', '*.jpg']", True),
        ("key: '*.png'", False),
        ("bucket: b-1", True),
        ("bucket: b-2", False),
        ("kinds: [text, image]", True),
        ("kinds: [text]", False),
        ("tags: {audit: block}", True),
        ("tags: {audit: block, more: x}", False),
        (f"etag: '{'0' * 32}'", True),
        (f"sha256: '{'1' * 64}'", True),
        (f"sha256: '{'2' * 64}'", False),
        ("url: '*'", False),
        ("key: '*.jpg', tags: {audit: pass}", False),
        ("", True),
    ],
)
def test_a_rule_fits_when_all_its_conditions_do(policy, conditions, fits):
    comma = ", " if conditions else ""
    found = policy(f"rules: [{{{conditions}{comma}verdict: block}}]").rule(FACTS)
    assert (found is not None) == fits


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        ("block", (1, 99)),
        ("review", (2, 75)),
        ("pass", (0, 0)),
        ("{Porn: block}", (1, 99)),
        ("{'*': review, Porn: pass}", (0, 0)),
        ("{'*': review}", (2, 75)),
        ("{Porn: {score: 60}}", (0, 60)),
        ("{Porn: {score: 61}}", (2, 61)),
        ("{Porn: {score: 91}}", (1, 91)),
        ("{Porn: {result: review, score: 99}}", (2, 99)),
    ],
)
def test_verdicts(policy, verdict, expected):
    found = policy(f"rules: [verdict: {verdict}]").rules[0].finding("Porn")
    assert (found.scene, found.result, found.score) == ("Porn", *expected)
    assert found.engine == "policy"
    assert found.reason == "decided by audit.yml:1"


def test_a_scene_that_a_rule_does_not_name_is_left_to_others(policy):
    rule = policy("rules:\n  - verdict: {Porn: block}").rules[0]
    assert rule.finding("Ads") is None
    assert rule.finding("Virus") is None


def test_the_first_rule_that_fits_decides(policy):
    found = policy("rules:\n  - {key: x, verdict: pass}\n  - verdict: review\n  - verdict: block\n")
    assert found.rule(FACTS).finding("Ads").result == 2


def test_strategies(policy, tmp_path):
    (tmp_path / "words.txt").write_text("[Porn Sexual 95]\nword\n")
    found = policy(
        "biz_types:\n  a: {scenes: [Porn], lexicons: [words.txt], preset: false}\n  b: {}\n"
        "default: {scenes: [Ads]}\n"
    )
    assert found.strategy("a").scenes == ("Porn",)
    assert found.strategy("a").lexicons == (tmp_path / "words.txt",)
    assert not found.strategy("a").preset
    assert found.strategy("b").scenes is None
    assert found.strategy("").scenes == ("Ads",)
    assert found.strategy("c") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rules: [{verdict: maybe}]", "1: rules[0].verdict is 'maybe'"),
        ("rules:\n  - key: a", "2: rules[0] needs either verdict or fail"),
        ("rules:\n  - {verdict: pass, fail: -65007}", "2: rules[0] needs either verdict or fail"),
        ("rules: [{fail: 7}]", "rules[0].fail is '7'"),
        ("rules: [{verdict: {Cats: pass}}]", "rules[0].verdict.Cats is unknown"),
        ("rules: [{verdict: {Porn: {score: 101}}}]", "score is '101'"),
        ("rules: [{verdict: {Porn: {label: x}}}]", "needs result or score"),
        ("rules: [{kinds: [film], verdict: pass}]", "is 'film'"),
        ("rules: [{sha256: abc, verdict: pass}]", "sha256"),
        ("rules: [{colour: red, verdict: pass}]", "rules[0].colour is unknown"),
        ("engines: some", "engines is 'some': local or none"),
        ("seconds: {auditing: 3601}", "seconds.auditing is '3601'"),
        ("biz_types: {a: {scenes: [Cats]}}", "biz_types.a.scenes"),
        ("biz_types: {a: {lexicons: [gone.txt]}}", "biz_types.a.lexicons"),
        ("biz_types:\n  a:\n    lexicons: [broken.txt]", "audit.yml:3: biz_types.a.lexicons[0]"),
        ("other: 1", "other is unknown"),
        ("rules: [", "not YAML"),
        ("", "the file is empty"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(policy, tmp_path, text, said):
    (tmp_path / "broken.txt").write_text("a term before any head\n")
    with pytest.raises(ConfigError) as caught:
        policy(text)
    assert said in str(caught.value)
    assert "audit.yml:" in str(caught.value)


def test_every_problem_is_told_at_once(policy):
    with pytest.raises(ConfigError) as caught:
        policy("engines: some\nrules:\n  - verdict: maybe\n  - fail: x\n")
    for place in ("audit.yml:1", "audit.yml:3", "audit.yml:4"):
        assert place in str(caught.value)
