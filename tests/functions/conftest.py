"""A bucket, an environment and a handler, as the functions' tests need them."""

import importlib.util
import io
import json
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]


def load_handler(name):
    """The entry point of a function, loaded into this process with its folder on the path."""
    folder = ROOT / "functions" / name
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    spec = importlib.util.spec_from_file_location(f"{name}_index", folder / "index.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main_handler


@pytest.fixture(scope="session")
def handler():
    """functions/image."""
    return load_handler("image")


@pytest.fixture
def project(cloud, monkeypatch, tmp_path):
    """A fresh bucket, the environment of a function, and a pipelines.yml to write."""
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("shared.cos._paces", {})
    monkeypatch.setenv("CI_INSTANCES", "1")
    return Project(cloud, monkeypatch, tmp_path)


class Project:
    def __init__(self, cloud, monkeypatch, folder):
        self.cloud, self.bucket, self.client = cloud, cloud.new_bucket(), cloud.client()
        self.monkeypatch, self.file = monkeypatch, folder / "pipelines.yml"
        self.uploads = 0

    def pipelines(self, outputs, when="prefix: uploads/", more="", marks=""):
        lines = "".join(f"      {name}: {{{text}}}\n" for name, text in outputs.items())
        self.file.write_text(
            f"version: 1\npipelines:\n  photos:\n    when: {{{when}}}\n    outputs:\n{lines}"
            f"    record: /records/{{name}}.json\n{more}"
            + (f"watermarks:\n  {marks}\n" if marks else ""),
            encoding="utf-8",
        )
        self.monkeypatch.setenv("PIPELINES_FILE", str(self.file))

    def upload(self, key, body, **kwargs):
        self.client.put_object(Bucket=self.bucket, Key=wire(key), Body=body, **kwargs)
        self.uploads += 1
        return self.event(key, len(body), request_id=f"up-{self.uploads}")

    def event(self, key, size=100, bucket=None, request_id="up-1"):
        bucket = bucket or self.bucket
        name, _, appid = bucket.rpartition("-")
        host = f"{bucket}.cos.ap-guangzhou.myqcloud.com"
        return {
            "Records": [
                {
                    "cos": {
                        "cosObject": {
                            "url": f"http://{host}/{quote(key)}",
                            "key": f"/{appid}/{name}/{key}",
                            "meta": {"x-cos-request-id": request_id},
                            "vid": "",
                            "size": size,
                        },
                        "cosBucket": {"region": "gz", "name": name, "appid": appid},
                    },
                    "event": {"eventName": "cos:ObjectCreated:Put", "eventTime": 1795219200},
                }
            ]
        }

    def get(self, key, bucket=None):
        answer = self.client.get_object(Bucket=bucket or self.bucket, Key=wire(key))
        return answer["Body"].get_raw_stream().read()

    def image(self, key, bucket=None):
        return Image.open(io.BytesIO(self.get(key, bucket)))

    def record(self, name):
        return json.loads(self.get(f"records/{name}.json"))

    def listing(self):
        listed = self.client.list_objects(Bucket=self.bucket).get("Contents", [])
        return [item["Key"] for item in listed]

    def tags(self, key):
        answer = self.client.get_object_tagging(Bucket=self.bucket, Key=wire(key))
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]["Tag"]}


def wire(key):
    return "/" + key if key.startswith("/") else key


def photo(width=60, height=40, format="JPEG"):
    body = io.BytesIO()
    image = Image.new("RGB", (width, height), (200, 30, 30))
    image.paste((30, 30, 200), (width // 2, 0, width, height))
    image.save(body, format, quality=90)
    return body.getvalue()
