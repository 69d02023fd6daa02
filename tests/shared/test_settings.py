"""The environment, read once and reported whole."""

import pytest

from shared.settings import DEFAULT_PIPELINES, Settings, SettingsError

KEYS = {"COS_SECRET_ID": "AKIDx", "COS_SECRET_KEY": "key-x"}


def test_the_role_of_scf_comes_first():
    settings = Settings.load(
        {
            **KEYS,
            "TENCENTCLOUD_SECRETID": "AKIDrole",
            "TENCENTCLOUD_SECRETKEY": "role-key",
            "TENCENTCLOUD_SESSIONTOKEN": "role-token",
            "TENCENTCLOUD_REGION": "ap-shanghai",
            "COS_REGION": "ap-beijing",
        }
    )
    assert settings.credentials.secret_id == "AKIDrole"
    assert settings.credentials.token == "role-token"
    assert settings.region == "ap-shanghai"


def test_defaults():
    settings = Settings.load(KEYS)
    assert (settings.scheme, settings.timeout, settings.attempts) == ("https", 30.0, 3)
    assert settings.pipelines == DEFAULT_PIPELINES
    assert settings.credentials.token == ""


def test_all_problems_at_once_each_naming_its_variable():
    with pytest.raises(SettingsError) as caught:
        Settings.load(
            {"COS_SCHEME": "ftp", "COS_REGION": "../x", "COS_TIMEOUT": "soon", "COS_ATTEMPTS": "99"}
        )
    named = ("COS_SECRET_ID", "COS_REGION", "COS_SCHEME", "COS_TIMEOUT", "COS_ATTEMPTS")
    assert len(caught.value.problems) == len(named)
    for problem, name in zip(caught.value.problems, named, strict=True):
        assert name in problem


@pytest.mark.parametrize(("given", "missing"), [("COS_SECRET_ID", "COS_SECRET_KEY"),
                                                ("COS_SECRET_KEY", "COS_SECRET_ID")])  # fmt: skip
def test_half_a_pair_of_credentials(given, missing):
    with pytest.raises(SettingsError, match=f"{missing} is not set"):
        Settings.load({given: "x"})


def test_secrets_stay_out_of_reprs():
    settings = Settings.load({**KEYS, "COS_TOKEN": "token-x"})
    assert "key-x" not in repr(settings)
    assert "token-x" not in repr(settings)


def test_where_the_state_is_and_how_fast_ci_may_be_called():
    settings = Settings.load(
        {**KEYS, "STATE_PREFIX": "ops/state.d/", "STATE_BUCKET": "state-1250000000",
         "SCF_RETRIES": "0", "CI_RATE": "50", "CI_INSTANCES": "7"}
    )  # fmt: skip
    assert (settings.state_prefix, settings.state_bucket) == ("ops/state.d/", "state-1250000000")
    assert (settings.retries, settings.ci_rate, settings.ci_instances) == (0, 50.0, 7)
    assert Settings.load(KEYS).state_prefix == ".pipelines/"


@pytest.mark.parametrize(
    ("name", "value"),
    [("STATE_PREFIX", "/a/"), ("STATE_PREFIX", "a"), ("STATE_PREFIX", "a/../"),
     ("STATE_PREFIX", "a//"), ("STATE_PREFIX", "a" * 100 + "/"), ("STATE_PREFIX", "图/"),
     ("STATE_BUCKET", "noappid"), ("STATE_BUCKET", "A-1"), ("SCF_RETRIES", "-1"),
     ("CI_RATE", "0"), ("CI_RATE", "nan"), ("CI_INSTANCES", "0")],
)  # fmt: skip
def test_bad_values_name_their_variable(name, value):
    with pytest.raises(SettingsError, match=name):
        Settings.load({**KEYS, name: value})


TOKEN, OLDER = "a-token_" * 4, "b-token_" * 4


def test_where_callbacks_go_and_which_tokens_let_them_in():
    given = {"CALLBACK_URL": "https://h.example/stage/", "CALLBACK_TOKEN": f"{TOKEN}, {OLDER},"}
    settings = Settings.load({**KEYS, **given})
    assert settings.callback == f"https://h.example/stage/{TOKEN}"
    assert settings.callback_tokens == (TOKEN, OLDER)
    assert TOKEN not in repr(settings)
    assert Settings.load({**KEYS, "CALLBACK_TOKEN": TOKEN}).callback == ""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"CALLBACK_TOKEN": "short-secret"}, "CALLBACK_TOKEN has 12 characters"),
        ({"CALLBACK_TOKEN": f"{TOKEN},short-secret"}, "CALLBACK_TOKEN has 12 characters"),
        ({"CALLBACK_TOKEN": "s/ecret" * 6}, "CALLBACK_TOKEN has 42 characters"),
        ({"CALLBACK_TOKEN": ",".join([TOKEN] * 6)}, "CALLBACK_TOKEN holds 6 secrets"),
        ({"CALLBACK_URL": "https://h.example"}, "CALLBACK_TOKEN is not set"),
        ({"CALLBACK_URL": "h.example", "CALLBACK_TOKEN": TOKEN}, "CALLBACK_URL"),
        ({"CALLBACK_RATE": "0"}, "CALLBACK_RATE"),
    ],
)
def test_callbacks_that_could_not_work_are_said_without_their_secrets(given, said):
    with pytest.raises(SettingsError) as refusal:
        Settings.load({**KEYS, **given})
    assert said in str(refusal.value)
    assert not any(secret in str(refusal.value) for secret in (TOKEN, "secret-", "s/ecret"))
