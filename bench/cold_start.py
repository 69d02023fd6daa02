"""A cold start: a fresh process imports functions/image and handles its first event, against the
fewest lines on the SDK alone that make the same requests."""

from __future__ import annotations

import argparse
import json
import resource
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
    with handler_setup.uploads() as (upload, environment), tempfile.TemporaryDirectory() as folder:
        sample = Path(folder) / "event.json"
        cpu: dict[str, list[float]] = {"function": [], "bare": []}

        def start(side: str) -> float:
            sample.write_text(json.dumps(upload()))
            command = [sys.executable, str(script), side, str(sample)]
            before, begin = _children_cpu(), time.perf_counter()
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
            elapsed = time.perf_counter() - begin
            cpu[side].append((_children_cpu() - before) * 1000)
            return elapsed * 1000

        times = rounds.alternate(
            {"function": lambda: start("function"), "bare": lambda: start("bare")}, options.rounds
        )
    for name, values in times.items():
        print(f"{name:<9} {rounds.spread(values)} ms, CPU {rounds.spread(cpu[name])} ms")
    print(
        f"ratio {rounds.ratio(times['function'], times['bare']):.3f} (target <= 1.25), "
        f"of the CPU time {rounds.ratio(cpu['function'], cpu['bare']):.3f}"
    )


def _children_cpu() -> float:
    """Seconds of CPU that ended children took: what a busy machine does not change."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
