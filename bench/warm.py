"""A warm instance: the handler of functions/image against the same requests on the SDK alone, in
one process."""

from __future__ import annotations

import argparse
import contextlib
import functools
import os
import time
from pathlib import Path

import handler_setup
import rounds
from handler_calls import SIDES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=150)
    options = parser.parse_args()
    with handler_setup.uploads() as (upload, environment):
        os.environ.update(environment)
        handlers = {name: make() for name, make in SIDES.items()}

        cpu: dict[str, list[float]] = {name: [] for name in SIDES}

        def once(side: str) -> float:
            handle, event = handlers[side], upload()
            before, begin = time.process_time(), time.perf_counter()
            handle(event)
            elapsed = time.perf_counter() - begin
            cpu[side].append((time.process_time() - before) * 1000)
            return elapsed * 1000

        # The handler logs a line per upload; its cost counts, its text does not belong here.
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
            times = rounds.alternate(
                {name: functools.partial(once, name) for name in SIDES}, options.rounds
            )
    for name, values in times.items():
        print(
            f"{name:<9} {rounds.spread(values, 2)} ms, of them {rounds.spread(cpu[name], 2)} ms "
            "of CPU in this process"
        )
    print(f"ratio {rounds.ratio(times['function'], times['bare']):.3f} (target <= 1.15)")
    added = rounds.ratio(times["bare"], times["unguarded"])
    print(f"the once-only guarantee: two requests, {added:.3f} of the time (target <= 1.20)")


if __name__ == "__main__":
    main()
