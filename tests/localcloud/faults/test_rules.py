"""The text of a fault, and what it says when it is wrong."""

import pytest

from localcloud import operation_names, routing
from localcloud.admin import parse_faults
from localcloud.faults.rules import (
    Cut,
    EventFate,
    FaultError,
    Latency,
    Refusal,
    Rule,
    WrongETag,
)


@pytest.mark.parametrize(
    ("what", "effect"),
    [
        ("error:InternalError", Refusal("InternalError", 500)),
        ("error:AccessDenied", Refusal("AccessDenied", 403)),
        ("error:Mine/418", Refusal("Mine", 418)),
        ("error:NoSuchKey/503", Refusal("NoSuchKey", 503)),
        ("slowdown", Refusal("SlowDown", 503, 1)),
        ("slowdown:30", Refusal("SlowDown", 503, 30)),
        ("latency:200ms", Latency(0.2)),
        ("latency:1.5s", Latency(1.5)),
        ("cut", Cut(None)),
        ("cut:0", Cut(0)),
        ("cut:1000", Cut(1000)),
        ("etag", WrongETag()),
        ("event-lost", EventFate(copies=0)),
        ("event-twice", EventFate(copies=2)),
        ("event-delay:2s", EventFate(delay=2.0)),
    ],
)
def test_kinds(what, effect):
    assert parse_faults([f"PutObject={what}"])[0].effect == effect


def test_options():
    text = "UploadPart=cut,percent=2.5,times=3,after=1,bucket=b-1250000000,prefix=a/b=c"
    assert parse_faults([text]) == [
        Rule(text, "UploadPart", Cut(None), 2.5, 3, 1, "b-1250000000", "a/b=c")
    ]


@pytest.mark.parametrize(
    ("name", "operation"),
    [
        ("PutObject", "PutObject"),
        ("putobject", "PutObject"),
        ("*", "*"),
        ("ListObjects", "GetBucket"),
        ("DeleteObjects", "DeleteMultipleObjects"),
        ("CreateMultipartUpload", "InitiateMultipartUpload"),
    ],
)
def test_names_of_operations(name, operation):
    assert parse_faults([f"{name}=cut"])[0].operation == operation


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("PutObject", "<operation>=<what>"),
        ("", "<operation>=<what>"),
        ("PutObjet=cut", "is PutObject meant?"),
        ("Nonsense=cut", "'Nonsense' is not played"),
        ("PutObject=", "one of error, slowdown"),
        ("PutObject=explode", "'explode'"),
        ("PutObject=error", "a code such as InternalError"),
        ("PutObject=error:Mine", "needs its status"),
        ("PutObject=error:Mine/200", "a code such as"),
        ("PutObject=error:<x>/500", "a code such as"),
        ("PutObject=slowdown:soon", "'soon'"),
        ("PutObject=latency:5", "a time such as 200ms"),
        ("PutObject=latency:-1s", "a time such as 200ms"),
        ("PutObject=latency:301s", "at most 300s"),
        ("PutObject=event-delay:2000000s", "at most 3600s"),
        ("PutObject=cut:-1", "a whole number"),
        ("PutObject=cut:" + "9" * 13, "a whole number"),
        ("PutObject=etag:x", "takes no value"),
        ("PutObject=event-lost:x", "takes no value"),
        ("PutObject=cut,percent=101", "0 to 100"),
        ("PutObject=cut,percent=nan", "0 to 100"),
        ("PutObject=cut,times=x", "times is 'x'"),
        ("PutObject=cut,times=1,times=2", "given twice"),
        ("PutObject=cut,how=often", "percent=, times="),
        ("PutObject=cut,prefix=", "percent=, times="),
        ("PutObject=cut,prefix=" + "x" * 500, "at most 500"),
    ],
)
def test_what_is_wrong_is_named(text, said):
    with pytest.raises(FaultError) as caught:
        parse_faults([text])
    assert said in str(caught.value)


def test_every_operation_has_a_name_of_its_own():
    names = [operation_names.of_row(row) for row in routing.OPERATIONS]
    assert len(set(names)) == len(names)
    assert all(name.isascii() and name.isalpha() for name in names)
