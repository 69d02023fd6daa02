"""What functions/dispatch adds: an upload's way to its record through dispatch, against a trigger
of functions/image itself; requests per upload; and a cold start's import of the SDK for SCF."""

from __future__ import annotations

import argparse
import io
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import rounds
from PIL import Image
from qcloud_cos import CosServiceError
from served import sdk, shipped

from localcloud import admin_client
from localcloud.child import ChildCloud
from localcloud.config import DEFAULT_BUCKET, Config

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 30.0  # seconds to wait for one record
BY_DISPATCH, BY_TRIGGER = "dispatch", "trigger"
# As from a layer that nobody may write to: no compiled files.
IMPORT = """
import sys, time, resource
import importlib._bootstrap_external as loading
import qcloud_cos, shared.runtime
def none(*_, **__): raise NotImplementedError
loading.cache_from_source = none
before, begin = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
{0}
seconds = time.perf_counter() - begin
print(seconds * 1000, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""
CLIENTS = {
    "common client (ours)": "from tencentcloud.common.common_client import CommonClient",
    "client of SCF": "from tencentcloud.scf.v20180416.scf_client import ScfClient",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=60)
    options = parser.parse_args()
    with ExitStack() as ending:
        clouds = {
            BY_DISPATCH: ending.enter_context(shipped()),
            BY_TRIGGER: ending.enter_context(shipped("image")),
        }
        times = rounds.alternate(
            {side: _uploader(cloud) for side, cloud in clouds.items()}, options.rounds
        )
        counts = {side: _requests(cloud, options.rounds) for side, cloud in clouds.items()}
        spent = _milliseconds(clouds[BY_DISPATCH])
    for side, values in times.items():
        print(f"upload to record by {side:<9} {rounds.spread(values)} ms")
    added = statistics.median(times[BY_DISPATCH]) - statistics.median(times[BY_TRIGGER])
    print(f"dispatch adds {added:.1f} ms, of them {rounds.spread(spent)} ms for its invoke; "
          f"ratio {rounds.ratio(times[BY_DISPATCH], times[BY_TRIGGER]):.2f}")  # fmt: skip
    for side, counted in counts.items():
        said = ", ".join(f"{name} {number:.2f}" for name, number in sorted(counted.items()))
        print(f"requests an upload by {side}: {sum(counted.values()):.2f} ({said})")
    imported = rounds.alternate(
        {name: _importer(line) for name, line in CLIENTS.items()}, max(5, options.rounds // 6)
    )
    for name, found in imported.items():
        milliseconds, megabytes = (list(column) for column in zip(*found, strict=True))
        print(f"cold import of the {name}: {rounds.spread(milliseconds)} ms, "
              f"{statistics.median(megabytes):.1f} MB")  # fmt: skip


def _uploader(cloud: ChildCloud) -> Callable[[], float]:
    """Uploads one more photo and waits for its record: milliseconds."""
    client = sdk(cloud)
    photo = io.BytesIO()
    Image.effect_noise((64, 64), 40).convert("RGB").save(photo, "JPEG")
    numbers = itertools.count()

    def upload() -> float:
        name = f"bench-{next(numbers)}.jpg"
        begin = time.perf_counter()
        client.put_object(Bucket=DEFAULT_BUCKET, Key=f"uploads/{name}", Body=photo.getvalue())
        while time.perf_counter() - begin < LONGEST:
            try:
                client.head_object(Bucket=DEFAULT_BUCKET, Key=f"processed/{name}/record.json")
            except CosServiceError:
                time.sleep(0.002)
                continue
            return (time.perf_counter() - begin) * 1000
        raise SystemExit(f"no record of {name} after {LONGEST:g} s: {cloud.log_tail()}")

    return upload


def _lines(cloud: ChildCloud) -> list[dict[str, object]]:
    text = cloud.log.read_text("utf-8")
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"function"')]


def _requests(cloud: ChildCloud, uploads: int) -> dict[str, float]:
    """How many requests of each kind the functions made for one upload."""
    # A function logs after it has written the record that was waited for.
    port = int(cloud.endpoint.rpartition(":")[2])
    while not admin_client.call(Config(), port, "GET", "status")["idle"]:
        time.sleep(0.01)
    counted: Counter[str] = Counter()
    for line in _lines(cloud):
        calls = line["calls"]
        assert isinstance(calls, list)
        counted.update(str(call).partition(" ")[0] for call in calls)
    # One more upload came before the rounds.
    return {name: number / (uploads + 1) for name, number in counted.items()}


def _milliseconds(cloud: ChildCloud) -> list[float]:
    return [float(str(line["milliseconds"])) for line in _lines(cloud)
            if line["function"] == "dispatch"][1:]  # fmt: skip


def _importer(line: str) -> Callable[[], tuple[float, float]]:
    def run() -> tuple[float, float]:
        done = subprocess.run(
            [sys.executable, "-B", "-c", IMPORT.format(line)],
            cwd=ROOT, capture_output=True, text=True, check=True,
        )  # fmt: skip
        milliseconds, megabytes = map(float, done.stdout.split())
        return milliseconds, megabytes

    return run


if __name__ == "__main__":
    main()
