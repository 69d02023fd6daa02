"""Memory while a thousand different pictures are audited through `functions/audit`: it stays flat.

    .venv/bin/python bench/audit_memory.py [--pictures 1000] [--width 480]

Each picture is a part of a photo of its own, in colours, size and grain of its own, so that nothing
is judged from memory. Four clients upload to a served cloud whose trigger wakes the function, and
wait for the record. The figure is the sum of the resident memory of the cloud and all processes
below it (instances of the function, the detectors' worker), looked at ten times a second; pages
that they share count in each.
"""

from __future__ import annotations

import argparse
import io
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from audit import LONGEST
from photos import SAMPLE
from PIL import Image
from served import sdk, shipped

from localcloud.config import DEFAULT_BUCKET

CLIENTS = 4
PIPELINES = """\
version: 1
pipelines:
  check:
    when: {prefix: uploads/}
    audit: {scenes: [Ads]}
"""
MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--pictures", type=int, default=1000)
    parser.add_argument("--width", type=int, default=480, help="px; 3:2 (default: %(default)s)")
    options = parser.parse_args()
    count, shape = options.pictures, (options.width, options.width * 2 // 3)
    with Image.open(SAMPLE) as sample:
        photo = sample.convert("RGB")
    clients = ThreadPoolExecutor(CLIENTS)
    with shipped("audit", PIPELINES) as cloud, clients, _watched(cloud.process.pid) as watch:
        client = sdk(cloud)
        print(f"idle: {watch.now() / MIB:.0f} MiB in {watch.parts()}", flush=True)

        def audit(number: int) -> None:
            key, begin = f"uploads/{number}.jpg", time.monotonic()
            client.put_object(Bucket=DEFAULT_BUCKET, Key=key, Body=picture(photo, number, shape))
            record = f"records/check/{key}.json"
            while not client.object_exists(Bucket=DEFAULT_BUCKET, Key=record):
                if time.monotonic() - begin > LONGEST:
                    raise SystemExit(f"no record of {key}: {cloud.log_tail()}")
                time.sleep(0.02)

        done, begin = 0, time.monotonic()
        for stop in sorted({min(stop, count) for stop in (100, count // 2, count)}):
            list(clients.map(audit, range(done, stop)))
            seconds = time.monotonic() - begin
            peak, done = watch.peak(), stop
            print(f"after {stop}: peak since the line above {peak / MIB:.0f} MiB, now "
                  f"{watch.now() / MIB:.0f} MiB in {watch.parts()}; {stop / seconds:.1f} "
                  "pictures/s", flush=True)  # fmt: skip


def picture(photo: Image.Image, number: int, shape: tuple[int, int]) -> bytes:
    """A part of the photo, turned round or not, in other colours and with grain; always the same
    for a number."""
    chance = np.random.default_rng(number)
    width, height = photo.size
    part = chance.uniform(0.4, 0.9)
    left = chance.integers(0, int(width * (1 - part)) + 1)
    top = chance.integers(0, int(height * (1 - part)) + 1)
    box = (left, top, left + int(width * part), top + int(height * part))
    pixels = np.asarray(photo.crop(box).resize(shape, Image.Resampling.BICUBIC), np.float32)
    if number % 2:
        pixels = pixels[:, ::-1]
    pixels = pixels * chance.uniform(0.6, 1.3, 3) + chance.normal(0, 6, pixels.shape)
    file = io.BytesIO()
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(file, "JPEG", quality=85)
    return file.getvalue()


class _Watch:
    """Resident memory of a process and all below it, in bytes."""

    def __init__(self, pid: int) -> None:
        self._pid, self._peak, self.ends = pid, 0, threading.Event()

    def run(self) -> None:
        while not self.ends.wait(0.1):
            self._peak = max(self._peak, self.now())

    def now(self) -> int:
        return sum(size for _, size in self._found())

    def peak(self) -> int:
        """Since it was last asked for."""
        peak, self._peak = max(self._peak, self.now()), 0
        return peak

    def parts(self) -> str:
        sizes: Counter[str] = Counter()
        numbers: Counter[str] = Counter()
        for name, size in self._found():
            sizes[name] += size
            numbers[name] += 1
        return ", ".join(f"{numbers[name]} {name} {size / MIB:.0f}" for name, size in
                         sizes.most_common())  # fmt: skip

    def _found(self) -> list[tuple[str, int]]:
        found, pids = [], [self._pid]
        for pid in pids:
            try:
                folder = Path(f"/proc/{pid}")
                command = (folder / "cmdline").read_bytes().decode("utf-8", "replace")
                status = (folder / "status").read_text()
                for task in (folder / "task").iterdir():
                    pids += map(int, (task / "children").read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
            size = next((int(line.split()[1]) for line in status.splitlines()
                         if line.startswith("VmRSS:")), 0)  # fmt: skip
            found.append((_name(command, is_first=pid == self._pid), size * 1024))
        return found


def _name(command: str, *, is_first: bool) -> str:
    if is_first:
        return "cloud"
    return "detectors" if "detectors" in command else "functions"


@contextmanager
def _watched(pid: int) -> Iterator[_Watch]:
    watch = _Watch(pid)
    thread = threading.Thread(target=watch.run, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.ends.set()
        thread.join(5)


if __name__ == "__main__":
    main()
