"""The file of further users: what it says, and what is wrong with it."""

import json
import subprocess
import sys

import pytest

from localcloud.identity import users
from shared.errors import ConfigError

OWN = "100000000001"
KEY = {"secret_id": "AKIDx", "secret_key": "y"}


def load(tmp_path, document):
    file = tmp_path / "users.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    return users.load(file, OWN)


def test_a_user_without_a_policy_may_do_nothing_and_an_account_everything(tmp_path):
    sub, other = load(
        tmp_path,
        [{**KEY, "uin": "7"}, {**KEY, "secret_id": "z", "account": "8", "appid": "1260000000"}],
    )
    assert (sub.caller.account, sub.caller.uin) == (OWN, "7")
    assert sub.caller.policy.statements == ()
    assert (other.caller.account, other.caller.uin, other.caller.policy) == ("8", "8", None)
    assert "'y'" not in repr(sub)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ({}, "must be a list"),
        ([5], "[0]: allowed are"),
        ([{**KEY, "name": "x"}], "[0]: allowed are"),
        ([{"secret_id": "x"}], "[0].secret_key"),
        ([{**KEY, "secret_key": ""}], "[0].secret_key"),
        ([{**KEY, "uin": "me"}], "[0].uin is 'me'"),
        ([{**KEY, "account": "8"}], "appid and account"),
        ([{**KEY, "appid": "1260000000"}], "appid and account"),
        ([{**KEY, "policy": {}}], "[0].policy: statement"),
        ([KEY, KEY], "stands twice"),
    ],
)
def test_what_is_wrong(tmp_path, document, reason):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, document)
    assert reason in str(caught.value)


def test_serve_says_what_is_wrong(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "serve", "--users", str(tmp_path / "none.json")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "--users" in done.stderr
    assert "Traceback" not in done.stderr
