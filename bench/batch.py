"""One batch job over a bucket against a client that asks for each object by itself.

Both make the same results of the same objects in the same local cloud, by turns: the batch is one
request and then questions about its state; the client sends `POST ?image_process` for each object,
from as many threads as there are cores. Also how long a batch is until the state says Success, per
object, with few objects and with ten times as many: it should be the same.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor

import photos
import rounds
import servers

from localcloud.config import DEFAULT_BUCKET, DEFAULT_REGION
from shared.pic_operations import PicOperations, PicRule, absolute_fileid

RULE = "imageMogr2/thumbnail/300x"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--objects", type=int, default=300)
    options = parser.parse_args()
    picture = photos.large_jpeg(1920, 1080).read_bytes()
    with servers.local_cloud() as cloud:
        client = servers.client(cloud)
        few = _fill(client, "few/", options.objects // 10, picture)
        many = _fill(client, "many/", options.objects, picture)
        found = rounds.alternate(
            {
                "batch": lambda: _batch(client, "many/", len(many)),
                "client": lambda: _each(client, many),
                "few": lambda: _batch(client, "few/", len(few)),
            },
            options.rounds,
        )
    for name, values in found.items():
        print(f"{name}: {rounds.spread(values)} objects/s")
    print(f"batch to client: {rounds.ratio(found['batch'], found['client']):.2f}")
    print(f"many to few objects: {rounds.ratio(found['batch'], found['few']):.2f}")


def _fill(client: servers.CosS3Client, prefix: str, count: int, picture: bytes) -> list[str]:
    keys = [f"{prefix}{number:05}.jpg" for number in range(count)]
    for key in keys:
        client.put_object(Bucket=DEFAULT_BUCKET, Key=key, Body=picture)
    return keys


def _batch(client: servers.CosS3Client, prefix: str, count: int) -> float:
    """Objects per second."""
    output = {"Region": DEFAULT_REGION, "Bucket": DEFAULT_BUCKET, "Object": "out/${InputName}.jpg"}
    body = {
        "Name": "bench",
        "Type": "Job",
        "Input": {"Prefix": prefix},
        "Operation": {
            "Tag": "PicProcess",
            "JobParam": {"PicProcess": {"ProcessRule": RULE}},
            "Output": output,
        },
    }
    begin = time.monotonic()
    made = client.ci_create_inventory_trigger_jobs(Bucket=DEFAULT_BUCKET, JobBody=body)
    job_id = made["JobsDetail"][0]["JobId"]
    while True:
        answer = client.ci_get_inventory_trigger_jobs(Bucket=DEFAULT_BUCKET, JobID=job_id)
        job = answer["JobsDetail"][0]
        if job["State"] not in ("Submitted", "Running"):
            break
        time.sleep(0.01)
    if job["Message"] != f"Total={count} Success={count}":
        raise SystemExit(f"the batch ended as {job['State']}: {job['Message']}")
    return count / (time.monotonic() - begin)


def _each(client: servers.CosS3Client, keys: list[str]) -> float:
    """Objects per second."""

    def process(key: str) -> None:
        target = absolute_fileid(f"out/{key.rpartition('/')[2]}")
        header = PicOperations((PicRule(target, RULE),)).to_header()
        client.ci_image_process(Bucket=DEFAULT_BUCKET, Key=key, PicOperations=header)

    begin = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(process, keys))
    return len(keys) / (time.monotonic() - begin)


if __name__ == "__main__":
    main()
