"""What both sides of cold_start.py and warm.py get: a cloud, one uploaded photo, its event."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import servers
from PIL import Image

from localcloud.config import DEFAULT_BUCKET, DEFAULT_REGION, Config, client_environment
from localcloud.events import cos_event
from localcloud.scf.layer import link_layer
from shared.events import parse
from shared.pic_operations import PicOperations, PicRule, absolute_fileid
from shared.pipelines import load
from shared.variants import plan

Event = dict[str, Any]


@contextmanager
def uploads() -> Iterator[tuple[Callable[[], Event], dict[str, str]]]:
    """What uploads one more photo and gives its event, and the environment of either side.

    Each event is handled once: the ledger would know it the second time. The photo has 64x64
    pixels: the server's work counts for both sides alike, a large one would hide the difference.
    """
    photo = io.BytesIO()
    Image.effect_noise((64, 64), 40).convert("RGB").save(photo, "JPEG")
    numbers = itertools.count()
    with servers.local_cloud() as cloud:
        client = servers.client(cloud)

        def upload() -> Event:
            key = f"uploads/bench-{next(numbers)}.jpg"
            client.put_object(Bucket=DEFAULT_BUCKET, Key=key, Body=photo.getvalue())
            return cos_event(
                bucket=DEFAULT_BUCKET,
                region=DEFAULT_REGION,
                key=key,
                size=len(photo.getvalue()),
                event_name="cos:ObjectCreated:Put",
                event_time=1_793_000_000,
                meta={"Content-Type": "image/jpeg"},
            )

        variables = client_environment(f"http://127.0.0.1:{cloud.port}", Config())
        # The layer holds the checked pipelines too, as in the cloud.
        variables["PIPELINES_FILE"] = str(link_layer(servers.ROOT).path / "pipelines.yml")
        variables["BENCH_PIC_OPERATIONS"] = _operations(upload())
        variables["CI_INSTANCES"] = "1"  # the pace is not what is measured
        yield upload, {**os.environ, **variables}


def _operations(event: Event) -> str:
    """The header that the shipped pipeline makes for a photo."""
    (upload,) = parse(event)
    (pipeline,) = load(servers.ROOT / "pipelines.yml").match(upload)
    rules = tuple(
        PicRule(absolute_fileid(variant.key), variant.rule) for variant in plan(pipeline, upload)
    )
    return PicOperations(rules, is_pic_info=True).to_header()
