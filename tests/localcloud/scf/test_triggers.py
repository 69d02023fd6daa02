"""Which event wakes which trigger."""

import pytest

from localcloud.scf.triggers import CosTrigger

BUCKET = "examplebucket-1250000000"


@pytest.mark.parametrize(
    ("rule", "event", "woken"),
    [
        (("cos:ObjectCreated:*", "", ""), ("cos:ObjectCreated:Put", "a.jpg"), True),
        (("cos:ObjectCreated:*", "", ""), ("cos:ObjectCreated:*", "a.jpg"), True),
        (("cos:ObjectCreated:*", "", ""), ("cos:ObjectRemove:Delete", "a.jpg"), False),
        (("cos:ObjectCreated:Put", "", ""), ("cos:ObjectCreated:Put", "a.jpg"), True),
        (("cos:ObjectCreated:Put", "", ""), ("cos:ObjectCreated:Post", "a.jpg"), False),
        (("cos:ObjectRemove:*", "", ""), ("cos:ObjectRemove:Delete", "a.jpg"), True),
        (("cos:ObjectCreated:*", "uploads/", ""), ("cos:ObjectCreated:Put", "uploads/a"), True),
        (("cos:ObjectCreated:*", "uploads/", ""), ("cos:ObjectCreated:Put", "upload/a"), False),
        (("cos:ObjectCreated:*", "", ".jpg"), ("cos:ObjectCreated:Put", "a.jpg"), True),
        (("cos:ObjectCreated:*", "", ".jpg"), ("cos:ObjectCreated:Put", "a.JPG"), False),
        (("cos:ObjectCreated:*", "图/", ".jpg"), ("cos:ObjectCreated:Put", "图/猫.jpg"), True),
    ],
)
def test_matches(rule, event, woken):
    trigger = CosTrigger("t", "image", BUCKET, *rule)
    assert trigger.matches(BUCKET, *event) is woken
    assert not trigger.matches("other-1250000000", *event)


def test_a_bucket_may_be_named_without_its_appid():
    trigger = CosTrigger("t", "image", "examplebucket", "cos:ObjectCreated:*")
    assert trigger.matches(BUCKET, "cos:ObjectCreated:Put", "a")
