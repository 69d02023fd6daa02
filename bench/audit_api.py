"""Audits over HTTP against the detectors alone: what our side adds to judging.

    .venv/bin/python bench/audit_api.py [--rounds 5] [--pictures 12]

Pictures with text in them (960x540, JPEG), each new to both sides. "alone" hands them to the
workers one after the other; "audits" asks the local cloud for each by the SDK, signed, from the
object's file to the verdict as XML. Memory: what the server takes after a thousand audits.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import itertools
import time

import rounds
import servers
from PIL import Image, ImageDraw

from localcloud.config import DEFAULT_BUCKET
from localcloud.detectors import open_judge
from localcloud.imaging import fonts

SCENES = ("Porn", "Ads")
MANY = 1000


def picture(number: int) -> bytes:
    image = Image.new("RGB", (960, 540), "white")
    draw = ImageDraw.Draw(image)
    text = f"picture number {number}"
    draw.text((60, 200), text, font=fonts.find(text, 48), fill="black")
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return file.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pictures", type=int, default=12, help="of each round")
    options = parser.parse_args()
    numbers = itertools.count()
    loop, judge = asyncio.new_event_loop(), open_judge()
    with servers.local_cloud() as cloud:
        client = servers.client(cloud)

        def alone() -> float:
            data = [picture(next(numbers)) for _ in range(options.pictures)]
            begin = time.perf_counter()
            for one in data:
                loop.run_until_complete(judge.image(one, SCENES))
            return (time.perf_counter() - begin) * 1000 / len(data)

        def audits() -> float:
            keys = [f"{next(numbers)}.jpg" for _ in range(options.pictures)]
            for key in keys:
                client.put_object(Bucket=DEFAULT_BUCKET, Key=key, Body=picture(int(key[:-4])))
            begin = time.perf_counter()
            for key in keys:
                client.get_object_sensitive_content_recognition(Bucket=DEFAULT_BUCKET, Key=key)
            return (time.perf_counter() - begin) * 1000 / len(keys)

        times = rounds.alternate({"alone": alone, "audits": audits}, options.rounds)
        for name, values in times.items():
            print(f"{name:<7} {rounds.spread(values)} ms a picture")
        ratio = rounds.ratio(times["audits"], times["alone"])
        print(f"ratio {ratio:.3f} (target <= 1.10)")
        before = cloud.memory("VmRSS")
        text = [{"Content": "bm8gcGljdHVyZQ=="}] * 100
        for _ in range(MANY // len(text)):
            client.ci_auditing_image_batch(Bucket=DEFAULT_BUCKET, Input=text)
        after = cloud.memory("VmRSS")
        print(f"memory: {before:.1f} MiB, after {MANY} more audits {after:.1f} MiB")
    loop.run_until_complete(judge.close())


if __name__ == "__main__":
    main()
