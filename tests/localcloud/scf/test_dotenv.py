"""The variables of a file .env beside serverless.yml."""

import pytest

from localcloud.scf import dotenv, serverless
from shared.errors import ConfigError
from tests.localcloud.scf.conftest import HEAD

FILE = HEAD + "  functions:\n    f: {src: ./f, handler: index.main_handler, environments: "


def test_it_says_what_the_environment_does_not(tmp_path, monkeypatch):
    monkeypatch.setenv("FROM_BOTH", "environment")
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "index.py").write_text("")
    (tmp_path / "serverless.yml").write_text(
        FILE + "[{key: A, value: '${env:FROM_FILE}'}, {key: B, value: '${env:FROM_BOTH}'}]}\n"
    )
    (tmp_path / ".env").write_text("FROM_FILE=file\nFROM_BOTH=file\n")
    found = serverless.load(tmp_path).functions["f"].environment
    assert dict(found) == {"A": "file", "B": "environment"}


def test_its_lines(tmp_path):
    (tmp_path / ".env").write_text(
        "# a comment\n\nA=1\n export B = two words \nC='quoted # no comment'\nD=\"x=y\"\nE=\n"
    )
    assert dotenv.read(tmp_path) == {
        "A": "1", "B": "two words", "C": "quoted # no comment", "D": "x=y", "E": "",
    }  # fmt: skip
    (tmp_path / ".env").unlink()
    assert dotenv.read(tmp_path) == {}


@pytest.mark.parametrize(
    ("text", "line"), [(b"A=1\nsecret words", 2), (b"1A=x", 1), (b"\xff=", 1), (b"A" * 70_000, 1)]
)
def test_a_line_that_is_none_is_named_and_not_shown(tmp_path, text, line):
    (tmp_path / ".env").write_bytes(text)
    with pytest.raises(ConfigError) as found:
        dotenv.read(tmp_path)
    assert str(found.value).startswith(f".env:{line}: ")
    assert "secret" not in str(found.value)
