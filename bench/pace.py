"""How many of CI's requests a second many instances get through together, and how many it refuses:
paced by `shared.pace`, and each as fast as it can. Real processes against a local cloud that takes
`--limit` requests a second of all of them."""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import servers
from PIL import Image

from localcloud.config import DEFAULT_BUCKET, Config, client_environment

ROOT = Path(__file__).resolve().parents[1]
KEY = "uploads/pace.jpg"
# One instance: it asks for as long as it is told, and says what became of each request.
INSTANCE = """
import json, sys, time
from shared.cos import Cos
from shared.errors import CloudError
from shared.pic_operations import PicOperations, PicRule
from shared.settings import Settings

number, seconds, bucket = sys.argv[1], float(sys.argv[2]), sys.argv[3]
settings, end, times = Settings.load(), time.monotonic() + float(sys.argv[2]), []
operations = PicOperations((PicRule(f"/out/{number}.jpg", "imageMogr2/thumbnail/16x"),))
while time.monotonic() < end:
    cos, begun = Cos(settings, "ap-guangzhou", end + 1), time.monotonic()
    try:
        cos.image_process(bucket, "uploads/pace.jpg", operations)
        times.append((begun, True))
    except CloudError as error:
        if error.request_id or error.status == 503:
            times.append((begun, False))
print(json.dumps(times))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=float, default=20.0, help="requests a second")
    parser.add_argument("--instances", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    photo = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 30, 30)).save(photo, "JPEG")
    sides = {
        "paced": {"CI_RATE": options.limit, "CI_INSTANCES": options.instances},
        "share wrong by 4": {
            "CI_RATE": options.limit, "CI_INSTANCES": max(1, options.instances // 4),
        },
        "not paced": {"CI_RATE": 10_000, "CI_INSTANCES": 1},
    }  # fmt: skip
    for name, pace in sides.items():
        with servers.local_cloud(options=["--ci-rate", str(options.limit)]) as cloud:
            servers.client(cloud).put_object(Bucket=DEFAULT_BUCKET, Key=KEY, Body=photo.getvalue())
            variables = client_environment(f"http://127.0.0.1:{cloud.port}", Config())
            variables |= {key: str(value) for key, value in pace.items()} | {"COS_ATTEMPTS": "1"}
            counts = _run(variables, options.instances, options.seconds)
        asked = sum(counts.values())
        print(
            f"{name:<17} {counts[True] / options.seconds:6.1f} a second got through of "
            f"{options.limit:g} allowed; {counts[False] / max(asked, 1):6.1%} of {asked} refused"
        )


def _run(variables: dict[str, str], instances: int, seconds: float) -> Counter[bool]:
    """What became of all requests, the first fifth of the time left out."""
    command = [sys.executable, "-c", INSTANCE]
    begun = time.monotonic()
    processes = [
        subprocess.Popen(
            [*command, str(number), str(seconds * 1.5), DEFAULT_BUCKET],
            cwd=ROOT, env={**variables, "PATH": "/usr/bin:/bin"}, stdout=subprocess.PIPE, text=True,
        )
        for number in range(instances)
    ]  # fmt: skip
    counts: Counter[bool] = Counter()
    for process in processes:
        text, _ = process.communicate(timeout=seconds * 3 + 60)
        counts.update(
            done for at, done in json.loads(text) if 0.25 <= (at - begun) / seconds < 1.25
        )
    return counts


if __name__ == "__main__":
    main()
