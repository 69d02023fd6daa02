"""Image operations in one process: the engine against sharp, on the same bytes in memory.

    python bench/operations.py [--only cut,blur] [--rounds 15]

Each round runs every case once on both sides, one thread each. Beside the times stands how near
both pictures are to the slow way (full decode, Lanczos, exact Gaussian), written alike: PSNR in dB,
and SSIM. For that alone JPEGs are written once more at quality 100.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping
from types import MappingProxyType

import quality
import rounds
from cases import CASES, MARK_ADDRESS, Case
from sharp_process import Sharp

from localcloud.imaging import process
from shared.rules import parse

NO_MARKS: Mapping[str, bytes] = MappingProxyType({})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", help="cases whose names hold one of these words")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    words = options.only.split(",")
    cases = [case for case in CASES if any(word in case.name for word in words)]
    if not cases:
        raise SystemExit(f"--only {options.only!r}: {', '.join(case.name for case in CASES)}")
    print(f"{'case':<22} {'ours ms':>20} {'sharp ms':>20} {'ratio':>6} target  dB/SSIM ours, sharp")
    with Sharp() as sharp:
        for case in cases:
            _measure(case, sharp, options.rounds)


def _measure(case: Case, sharp: Sharp, count: int) -> None:
    source = case.source()
    data = source.read_bytes()
    marks = {MARK_ADDRESS: case.mark().read_bytes()} if case.mark else NO_MARKS
    request = {**case.request, "source": str(source)}
    if case.mark:
        request["mark"] = str(case.mark())
    rule = parse(case.rule)

    def ours() -> float:
        start = time.perf_counter()
        process(data, rule, marks=marks)
        return (time.perf_counter() - start) * 1000

    found = rounds.alternate({"ours": ours, "sharp": lambda: sharp.run(request)[0]}, count)
    said = ""
    if case.reference:
        best = parse(case.rule.replace("quality/75", "quality/100!"))
        finest = {**request, "quality": 100}
        wanted = case.reference(data)
        pictures = (process(data, best, marks=marks).data, sharp.run(finest)[1])
        said = ", ".join(quality.compared(one, wanted) for one in pictures)
    ratio = statistics.median(found["ours"]) / statistics.median(found["sharp"])
    print(
        f"{case.name:<22} {rounds.spread(found['ours']):>20} {rounds.spread(found['sharp']):>20} "
        f"{ratio:6.3f} {case.target or '-':>6}  {said}",
        flush=True,
    )


if __name__ == "__main__":
    main()
