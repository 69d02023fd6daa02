"""What both sides of cold_start.py and warm.py get: a cloud, one uploaded photo, its event."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
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

KEY = "uploads/bench.jpg"


@contextmanager
def uploaded() -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """The event of an upload, and the environment in which either side handles it.

    The photo has 64x64 pixels: the server's work counts for both sides alike, and a large photo
    would hide the difference.
    """
    photo = io.BytesIO()
    Image.effect_noise((64, 64), 40).convert("RGB").save(photo, "JPEG")
    event = cos_event(
        bucket=DEFAULT_BUCKET,
        region=DEFAULT_REGION,
        key=KEY,
        size=len(photo.getvalue()),
        event_name="cos:ObjectCreated:Put",
        event_time=1_793_000_000,
        meta={"Content-Type": "image/jpeg"},
    )
    (upload,) = parse(event)
    (pipeline,) = load(servers.ROOT / "pipelines.yml").match(upload)
    rules = tuple(
        PicRule(absolute_fileid(variant.key), variant.rule) for variant in plan(pipeline, upload)
    )
    with servers.local_cloud() as cloud:
        servers.client(cloud).put_object(Bucket=DEFAULT_BUCKET, Key=KEY, Body=photo.getvalue())
        variables = client_environment(f"http://127.0.0.1:{cloud.port}", Config())
        # The layer holds the checked pipelines too, as in the cloud.
        variables["PIPELINES_FILE"] = str(link_layer(servers.ROOT).path / "pipelines.yml")
        variables["BENCH_PIC_OPERATIONS"] = PicOperations(rules, is_pic_info=True).to_header()
        yield event, {**os.environ, **variables}
