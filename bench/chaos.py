"""Every upload has exactly one end while a tenth of the calls fail, some are slow or cut, events
come twice or late, and function processes are killed. Run in calm and in chaos, and compared."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.chaos import harness  # noqa: E402 - found through the path above


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uploads", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=3600, help="seconds for each run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        calm, wild = (
            harness.run(
                Path(folder), options.uploads, seed=options.seed, chaos=chaos,
                patience=options.patience,
            )
            for chaos in (False, True)
        )  # fmt: skip
    for name, report in (("calm", calm), ("chaos", wild)):
        attempts = ", ".join(
            f"{number}: {count}" for number, count in sorted(report.attempts.items())
        )
        print(
            f"{name}: {options.uploads} uploads in {report.seconds:.1f} s "
            f"({options.uploads / report.seconds:.1f} a second), {report.killed} processes killed, "
            f"{len(report.letters)} dead letters, {len(report.open)} claims open; "
            f"uploads by attempts {attempts}"
        )
    same = (calm.outputs, calm.outcomes, calm.records, calm.letters) == (
        wild.outputs, wild.outcomes, wild.records, wild.letters
    )  # fmt: skip
    print(f"outputs, outcomes, records and dead letters are {'the same' if same else 'DIFFERENT'}")
    sys.exit(not same or bool(calm.open or wild.open))


if __name__ == "__main__":
    main()
