"""Every command of the README runs. `make` targets that are tested elsewhere are only resolved."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [block.strip() for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)]
COMMANDS = [line for block in BLOCKS for line in block.splitlines()]
SERVE = next(command for command in COMMANDS if command.startswith("localcloud serve"))
# `make demo` runs in test_demo, `make package` in test_package, `make test` is running now.
MAKE = [command for command in COMMANDS if command.startswith("make ")]
OTHERS = [command for command in COMMANDS if command not in (*MAKE, SERVE)]


@pytest.fixture
def copy(tmp_path):
    """The project as a newcomer has it; links, because only output folders are written."""
    for path in ROOT.iterdir():
        if path.name not in ("build", ".cache", ".localcloud", ".git"):
            (tmp_path / path.name).symlink_to(path)
    (tmp_path / "build").mkdir()
    return tmp_path


@pytest.fixture
def environment():
    folder = str(Path(sys.executable).parent)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}


def test_the_readme_has_its_commands():
    assert len(MAKE) == 3
    assert len(OTHERS) >= 5


@pytest.mark.parametrize("command", MAKE)
def test_make_knows_the_target(command):
    done = subprocess.run(
        [*command.split(), "--dry-run"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def backfilled(copy, environment, start_cloud):
    """A served project whose operator has made a dry run before."""
    with start_cloud("--project", str(copy)) as cloud:
        cloud.environment["COS_BUCKET"] = cloud.bucket
        subprocess.run(
            ["localcloud", "backfill", "start", "old-photos", "--prefix", "uploads/", "--dry-run"],
            cwd=copy, env={**environment, **cloud.environment}, check=True, timeout=60,
            capture_output=True,
        )  # fmt: skip
        yield cloud


@pytest.mark.parametrize("command", OTHERS)
def test_the_command_runs(command, copy, environment, request):
    if command.startswith(
        ("localcloud deadletters", "localcloud quarantine", "localcloud reviews")
    ):
        # After `localcloud env`, as the text around it says.
        environment = {**environment, **request.getfixturevalue("cloud").environment}
    if command.startswith("localcloud backfill"):
        # The same, with functions that can be invoked.
        environment = {**environment, **request.getfixturevalue("backfilled").environment}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=copy, env=environment, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_serve_says_that_it_is_ready(copy, environment):
    command = SERVE.replace("9000", "0").split()
    with subprocess.Popen(
        command, cwd=copy, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True,
    ) as server:  # fmt: skip
        try:
            assert re.fullmatch(
                r"localcloud ready http://127\.0\.0\.1:\d+\n", server.stdout.readline()
            )
        finally:
            server.terminate()
            assert server.wait(30) == 0


def test_every_link_leads_somewhere():
    for target in re.findall(r"\]\(([^)#]+)", README):
        assert (ROOT / target).exists(), target
