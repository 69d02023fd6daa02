"""What an upload costs: requests by kind through dispatch and image, and the money at list prices.

Uploads go to the project as it is shipped, in a local cloud; what the functions' log lines say they
sent is counted and priced with functions/backfill/prices.json. With more uploads each should take
the same: what grows with their number would be a list or a chain that somebody reads whole.

    python bench/cost.py [--sizes 100 1000 10000]
"""

from __future__ import annotations

import argparse
import io
import json
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from PIL import Image
from served import sdk

from localcloud import admin_client
from localcloud.child import ChildCloud, serve
from localcloud.config import DEFAULT_BUCKET, Config

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "functions" / "backfill"))

import backfill_costs  # noqa: E402 - found through the path above

MEMORY = 0.125  # GB that serverless.yml gives to dispatch and image
CLIENTS = 4
GIGABYTE = 1024**3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10_000])
    options = parser.parse_args()
    prices = backfill_costs.load()
    for number, size in enumerate(options.sizes):
        with tempfile.TemporaryDirectory(prefix="bench-cost-") as name:
            folder = Path(name)
            with serve(folder, "--project", str(ROOT)) as cloud:
                sent, seconds = _upload(cloud, size)
                lines = _lines(cloud)
        calls, amounts = _count(lines, sent)
        each = {kind: amount / size for kind, amount in amounts.items()}
        if not number:
            _table(calls, size, each, prices)
        money = _unfree(prices, each)
        print(
            f"{size} uploads: {size / seconds:.1f} a second, {sum(calls.values()) / size:.3f} "
            f"requests each, {sum(money.values()) * 10_000:.4f} {prices.currency} for 10,000"
        )


def _upload(cloud: ChildCloud, count: int) -> tuple[int, float]:
    """Upload photos and wait until all is done: bytes of them all, and seconds."""
    client = sdk(cloud)
    photo = io.BytesIO()
    Image.effect_noise((64, 64), 40).convert("RGB").save(photo, "JPEG")

    def put(number: int) -> None:
        key = f"uploads/bench-{number}.jpg"
        client.put_object(Bucket=DEFAULT_BUCKET, Key=key, Body=photo.getvalue())

    begin = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(put, range(count)))
    port = int(cloud.endpoint.rpartition(":")[2])
    while not admin_client.call(Config(), port, "GET", "status")["idle"]:
        time.sleep(0.05)
    return count * len(photo.getvalue()), time.perf_counter() - begin


def _lines(cloud: ChildCloud) -> list[dict[str, Any]]:
    """The log lines of dispatch and image; the timer of sweep belongs to no upload."""
    text = cloud.log.read_text("utf-8")
    found = [json.loads(line) for line in text.splitlines() if line.startswith('{"function"')]
    return [entry for entry in found if entry["function"] in ("dispatch", "image")]


def _count(lines: list[dict[str, Any]], sent: int) -> tuple[Counter[str], dict[str, float]]:
    """Requests by kind, and what is priced of them and beside them."""
    calls: Counter[str] = Counter()
    for entry in lines:
        calls.update(call.partition(" ")[0] for call in entry["calls"])
    images = [entry for entry in lines if entry["function"] == "image"]
    assert images, "no upload reached image"
    assert {entry["outcome"] for entry in images} == {"done"}, Counter(
        entry["outcome"] for entry in images
    )
    outputs = sum(len(entry["outputs"]) for entry in images)
    of_cos = sum(n for name, n in calls.items() if name not in backfill_costs.NOT_COS)
    seconds = sum(entry["milliseconds"] for entry in lines) / 1000
    return calls, {
        "cos_requests": of_cos + outputs,  # CI writes each result with a request of its own
        "ci_gigabytes": sent / GIGABYTE * outputs / len(images),
        "ci_advanced": 0.0,  # the shipped pipelines make none
        "scf_invocations": len({entry["invocation"] for entry in lines}),
        "scf_gigabyte_seconds": seconds * MEMORY,
    }


def _unfree(prices: backfill_costs.Prices, amounts: dict[str, float]) -> dict[str, float]:
    """Money for each kind, nothing free: what one more upload costs once the free is used up."""
    return {
        kind: amount / prices.prices[kind].per * prices.prices[kind].price
        for kind, amount in amounts.items()
    }


def _table(
    calls: Counter[str], count: int, each: dict[str, float], prices: backfill_costs.Prices
) -> None:
    print("| request | an upload |\n|---|---|")
    for name, number in sorted(calls.items()):
        print(f"| {name} | {number / count:.3f} |")
    print(f"\n| priced | an upload | {prices.currency} for 10,000 uploads |\n|---|---|---|")
    for kind, money in _unfree(prices, each).items():
        print(f"| {kind} | {each[kind]:.6g} | {money * 10_000:.4f} |")
    print()


if __name__ == "__main__":
    main()
