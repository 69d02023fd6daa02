"""From an upload to its quarantine on the local cloud, against the detector alone.

    .venv/bin/python bench/audit.py [--rounds 20]

Pictures with text in them (960x540, JPEG), each new to both sides; every verdict is a block.
"alone" hands the picture to the detectors' worker. "quarantine" uploads it to a served cloud whose
trigger wakes `functions/audit`, and waits until the object is gone and its record is there; "the
function" is what the record says that it took, all but the wake-up and the upload.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import statistics
import time
from pathlib import Path

import rounds
from audit_api import SCENES, picture
from qcloud_cos import CosS3Client
from served import sdk, shipped

from localcloud.config import DEFAULT_BUCKET
from localcloud.detectors import open_judge

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 60.0  # seconds to wait for one record
PIPELINES = """\
version: 1
pipelines:
  check:
    when: {prefix: uploads/}
    audit: {scenes: [Porn, Ads], thresholds: {"*": {review: 0, block: 0}}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    numbers = itertools.count()
    loop, judge = asyncio.new_event_loop(), open_judge()
    with shipped("audit", PIPELINES) as cloud:
        client = sdk(cloud)

        def alone() -> float:
            data = picture(next(numbers))
            begin = time.perf_counter()
            loop.run_until_complete(judge.image(data, SCENES))
            return (time.perf_counter() - begin) * 1000

        def quarantine() -> float:
            number = next(numbers)
            key, data = f"uploads/{number}.jpg", picture(number)
            begin = time.perf_counter()
            client.put_object(Bucket=DEFAULT_BUCKET, Key=key, Body=data)
            while not client.object_exists(Bucket=DEFAULT_BUCKET, Key=f"records/check/{key}.json"):
                if time.perf_counter() - begin > LONGEST:
                    raise SystemExit(f"no record of {key}: {cloud.log_tail()}")
                time.sleep(0.02)
            seconds = time.perf_counter() - begin
            if client.object_exists(Bucket=DEFAULT_BUCKET, Key=key):
                raise SystemExit(f"{key} is not in quarantine: {cloud.log_tail()}")
            return seconds * 1000

        times = rounds.alternate({"alone": alone, "quarantine": quarantine}, options.rounds)
        handled = _handled(client)
    loop.run_until_complete(judge.close())
    for side, values in times.items():
        print(f"{side:<10} {rounds.spread(values)} ms")
    print(f"ratio {rounds.ratio(times['quarantine'], times['alone']):.2f}; "
          f"the function: {statistics.median(handled):.0f} ms")  # fmt: skip


def _handled(client: CosS3Client) -> list[float]:
    """Milliseconds from claim to record, as the records say."""
    listed = client.list_objects(Bucket=DEFAULT_BUCKET, Prefix="records/")["Contents"]
    found = []
    for item in listed:
        answer = client.get_object(Bucket=DEFAULT_BUCKET, Key=item["Key"])
        found.append(json.loads(answer["Body"].get_raw_stream().read())["milliseconds"])
    return found


if __name__ == "__main__":
    main()
