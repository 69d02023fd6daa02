"""Uploads through the real local cloud while it misbehaves and its functions are killed.

A run starts a cloud with the shipped functions, uploads photos, and waits until every upload has
its end. The same uploads in a calm run say what the outputs must be. Everything that chance decides
comes from the seed, but for the moments at which processes are killed.
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from shared.claims import CLOSED_SIZE, Closed, Step, read
from tests.conftest import ROOT, running_cloud

BUCKET = "examplebucket-1250000000"
STATE = ".pipelines/"
# What the functions call, and where: the uploads themselves are the test's and arrive.
OPERATIONS = (
    "ImageProcess", "GetObjectTagging", "PutObjectTagging", "GetObject", "GetBucket",
    "PutObject={},prefix=.pipelines/", "PutObject={},prefix=processed/", "DeleteObject",
)  # fmt: skip
CALLS = (
    "error:InternalError,percent=6", "slowdown:0,percent=4", "latency:300ms,percent=5",
    "cut,percent=3",
)  # fmt: skip
EVENTS = (
    "PutObject=event-twice,percent=10,prefix=uploads/",
    "PutObject=event-delay:2s,percent=5,prefix=uploads/",
)
PIPELINES = """\
version: 1
pipelines:
  photos:
    when: {prefix: uploads/photos/}
    outputs:
      half: {rule: imageMogr2/thumbnail/!50p, fileid: "/processed/{name}/half.jpg"}
      png: {rule: imageMogr2/format/png, fileid: "/processed/{name}/copy.png"}
    record: /processed/{name}/record.json
  hopeless:
    when: {prefix: uploads/hopeless/}
    outputs:
      never: {rule: style/nobody-made-it, fileid: "/processed/{name}/never.jpg"}
    record: /processed/{name}/record.json
"""
SERVERLESS = """\
component: multi-scf
name: p
app: a
stage: dev
inputs:
  src: {src: ./}
  region: ${env:COS_REGION}
  runtime: Python3.10
  environments:
    - {key: COS_TIMEOUT, value: 3}
    - {key: COS_ATTEMPTS, value: 2}
    - {key: COS_BUCKET, value: "${env:COS_BUCKET}"}
    - {key: CI_INSTANCES, value: 2}
    - {key: SWEEP_GRACE, value: 1}
    - {key: SWEEP_REST, value: 1}
  functions:
    dispatch:
      {src: ./functions/dispatch, handler: index.main_handler, timeout: 5, memorySize: 256,
       deadLetter: {type: topic, name: lost}}
    image:
      {src: ./functions/image, handler: index.main_handler, timeout: 5, memorySize: 256,
       deadLetter: {type: topic, name: lost}}
    sweep:
      {src: ./functions/sweep, handler: index.main_handler, timeout: 60, memorySize: 256}
  triggers:
    - type: cos
      function: dispatch
      parameters:
        {name: uploads, bucket: "${env:COS_BUCKET}", filter: {prefix: uploads/},
         events: "cos:ObjectCreated:*", enable: true}
    - type: timer
      function: sweep
      parameters: {name: often, cronExpression: "*/3 * * * * * *", enable: true}
    - type: cmq
      function: sweep
      parameters: {name: lost, enable: true}
