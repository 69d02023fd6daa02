"""What a start loads, and a data folder that cannot be used."""

import subprocess
import sys

from tests.conftest import ROOT


def test_a_start_loads_no_more_than_the_door():
    code = (
        "import sys, localcloud.server;"
        "print(sorted(n for n in sys.modules if n.startswith('localcloud.ci.audit.') or"
        " n.startswith('localcloud.detectors')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = "['localcloud.ci.audit.door', 'localcloud.ci.audit.freeze']"
    assert done.stdout.strip() == loaded


def test_a_store_that_is_none_is_told_at_the_start(tmp_path):
    (tmp_path / "audits.sqlite3").write_bytes(b"no database" * 500)
    done = subprocess.run(
        [sys.executable, "-m", "localcloud", "serve", "--port", "0", "--no-functions", "--data",
         str(tmp_path)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "audits.sqlite3 cannot hold the audits" in done.stderr
    assert "Traceback" not in done.stderr
