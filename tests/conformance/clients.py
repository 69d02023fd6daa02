"""Other official clients, unmodified, against a local cloud; none of them is part of this project.

- cos-nodejs-sdk-v5: `COS_NODE_MODULES` names a folder that has it (`npm install cos-nodejs-sdk-v5`
  makes one), and `node` is on the PATH;
- coscmd: `COS_COSCMD` names its program, in a virtual environment of its own.

By hand, the Node client's checks or some of them:

    COS_NODE_MODULES=../clients/node_modules python -m tests.conformance.clients listing multipart
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from localcloud.config import Config
from tests.conftest import ROOT, RunningCloud, running_cloud
from tests.localcloud.identity.conftest import allow, federation_request, sts_client

MODULES = "COS_NODE_MODULES"
COSCMD = "COS_COSCMD"
_CHECKS = ROOT / "tests" / "conformance" / "node" / "checks.js"
_NAME = "  async "


def without_node() -> str:
    """Why the Node client cannot run; empty when it can."""
    if not shutil.which("node"):
        return "node is not on the PATH"
    folder = os.environ.get(MODULES, "")
    if not folder:
        return f"{MODULES} names no folder that has cos-nodejs-sdk-v5"
    return "" if (Path(folder) / "cos-nodejs-sdk-v5").is_dir() else f"{folder} lacks the package"


def without_coscmd() -> str:
    """Why coscmd cannot run; empty when it can."""
    program = os.environ.get(COSCMD, "")
    return "" if shutil.which(program) else f"{COSCMD} names no program: {program!r}"


def checks() -> list[str]:
    """The names of the Node client's checks, in their order."""
    lines = _CHECKS.read_text(encoding="utf-8").splitlines()
    found = [line for line in lines if line.startswith(_NAME)]
    return [line.removeprefix(_NAME).partition("(")[0] for line in found]


def run_node(cloud: RunningCloud, folder: Path, names: list[str]) -> dict[str, str | None]:
    """What went wrong in each check, None for nothing. `folder` is for files."""
    environment = {
        **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        **{name: value for name, value in cloud.environment.items() if name.startswith("COS_")},
        "NODE_PATH": os.environ[MODULES],
        "COS_TEMPORARY": json.dumps(_temporary(cloud)),
    }
    done = subprocess.run(
        ["node", "--no-warnings", str(_CHECKS), cloud.url, str(folder), *names],
        env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"name"')]
    found = {line["name"]: line["error"] for line in lines}
    return {name: found.get(name, f"it did not end: {done.stderr[-1000:]}") for name in names}


def _temporary(cloud: RunningCloud) -> dict[str, str]:
    """Temporary credentials that may use keys under mine/ only."""
    resource = f"qcs::cos:{Config().region}:uid/1250000000:*/mine/*"
    made = sts_client(cloud.url).GetFederationToken(
        federation_request(allow("name/cos:*", resource=resource))
    )
    found = made.Credentials
    return {
        "TmpSecretId": found.TmpSecretId,
        "TmpSecretKey": found.TmpSecretKey,
        "SecurityToken": found.Token,
    }


class Coscmd:
    """coscmd with a configuration of its own in `home`; calling it gives what it printed."""

    def __init__(self, cloud: RunningCloud, home: Path, bucket: str) -> None:
        self._home = home
        self._environment = {
            **os.environ,
            **cloud.environment,
            "HOME": str(home),
            "PYTHONIOENCODING": "utf-8",
        }
        config = Config()
        self(
            "config", "-a", config.secret_id, "-s", config.secret_key, "-b", bucket,
            "-r", config.region, "--do-not-use-ssl",
        )  # fmt: skip

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            [os.environ[COSCMD], *arguments], cwd=self._home, env=self._environment,
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        return done.stdout + done.stderr


def main(names: list[str]) -> int:
    """Run the Node client's checks, or those named; print a line for each."""
    if reason := without_node():
        print(reason, file=sys.stderr)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="conformance-"))
    with running_cloud(folder, "--no-functions") as cloud:
        found = run_node(cloud, folder, names or checks())
    for name, error in found.items():
        print(f"{'failed' if error else 'passed'}  {name}  {error or ''}")
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
