"""A cold start: a fresh process imports functions/image and handles its first event, against the
fewest lines on the SDK alone that make the same requests."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import handler_setup
import rounds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    options = parser.parse_args()
    script = Path(__file__).with_name("handler_calls.py")
    with handler_setup.uploaded() as (event, environment), tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "event.json"
        sample.write_text(json.dumps(event))

        def start(side: str) -> float:
            command = [sys.executable, str(script), side, str(sample)]
            begin = time.perf_counter()
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
            return (time.perf_counter() - begin) * 1000

        times = rounds.alternate(
            {"function": lambda: start("function"), "bare": lambda: start("bare")}, options.rounds
        )
    for name, values in times.items():
        print(f"{name:<9} {rounds.spread(values)} ms")
    print(f"ratio {rounds.ratio(times['function'], times['bare']):.3f} (target <= 1.25)")


if __name__ == "__main__":
    main()
