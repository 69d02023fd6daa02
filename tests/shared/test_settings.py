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