"""


@dataclass
class Report:
    """What a run came to.

    `outputs` maps the keys of outputs to ETags, `outcomes` the uploads to how their claims were
    closed, `letters` are keys of uploads, `attempts` counts uploads by attempts.
    """

    seconds: float = 0.0
    outputs: dict[str, str] = field(default_factory=dict)
    outcomes: dict[str, str] = field(default_factory=dict)
    records: dict[str, str] = field(default_factory=dict)
    letters: list[str] = field(default_factory=list)
    attempts: Counter[int] = field(default_factory=Counter)
    open: list[str] = field(default_factory=list)
    killed: int = 0


def project(folder: Path) -> Path:
    """A project with the shipped functions, and pipelines and settings of a run."""
    folder.mkdir()
    (folder / "functions").symlink_to(ROOT / "functions")
    (folder / "shared").symlink_to(ROOT / "shared")
    (folder / "pipelines.yml").write_text(PIPELINES)
    (folder / "serverless.yml").write_text(SERVERLESS)
    return folder


def run(folder: Path, uploads: int, *, seed: int, chaos: bool, patience: float) -> Report:
    """Upload, wait for every end, and tell. Raises `AssertionError` when `patience` seconds bring
    no end."""
    report = Report()
    work = project(folder / ("chaos" if chaos else "calm"))
    options = ["--project", str(work), "--retry-seconds", "0.5", "--fault-seed", str(seed)]
    if chaos:
        for fault in faults():
            options += ["--fault", fault]
    with running_cloud(work, *options, environment={"COS_BUCKET": BUCKET}) as cloud:
        begun = time.monotonic()
        with killer(cloud.process.pid, seed, report) if chaos else nothing():
            keys = upload(cloud, uploads, seed)
            wait(cloud, keys, report, begun + patience)
        report.seconds = time.monotonic() - begun
        tell(cloud, report)
    shutil.rmtree(work)
    return report


def faults() -> list[str]:
    """The faults of a run: a tenth of the calls fail, some are slow, some are cut."""
    texts = []
    for operation in OPERATIONS:
        name, _, rest = operation.partition("={}")
        texts += [f"{name}={call}{rest}" for call in CALLS]
    return [*texts, *EVENTS]


def upload(cloud, uploads: int, seed: int) -> dict[str, str]:
    """Put the photos, eight at a time; the keys, and how each must end."""
    expected = {}
    for number in range(uploads):
        if number % 20 == 7:
            expected[f"uploads/photos/{number}.jpg"] = "rejected"
        elif number % 20 == 13:
            expected[f"uploads/hopeless/{number}.jpg"] = "dead"
        else:
            expected[f"uploads/photos/{number}.jpg"] = "done"

    def put(key: str) -> None:
        body = b"no picture" if expected[key] == "rejected" else photo(f"{seed} {key}")
        cloud.client().put_object(Bucket=BUCKET, Key=key, Body=body)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, expected))
    return expected


def photo(text: str) -> bytes:
    """A small photo of its own."""
    chance = random.Random(text)  # noqa: S311 - no secret
    colour = tuple(chance.randrange(256) for _ in range(3))
    body = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(body, "JPEG")
    return body.getvalue()


def wait(cloud, expected: dict[str, str], report: Report, deadline: float) -> None:
    """Until every upload has the end that it must have."""
    left = dict(expected)
    while left:
        ends = closed(cloud)
        for key, end in list(left.items()):
            found = ends.get(digest(key))
            if found is not None and found.outcome == end:
                report.outcomes[key] = end
                report.attempts[found.attempt] += 1
                del left[key]
        if time.monotonic() > deadline:
            states = {key: ends.get(digest(key)) for key in list(left)[:10]}
            raise AssertionError(f"{len(left)} uploads have no end: {states}")
        time.sleep(0.2)
    # What SCF gave up is kept and brought again although another event has done the work by then.
    while unsettled := [*open_claims(cloud), *(Counter(letters(cloud)) - dead(expected))]:
        if time.monotonic() > deadline:
            raise AssertionError(f"no rest: {unsettled[:10]}")
        time.sleep(0.2)


def dead(expected: dict[str, str]) -> Counter[str]:
    """The uploads that must end as dead letters, each once."""
    return Counter(key for key, end in expected.items() if end == "dead")


def letters(cloud) -> list[str]:
    """The uploads of all dead letters."""
    client = cloud.client()
    rows = listing(client, f"{STATE}dead/")
    found = [patiently(client.get_object, Bucket=BUCKET, Key=row["Key"], gone=b"") for row in rows]
    return [json.loads(body)["key"] for body in found if body]


def open_claims(cloud) -> list[str]:
    """The newest claim of each chain that is open."""
    found, seen = [], set()
    for row in listing(cloud.client(), f"{STATE}claims/"):
        chain = row["Key"].split("/")[2]
        if chain not in seen and int(row["Size"]) != CLOSED_SIZE:
            found.append(row["Key"])
        seen.add(chain)
    return found


def digest(key: str) -> str:
    """The chain of an upload."""
    return Step(BUCKET, key, "image", key.split("/")[1]).digest


def listing(client, prefix: str):
    """Every object below a prefix: faults make single calls fail."""
    marker, rows = "", []
    while True:
        page = patiently(client.list_objects, Bucket=BUCKET, Prefix=prefix, Marker=marker)
        rows += page.get("Contents") or []
        if page["IsTruncated"] == "false":
            return rows
        marker = page["NextMarker"]


def patiently(call, *, gone=None, **options):
    """A call that is repeated while faults strike it; `gone` for what is not there any more."""
    for number in range(50):
        try:
            answer = call(**options)
            if isinstance(answer, dict) and "Body" in answer:
                return answer["Body"].get_raw_stream().read()
            return answer
        except Exception as error:
            status = getattr(error, "get_status_code", lambda: 500)()
            if status == 404 and gone is not None:
                return gone
            if number == 49 or status < 500:
                raise
    raise AssertionError


def closed(cloud) -> dict[str, Closed]:
    """The newest claim of each chain, where it is closed."""
    client, found, seen = cloud.client(), {}, set()
    for row in listing(client, f"{STATE}claims/"):
        chain = row["Key"].split("/")[2]
        if chain in seen:
            continue
        seen.add(chain)
        if int(row["Size"]) == CLOSED_SIZE:
            body = patiently(client.get_object, Bucket=BUCKET, Key=row["Key"])
            claim = read(row["Key"], body)
            if isinstance(claim, Closed):
                found[chain] = claim
    return found


def tell(cloud, report: Report) -> None:
    """What is in the bucket when all is quiet."""
    client = cloud.client()
    report.open = open_claims(cloud)
    for row in listing(client, "processed/"):
        if row["Key"].endswith("/record.json"):
            record = json.loads(patiently(client.get_object, Bucket=BUCKET, Key=row["Key"]))
            report.records[record["upload"]["key"]] = record["outcome"]
        else:
            report.outputs[row["Key"]] = row["ETag"]
    report.letters = sorted(letters(cloud))


@contextmanager
def nothing():
    """A calm run."""
    yield


@contextmanager
def killer(parent: int, seed: int, report: Report):
    """Kills a process of the functions now and then."""
    over, chance = threading.Event(), random.Random(seed)  # noqa: S311 - no secret

    def work() -> None:
        while not over.wait(chance.uniform(0.2, 0.8)):
            victims = workers(parent)
            # Of four or more: what is alone at the end must live for longer than it takes to begin.
            number = chance.randrange(max(4, len(victims)))
            if number < len(victims):
                try:
                    os.kill(victims[number], signal.SIGKILL)
                    report.killed += 1
                except ProcessLookupError:
                    pass

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def workers(parent: int) -> list[int]:
    """The function instances below a local cloud."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text().rpartition(")")[2].split()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if int(status[1]) == parent and b"scf/worker.py" in command:
                found.append(int(entry.name))
    return found
