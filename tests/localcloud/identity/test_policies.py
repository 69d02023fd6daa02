"""The policy language as a table: what a statement says about an access, and what is no policy."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.identity import globs
from localcloud.identity.policies import Access, PolicyError, parse

OBJECT = ("qcs", "", "cos", "ap-beijing", "uid/1250000000", "b-1250000000/doc/a.txt")
BUCKET = "qcs::cos:ap-beijing:uid/1250000000:b-1250000000"
ME = "qcs::cam::uin/100000000001:uin/100000000011"


def decide(statements, *, action="cos:PutObject", resource=OBJECT, principals=(), values=None):
    policy = parse(
        json.dumps({"version": "2.0", "statement": statements}), principals=bool(principals)
    )
    lookup = (values or {}).get
    access = Access(action, (resource,), frozenset(principals), lambda key: lookup(key, ()))
    return policy.decide(access)


def one(effect="allow", action="*", resource="*", **more):
    return {"effect": effect, "action": action, "resource": resource, **more}


@pytest.mark.parametrize(
    ("action", "asked", "expected"),
    [
        ("*", "cos:PutObject", True),
        ("name/cos:*", "cos:PutObject", True),
        ("cos:*", "cos:PutObject", True),
        ("name/cos:PutObject", "cos:PutObject", True),
        ("cos:PutObject", "cos:PutObject", True),
        (["cos:GetObject", "cos:PutObject"], "cos:PutObject", True),
        ("cos:Put*", "cos:PutObjectACL", True),
        ("cos:*Object", "cos:PutObject", True),
        ("cos:*Object", "cos:PutObjectACL", None),
        ("cos:putobject", "cos:PutObject", None),  # case counts
        ("cos:GetObject", "cos:PutObject", None),
        ("cos:PutObject", "cos:PutObjectACL", None),
        ("ci:*", "cos:PutObject", None),
        ("name/ci:*", "ci:CreateImageProcess", True),
        ("cos:*", "ci:CreateImageProcess", None),
    ],
)
def test_actions(action, asked, expected):
    assert decide([one(action=action)], action=asked) is expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ("*", True),
        (f"{BUCKET}/*", True),
        (f"{BUCKET}/doc/*", True),
        (f"{BUCKET}/doc/a.txt", True),
        (f"{BUCKET}/*/a.txt", True),
        (f"{BUCKET}/doc*", True),
        (f"{BUCKET}/doc2/*", None),
        (f"{BUCKET}/doc", None),
        (f"{BUCKET}/doc/a", None),
        (BUCKET, None),
        ("qcs::cos:ap-beijing:uid/1250000000:*", True),
        ("qcs::cos:ap-beijing:uid/1250000000:b2-1250000000/*", None),
        ("qcs::cos:ap-shanghai:uid/1250000000:b-1250000000/*", None),
        ("qcs::cos::uid/1250000000:b-1250000000/*", True),
        ("qcs::cos:*:uid/1250000000:b-1250000000/*", True),
        ("qcs::cos:ap-*:uid/*:b-1250000000/*", True),
        ("qcs::cos:ap-beijing:uid/1250000001:b-1250000000/*", None),
        ("qcs::cos:ap-beijing::b-1250000000/*", True),
        ("qcs::ci:ap-beijing:uid/1250000000:b-1250000000/*", None),
        (["qcs::ci:::x", f"{BUCKET}/doc/*"], True),
    ],
)
def test_resources(resource, expected):
    assert decide([one(resource=resource)]) is expected


def test_a_key_with_colons_is_one_segment():
    resource = (*OBJECT[:5], "b-1250000000/a:b:c")
    assert decide([one(resource=f"{BUCKET}/a:b:*")], resource=resource) is True


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([one()], True),
        ([one("deny")], False),
        ([one(), one("deny")], False),
        ([one("deny"), one()], False),
        ([one(), one("deny", action="cos:DeleteObject")], True),
        ([one(action="cos:GetObject"), one()], True),
        ([one(action="cos:GetObject")], None),
        ([one("Allow")], True),
        ([{"Effect": "allow", "Action": "*", "Resource": "*"}], True),
    ],
)
def test_effects(statements, expected):
    assert decide(statements) is expected


@pytest.mark.parametrize(
    ("principal", "expected"),
    [
        ("*", True),
        ({"qcs": ["*"]}, True),
        ({"qcs": ["qcs::cam::anyone:anyone"]}, True),
        ({"qcs": ["qcs::cam::uin/100000000001:uin/100000000011"]}, True),
        ({"qcs": "qcs::cam::uin/100000000001:uin/100000000011"}, True),
        ({"qcs": ["qcs::cam::uin/100000000001:uin/100000000012"]}, None),
        ({"qcs": ["qcs::cam::uin/100000000001:uin/100000000001"]}, None),
        ({"qcs": ["qcs::cam::uin/100000000001:root"]}, None),
        ({"qcs": ["qcs::cam::uin/100000000001:uin/*"]}, True),
        ({"qcs": ["qcs::cam::uin/200000000001:uin/*"]}, None),
    ],
)
def test_principals(principal, expected):
    assert decide([one(principal=principal)], principals=(ME,)) is expected


@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ({"string_equal": {"cos:prefix": "a"}}, {"cos:prefix": ("a",)}, True),
        ({"string_equal": {"cos:prefix": "a"}}, {"cos:prefix": ("A",)}, None),
        ({"string_equal": {"cos:prefix": ["a", "b"]}}, {"cos:prefix": ("b",)}, True),
        ({"string_equal": {"cos:prefix": "a"}}, {}, None),
        ({"string_equal_if_exist": {"cos:prefix": "a"}}, {}, True),
        ({"string_equal_if_exist": {"cos:prefix": "a"}}, {"cos:prefix": ("b",)}, None),
        (
            {"string_not_equal": {"cos:x-cos-acl": "private"}},
            {"cos:x-cos-acl": ("public-read",)},
            True,
        ),
        (
            {"string_not_equal": {"cos:x-cos-acl": ["private", "default"]}},
            {"cos:x-cos-acl": ("default",)},
            None,
        ),
        ({"string_not_equal": {"cos:x-cos-acl": "private"}}, {}, None),
        ({"string_not_equal_if_exist": {"cos:x-cos-acl": "private"}}, {}, True),
        (
            {"string_equal_ignore_case": {"cos:content-type": "IMAGE/PNG"}},
            {"cos:content-type": ("image/png",)},
            True,
        ),
        (
            {"string_not_equal_ignore_case": {"cos:content-type": "IMAGE/PNG"}},
            {"cos:content-type": ("image/png",)},
            None,
        ),
        (
            {"string_like": {"cos:content-type": "image/*"}},
            {"cos:content-type": ("image/png",)},
            True,
        ),
        (
            {"string_like": {"cos:content-type": "image/*"}},
            {"cos:content-type": ("text/png",)},
            None,
        ),
        (
            {"string_not_like": {"cos:content-type": "image/*"}},
            {"cos:content-type": ("text/x",)},
            True,
        ),
        ({"numeric_equal": {"cos:max-keys": 100}}, {"cos:max-keys": ("100",)}, True),
        ({"numeric_equal": {"cos:max-keys": "100"}}, {"cos:max-keys": ("100.0",)}, True),
        ({"numeric_not_equal": {"cos:max-keys": 100}}, {"cos:max-keys": ("99",)}, True),
        ({"numeric_less_than": {"cos:content-length": 10}}, {"cos:content-length": ("9",)}, True),
        ({"numeric_less_than": {"cos:content-length": 10}}, {"cos:content-length": ("10",)}, None),
        (
            {"numeric_less_than_equal": {"cos:content-length": 10}},
            {"cos:content-length": ("10",)},
            True,
        ),
        ({"numeric_greater_than": {"cos:max-keys": 10}}, {"cos:max-keys": ("9",)}, None),
        ({"numeric_greater_than_equal": {"cos:max-keys": 10}}, {"cos:max-keys": ("10",)}, True),
        ({"numeric_equal": {"cos:max-keys": 10}}, {"cos:max-keys": ("ten",)}, None),
        (
            {"bool_equal": {"cos:secure-transport": "false"}},
            {"cos:secure-transport": ("false",)},
            True,
        ),
        (
            {"bool_equal": {"cos:secure-transport": True}},
            {"cos:secure-transport": ("false",)},
            None,
        ),
        ({"ip_equal": {"qcs:ip": "10.0.0.0/8"}}, {"qcs:ip": ("10.1.2.3",)}, True),
        ({"ip_equal": {"qcs:ip": "10.217.182.3/24"}}, {"qcs:ip": ("10.217.182.9",)}, True),
        ({"ip_equal": {"qcs:ip": ["1.2.3.4", "fd00::/8"]}}, {"qcs:ip": ("fd00::1",)}, True),
        ({"ip_equal": {"qcs:ip": "10.0.0.0/8"}}, {"qcs:ip": ("11.1.2.3",)}, None),
        ({"ip_not_equal": {"qcs:ip": "10.0.0.0/8"}}, {"qcs:ip": ("11.1.2.3",)}, True),
        (
            {"ip_not_equal": {"qcs:ip": ["11.0.0.0/8", "10.0.0.0/8"]}},
            {"qcs:ip": ("11.1.2.3",)},
            None,
        ),
        (
            {"date_less_than": {"qcs:current_time": "2027-01-01T00:00:00Z"}},
            {"qcs:current_time": ("2026-11-21T00:00:00+00:00",)},
            True,
        ),
        (
            {"date_greater_than": {"qcs:current_time": "2027-01-01T00:00:00Z"}},
            {"qcs:current_time": ("2026-11-21T00:00:00Z",)},
            None,
        ),
        ({"null_equal": {"cos:x-cos-acl": True}}, {}, True),
        ({"null_equal": {"cos:x-cos-acl": "true"}}, {"cos:x-cos-acl": ("private",)}, None),
        ({"null_equal": {"cos:x-cos-acl": False}}, {"cos:x-cos-acl": ("private",)}, True),
        ({"for_any_value:string_equal": {"k": ["a"]}}, {"k": ("a", "b")}, True),
        ({"for_all_value:string_equal": {"k": ["a"]}}, {"k": ("a", "b")}, None),
        ({"for_all_value:string_equal": {"k": ["a", "b"]}}, {"k": ("a", "b")}, True),
        ({"string_equal": {"a": "1", "b": "2"}}, {"a": ("1",), "b": ("2",)}, True),
        ({"string_equal": {"a": "1", "b": "2"}}, {"a": ("1",), "b": ("3",)}, None),
        (
            {"string_equal": {"a": "1"}, "ip_equal": {"qcs:ip": "10.0.0.1"}},
            {"a": ("1",), "qcs:ip": ("10.0.0.2",)},
            None,
        ),
    ],
)
def test_conditions(condition, values, expected):
    assert decide([one(condition=condition)], values=values) is expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("[]", "must be an object"),
        ("{}", "statement must be a list"),
        ('{"statement": []}', "1 to"),
        ('{"version": "3.0", "statement": [{}]}', "version is '3.0'"),
        ("[" * 20_000, "nested too deeply"),
        ('{"a":' * 20_000, "nested too deeply"),
        ('{"statement": [{"effect": "allow", "effect": "deny"}]}', "stands twice"),
        (json.dumps({"statement": [one("permit")]}), "effect is 'permit'"),
        (json.dumps({"statement": [one(action="PutObject")]}), "action is 'PutObject'"),
        (json.dumps({"statement": [one(action=[])]}), "action must be"),
        (json.dumps({"statement": [one(action=[1])]}), "action must be"),
        (json.dumps({"statement": [one(resource="b/*")]}), "resource is 'b/*'"),
        (json.dumps({"statement": [one(resource="qcs::cos:x")]}), "resource is"),
        (json.dumps({"statement": [one(notAction="*")]}), "has the element 'notAction'"),
        (json.dumps({"statement": [one(principal="*")]}), "principal is not allowed"),
        (json.dumps({"statement": [one()] * 201}), "1 to 200"),
        (
            json.dumps({"statement": [one(condition={"regex": {"a": "(a+)+"}})]}),
            "'regex' is unknown",
        ),
        (
            json.dumps({"statement": [one(condition={"ip_equal": {"qcs:ip": "300.1.1.1"}})]}),
            "300.1.1.1",
        ),
        (json.dumps({"statement": [one(condition={"numeric_equal": {"a": "ten"}})]}), "ten"),
        (
            '{"statement": [{"effect":"allow","action":"*","resource":"*","condition":'
            '{"numeric_equal":{"a":Infinity}}}]}',
            "finite",
        ),
        (json.dumps({"statement": [one(condition={"string_equal": {"a": []}})]}), "has no value"),
        (json.dumps({"statement": [one(condition={"date_equal": {"a": "soon"}})]}), "soon"),
        (
            json.dumps({"statement": [one(condition={"bool_equal": {"a": "maybe"}})]}),
            "true or false",
        ),
    ],
)
def test_what_is_no_policy(text, reason):
    with pytest.raises(PolicyError) as caught:
        parse(text, principals=False)
    assert reason in str(caught.value)
    assert len(str(caught.value)) < 500


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=8) | st.just("*"),
        lambda inner: st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["version", "statement", "effect", "action", "resource", "condition", "principal",
                 "qcs", "string_equal", "ip_equal", "date_equal", "numeric_equal", "null_equal"]
            ),
            inner,
            max_size=5,
        ),
        max_leaves=20,
    )
)  # fmt: skip
def test_whatever_is_sent_is_a_policy_or_refused(document):
    with contextlib.suppress(PolicyError):
        parse(json.dumps({"statement": document}), principals=False)


@pytest.mark.parametrize("principal", [None, {}, {"qcs": []}, {"aws": "*"}, "somebody", 5])
def test_a_bucket_policy_names_who(principal):
    statement = one() if principal is None else one(principal=principal)
    with pytest.raises(PolicyError, match="principal"):
        parse(json.dumps({"statement": [statement]}), principals=True)


def test_one_principal_for_all_statements():
    text = json.dumps({"principal": {"qcs": [ME]}, "statement": [one()]})
    assert parse(text, principals=True).statements[0].principals == {ME}


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True), ("", "a", False), ("*", "", True), ("a*", "a", True), ("*a", "ba", True),
        ("a*a", "a", False), ("a*a", "aa", True), ("*b*", "abc", True), ("a*b*c", "a-b-c", True),
        ("a*b*c", "a-c-b", False), ("a**c", "abc", True), ("(a+)+$", "aaaa", False),
        ("[a-z]", "b", False), ("a.c", "abc", False), ("a?c", "abc", False), ("*ab", "aab", True),
    ],
)  # fmt: skip
def test_patterns_know_the_star_only(pattern, text, expected):
    assert globs.matches(pattern, text) is expected


@pytest.mark.timeout(20)
def test_a_hostile_pattern_ends():
    """A matcher that goes back would not end before the sun does."""
    assert not globs.matches("*a" * 10_000 + "b", "a" * 5_000)
    assert globs.matches("*a" * 5_000, "a" * 5_000)
