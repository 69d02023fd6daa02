"""A bucket full of photos, and the backfill with the functions that it wakes."""

import io
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from shared.backfills import Place
from shared.cos import Cos
from shared.settings import Settings
from tests.functions.conftest import load_handler

HALF = 'rule: imageMogr2/thumbnail/!50p, fileid: "/out/{name}/half.jpg"'
SQUARE = 'rule: imageMogr2/crop/8x8, fileid: "/out/{name}/square.png"'


@pytest.fixture(scope="session")
def backfill():
    return load_handler("backfill")


@pytest.fixture
def stage(project, backfill, handler, monkeypatch):
    project.pipelines({"half": HALF})
    monkeypatch.setenv("TENCENTCLOUD_REGION", "ap-guangzhou")
    return Stage(project, backfill, handler, monkeypatch)


def small(number=0, format="JPEG", size=(16, 12)):
    """A photo unlike those of other numbers."""
    body = io.BytesIO()
    colour = (number * 37 % 256, number * 91 % 256, number * 53 % 256)
    Image.new("RGB", size, colour).save(body, format, quality=90)
    return body.getvalue()


class Stage:
    """Here SCF is a list: `sent` holds what was invoked, `settle` carries it out."""

    def __init__(self, project, backfill, image, monkeypatch):
        self.project, self.bucket, self.client = project, project.bucket, project.client
        self.handlers = {"backfill": backfill, "image": image}
        self.monkeypatch = monkeypatch
        self.sent, self.waiting, self.outcomes, self.number = [], [], [], 0
        self.cos = Cos(Settings.load(), "ap-guangzhou", time.monotonic() + 100)
        monkeypatch.setattr("shared.scf.Scf.invoke", lambda scf, *call: self.invoke(*call))

    def invoke(self, function, event):
        self.number += 1
        self.sent.append((function, event))
        self.waiting.append((function, event, f"inv-{self.number}"))
        return f"inv-{self.number}"

    def put(self, keys, **options):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda pair: self.client.put_object(
                Bucket=self.bucket, Key=pair[1], Body=small(pair[0]), **options
            ), enumerate(keys)))  # fmt: skip

    def judged(self, key, result, etag=""):
        """The record of the pipeline `guard`: of this content, or of another's ETag."""
        now = self.client.head_object(Bucket=self.bucket, Key=key)["ETag"].strip('"')
        record = {
            "upload": {"bucket": self.bucket, "key": key, "etag": "", "event_time": 1},
            "outcome": "done",
            "audit": {
                "verdict": {"result": result},
                "judged": {"etag": etag or now},
                "actions": [],
            },
        }
        self.client.put_object(
            Bucket=self.bucket, Key=f"records/guard/{key}.json", Body=json.dumps(record)
        )

    def run(self, function, event, request_id="by-hand", seconds=60):
        context = {"request_id": request_id, "time_limit_in_ms": seconds * 1000}
        return self.handlers[function](event, context)

    def settle(self, seconds=60):
        """Carry out what waits, and what that invokes."""
        while self.waiting:
            function, event, id = self.waiting.pop(0)
            answer = self.run(function, event, id, seconds)
            self.outcomes += answer.get("outcomes", [])

    def start(self, *, settle=True, seconds=60, **plan):
        """Run a plan to its end; the cursor."""
        plan = {"name": "all", "bucket": self.bucket, "rate": 500, **plan}
        self.number += 1
        told = self.run("backfill", plan, f"start-{self.number}", seconds)
        if settle:
            self.settle(seconds)
        return told if told["state"] in ("skipped", "refused") else self.cursor(plan["name"])

    def place(self, name="all"):
        return Place(self.cos, self.bucket, ".pipelines/", name)

    def cursor(self, name="all"):
        return self.place(name).read()

    def events(self, function="image"):
        return [event for name, event in self.sent if name == function]

    def keys(self, prefix):
        found, marker = [], ""
        while True:
            page, marker = self.cos.list_objects(self.bucket, prefix, marker)
            found += [each.key for each in page]
            if not marker:
                return found

    def etags(self, prefix="out/"):
        page, _ = self.cos.list_objects(self.bucket, prefix)
        return {each.key: each.etag for each in page}
