"""Each operation has a name in the policy language; none can be forgotten."""

from localcloud import routing
from localcloud.identity.actions import ACTIONS, BUCKET_PERMISSIONS, OBJECT_PERMISSIONS


def test_every_operation_has_an_action():
    assert [row for row in routing.OPERATIONS if row not in ACTIONS] == []


def test_names_are_of_their_form():
    for action in ACTIONS.values():
        service, _, operation = action.partition(":")
        assert service in ("cos", "ci")
        assert operation[0].isupper()
        assert operation.isalnum()


def test_an_acl_opens_only_actions_that_exist():
    assert {*BUCKET_PERMISSIONS, *OBJECT_PERMISSIONS} <= set(ACTIONS.values())
    assert not set(BUCKET_PERMISSIONS) & set(OBJECT_PERMISSIONS)
