"""Runs the official Python SDK's own test suite against a local cloud.

The suite is not part of this project: `COS_SDK_CHECKOUT` names a checkout of
https://github.com/tencentyun/cos-python-sdk-v5. By hand, with the groups or tests to run:

    COS_SDK_CHECKOUT=../cos-python-sdk-v5 python -m tests.conformance.runner bucket object
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from localcloud.config import Config
from tests.conformance.fault_server import fault_server
from tests.conformance.groups import GROUPS, STRONG, UNTELLING
from tests.conformance.plugin import OUTCOMES
from tests.conftest import ROOT, running_cloud

CHECKOUT = "COS_SDK_CHECKOUT"
REGION = "ap-guangzhou"  # several of the tests write it by hand
APPID = "1250000000"
TEST_SECONDS = 120
_CERTIFICATE = "testcertificate.coshelper.com"  # read from the working directory by one test


@dataclass(frozen=True)
class Outcome:
    """How one test ended: passed, failed or skipped, and the last line of why."""

    name: str
    outcome: str
    seconds: float
    reason: str


def suite() -> Path | None:
    """The suite's file in the checkout that the environment names; None without one."""
    folder = os.environ.get(CHECKOUT)
    if not folder:
        return None
    file = Path(folder).resolve() / "ut" / "test.py"
    if not file.is_file():
        raise FileNotFoundError(f"{CHECKOUT} is {folder}: there is no {file}")
    return file


def run(names: list[str], folder: Path, file: Path) -> dict[str, Outcome]:
    """Run tests of the suite in its own order, in one process, in an empty folder."""
    with (
        running_cloud(folder, "--no-functions", "--region", REGION) as cloud,
        fault_server() as faults,
    ):
        work = folder / "work"
        work.mkdir()
        _make_certificate(work)
        for region in (REGION, "ap-beijing"):
            kind = "ci" if region == REGION else "mi"
            cloud.client(Region=region).create_bucket(Bucket=f"cos-python-v5-test-{kind}-{APPID}")
        outcomes = work / "outcomes.jsonl"
        environment = _environment(cloud.environment, faults) | {OUTCOMES: str(outcomes)}
        wanted = {f"{file}::test_{name}" for name in names}
        ordered = sorted(wanted, key=_order(file))
        command = [
            sys.executable, "-m", "pytest", "-q", "--tb=short", "-p", "tests.conformance.plugin",
            "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull, "--rootdir", str(work),
            "--timeout", str(TEST_SECONDS), *ordered,
        ]  # fmt: skip
        with (folder / "suite.log").open("wb") as log:
            subprocess.run(command, cwd=work, env=environment, stdout=log, stderr=log, check=False)
        lines = outcomes.read_text().splitlines() if outcomes.is_file() else []
    found = [Outcome(**json.loads(line)) for line in lines]
    return {outcome.name: outcome for outcome in found}


def _order(file: Path):
    lines = file.read_text(encoding="utf-8").splitlines()
    places = {line[4:].partition("(")[0]: n for n, line in enumerate(lines) if line[:4] == "def "}
    return lambda node: places.get(node.rpartition("::")[2], 0)


def _environment(proxy: dict[str, str], faults: str) -> dict[str, str]:
    config = Config()
    vectors = {
        f"COS_VECTORS_{name}": value
        for name, value in (
            ("BUCKET", f"vectors-{APPID}"), ("BUCKET_FOR_CREATE_DELETE", f"vectors-new-{APPID}"),
            ("APPID", APPID), ("SECRET_ID", config.secret_id), ("SECRET_KEY", config.secret_key),
            ("REGION", REGION), ("USE_IP", "false"),
        )
    }  # fmt: skip
    return {
        **os.environ,
        **proxy,
        **vectors,
        # requests knows addresses here only without their port; the cloud is asked for by name.
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "PYTHONPATH": str(ROOT),
        "COS_SECRET_ID": config.secret_id,
        "COS_SECRET_KEY": config.secret_key,
        "COS_REGION": REGION,
        "COS_APPID": APPID,
        "TRAVIS_FLAG": "true",
        "ERR_HOST": faults,
        "ErrRegion": REGION,
        "ErrBucket": "errors",
        "ErrAppid": APPID,
        "TEST_CI": "true",
        "USE_CREDENTIAL_INST": "false",
    }


def _make_certificate(work: Path) -> None:
    """The repository lacks the two files; without openssl the one test that reads them fails."""
    if openssl := shutil.which("openssl"):
        key, certificate = (str(work / f"{_CERTIFICATE}.{kind}") for kind in ("key", "pem"))
        subprocess.run(
            [
                openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30",
                "-subj", f"/CN={_CERTIFICATE}", "-keyout", key, "-out", certificate,
            ],
            check=True, capture_output=True,
        )  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run groups or single tests; print a line for each and the score."""
    file = suite()
    if file is None:
        print(f"set {CHECKOUT} to a checkout of cos-python-sdk-v5", file=sys.stderr)
        return 2
    names = [name for each in arguments or GROUPS for name in GROUPS.get(each, (each,))]
    folder = Path(tempfile.mkdtemp(prefix="conformance-"))
    outcomes = run(names, folder, file)
    for name in names:
        found = outcomes.get(name, Outcome(name, "not run", 0, f"see {folder / 'suite.log'}"))
        kind = "strong" if name in STRONG else "tells nothing" if name in UNTELLING else "weak"
        print(f"{found.outcome:8} {found.seconds:7.2f} s  {kind:13} {name}  {found.reason}")
    passed = [name for name in names if name in outcomes and outcomes[name].outcome == "passed"]
    strong = [name for name in passed if name in STRONG]
    print(f"{len(passed)} of {len(names)} pass, {len(strong)} of them strong; log: {folder}")
    return 0 if len(passed) == len(names) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
