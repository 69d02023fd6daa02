"""The shipped project, served by a local cloud of its own, and the SDK that reaches it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qcloud_cos import CosConfig, CosS3Client

from localcloud.child import ChildCloud, serve
from localcloud.config import DEFAULT_REGION, Config

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def shipped(wakes: str = "dispatch", pipelines: str = "") -> Iterator[ChildCloud]:
    """A cloud whose uploads wake the function `wakes`, with another pipelines.yml if given."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        for part in ("functions", "shared"):
            (folder / part).symlink_to(ROOT / part)
        text = (ROOT / "serverless.yml").read_text("utf-8")
        text = text.replace("      function: dispatch\n", f"      function: {wakes}\n")
        (folder / "serverless.yml").write_text(text, "utf-8")
        pipelines = pipelines or (ROOT / "pipelines.yml").read_text("utf-8")
        (folder / "pipelines.yml").write_text(pipelines, "utf-8")
        with serve(folder, "--project", name) as cloud:
            yield cloud


def sdk(cloud: ChildCloud) -> CosS3Client:
    """The SDK, aimed at the cloud."""
    config = Config()
    return CosS3Client(
        CosConfig(
            Region=DEFAULT_REGION,
            SecretId=config.secret_id,
            SecretKey=config.secret_key,
            Scheme="http",
            Proxies={"http": cloud.endpoint},
        ),
        retry=0,
    )
