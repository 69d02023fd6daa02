"""`localcloud process`: a rule on a file, from the command line."""

import json
import subprocess
import sys

import pytest
from PIL import Image

from localcloud.cli import main
from tests.localcloud.imaging.pictures import opened, photo


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(photo(200, 100))
    return path


def test_a_rule_is_applied(source, tmp_path, capsys):
    target = tmp_path / "new folder" / "small.webp"
    rule = "imageMogr2/thumbnail/!50p/format/webp"
    assert main(["process", rule, str(source), str(target)]) == 0
    image = opened(target.read_bytes())
    assert (image.format, image.size) == ("WEBP", (100, 50))
    assert capsys.readouterr().out == f"{target}: webp 100x50, {target.stat().st_size} bytes\n"


def test_an_information_rule_prints_its_json(source, capsys):
    assert main(["process", "imageInfo", str(source)]) == 0
    assert json.loads(capsys.readouterr().out)["width"] == "200"


def test_an_information_rule_can_go_to_a_file(source, tmp_path):
    target = tmp_path / "info.json"
    assert main(["process", "imageInfo", str(source), str(target)]) == 0
    assert json.loads(target.read_bytes())["height"] == "100"


@pytest.mark.parametrize(
    ("rule", "code", "said"),
    [
        ("imageMogr2/rotate/361", 2, "360"),
        ("imageMogr2/format/tpg", 1, "tpg"),
        ("nonsense", 2, "imageMogr2"),
        ("style/small", 2, "style"),
        ("imageMogr2/thumbnail/10000x", 1, "9999"),
    ],
)
def test_a_bad_rule_is_one_line(source, tmp_path, capsys, rule, code, said):
    target = tmp_path / "out.jpg"
    assert main(["process", rule, str(source), str(target)]) == code
    error = capsys.readouterr().err
    assert error.startswith("localcloud: ")
    assert len(error.splitlines()) == 1
    assert said in error
    assert not target.exists()


@pytest.mark.parametrize("content", [None, b"", b"text"])
def test_a_bad_file_is_one_line(tmp_path, capsys, content):
    source = tmp_path / "in.jpg"
    if content is not None:
        source.write_bytes(content)
    assert main(["process", "imageMogr2/strip", str(source), str(tmp_path / "out.jpg")]) == 1
    error = capsys.readouterr().err
    assert str(source) in error
    assert len(error.splitlines()) == 1


def test_out_is_needed_for_a_picture(source, capsys):
    assert main(["process", "imageMogr2/strip", str(source)]) == 2
    assert "OUT" in capsys.readouterr().err


def test_a_target_that_cannot_be_written(source, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["process", "imageMogr2/strip", str(source), str(tmp_path / "file/x.jpg")]) == 1
    assert "localcloud: " in capsys.readouterr().err


def test_from_a_shell(source, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "process", "imageMogr2/thumbnail/50x50<", source,
         tmp_path / "same.jpg"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "same.jpg").size == (200, 100)
