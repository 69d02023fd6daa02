"""Upload the samples as any program would, and wait for the records that the function writes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qcloud_cos import CosClientError, CosConfig, CosS3Client, CosServiceError

from localcloud.child import ChildCloud
from localcloud.config import DEFAULT_BUCKET, DEFAULT_REGION, Config
from localcloud.demo.result import Output, Result
from localcloud.demo.samples import DemoError, Sample
from shared import pipelines, records
from shared.errors import ConfigError
from shared.events import Upload
from shared.verdicts import PASS

POLL_SECONDS = 0.05
CALL_SECONDS = 30


@dataclass(frozen=True)
class _Expected:
    """A record to come: `request_id` of the upload tells it from an earlier run's. `gates` are the
    records of the audits that must let the upload pass first."""

    sample: Sample
    pipeline: str
    record_key: str
    request_id: str
    gates: tuple[str, ...] = ()


class Bucket:
    """The default bucket of a running local cloud, through the real SDK."""

    def __init__(self, endpoint: str, config: Config) -> None:
        self.name = DEFAULT_BUCKET
        self._client = CosS3Client(
            CosConfig(
                Region=DEFAULT_REGION,
                SecretId=config.secret_id,
                SecretKey=config.secret_key,
                Scheme="http",
                Proxies={"http": endpoint},
                Timeout=CALL_SECONDS,
            ),
            retry=0,
        )

    def put(self, sample: Sample) -> str:
        """Upload; the request's id."""
        answer = self._client.put_object(
            Bucket=self.name,
            Key=sample.key,
            Body=sample.path.read_bytes(),
            ContentType=sample.content_type,
        )
        return str(answer["x-cos-request-id"])

    def get(self, key: str, bucket: str = "") -> bytes | None:
        """The object's bytes, None if there is no such object (yet)."""
        try:
            answer = self._client.get_object(Bucket=bucket or self.name, Key=key)
        except CosServiceError as error:
            if error.get_status_code() == 404:
                return None
            raise
        return bytes(answer["Body"].get_raw_stream().read())


def run(
    samples: list[Sample],
    project: Path,
    cloud: ChildCloud,
    *,
    seconds: float,
    progress: Callable[[int, int], None],
) -> list[Result]:
    """Upload every sample and collect a result for each sample and pipeline.

    `seconds` bounds the wait for the records; `progress(done, all)` is called as they arrive.
    Raises `DemoError` when the cloud does not answer or no pipeline wants a sample.
    """
    bucket = Bucket(cloud.endpoint, Config())
    try:
        expected = _upload(samples, bucket, pipelines.load(project / "pipelines.yml"))
        return _collect(expected, bucket, cloud, seconds, progress)
    except ConfigError as error:
        raise DemoError(f"pipelines.yml cannot be used: {error}") from None
    except (CosClientError, CosServiceError) as error:
        raise DemoError(f"the local cloud refused a request: {error}") from None


def _upload(
    samples: list[Sample], bucket: Bucket, configured: pipelines.Pipelines
) -> list[_Expected]:
    expected: list[_Expected] = []
    for sample in samples:
        upload = Upload(
            bucket=bucket.name,
            region=DEFAULT_REGION,
            key=sample.key,
            size=sample.path.stat().st_size,
            event_name="cos:ObjectCreated:Put",
            event_time=int(time.time()),
            content_type=sample.content_type,
        )
        matching = configured.match(upload)
        if not matching:
            raise DemoError(f"no pipeline of pipelines.yml wants {sample.key}")
        request_id = bucket.put(sample)
        keys = {each.name: records.record_key(each, upload) for each in matching}
        gates = tuple(keys[name] for name in pipelines.waits_for(matching, ()))
        expected += [
            _Expected(
                sample,
                pipeline.name,
                keys[pipeline.name],
                request_id,
                () if pipeline.audit else gates,
            )
            for pipeline in matching
        ]
    return expected


def _collect(
    expected: list[_Expected],
    bucket: Bucket,
    cloud: ChildCloud,
    seconds: float,
    progress: Callable[[int, int], None],
) -> list[Result]:
    found: dict[int, Result] = {}
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    progress(0, len(expected))
    while len(found) < len(expected) and time.monotonic() < deadline and cloud.alive:
        for index, entry in enumerate(expected):
            if index not in found and (result := _look(entry, bucket)):
                found[index] = result
                progress(len(found), len(expected))
        if len(found) < len(expected):
            pause.wait(POLL_SECONDS)
    return [
        found.get(index, Result(entry.sample, entry.pipeline, entry.record_key, None))
        for index, entry in enumerate(expected)
    ]


def _look(entry: _Expected, bucket: Bucket) -> Result | None:
    """What became of it, if that is known by now."""
    if record := _record(entry, entry.record_key, bucket):
        return _result(entry, record, bucket)
    for key in entry.gates:
        judged = _record(entry, key, bucket)
        if judged and judged["audit"]["verdict"]["result"] != PASS:
            return Result(
                entry.sample, entry.pipeline, entry.record_key, None,
                held=f"{judged['pipeline']}: {judged['reason']}",
            )  # fmt: skip
    return None


def _record(entry: _Expected, key: str, bucket: Bucket) -> dict[str, Any] | None:
    body = bucket.get(key)
    record = json.loads(body) if body else None
    return record if record and record["upload"]["request_id"] == entry.request_id else None


def _result(entry: _Expected, record: dict[str, Any], bucket: Bucket) -> Result:
    result = Result(entry.sample, entry.pipeline, entry.record_key, record)
    outputs = []
    for facts in record["outputs"]:
        data = bucket.get(facts["key"], facts["bucket"])
        if data is None:
            raise DemoError(f"{entry.record_key} names {facts['key']}, which is not in the bucket")
        outputs.append(Output(facts, data))
    return replace(result, outputs=tuple(outputs))
