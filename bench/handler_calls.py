"""One upload handled twice: by functions/image, and by the fewest lines that make the same calls.

`python handler_calls.py function|bare EVENT.json` handles the event once and ends: what
bench/cold_start.py times. The bare side shares no code with ours. It makes the same requests (the
image_process POST, the tags' GET and PUT, the record's PUT) with bodies of the same kind.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
Handler = Callable[[dict[str, Any]], None]


def function() -> Handler:
    """functions/image as SCF loads it: its folder first on the path, `shared` behind it."""
    sys.path[:0] = [str(ROOT / "functions" / "image"), str(ROOT)]
    import index

    context = {"request_id": "bench", "time_limit_in_ms": 60_000}

    def handle(event: dict[str, Any]) -> None:
        outcomes = index.main_handler(event, context)["outcomes"]
        assert [outcome["outcome"] for outcome in outcomes] == ["done"], outcomes

    return handle


def bare() -> Handler:
    """The SDK alone, set up as its manual shows; the client is made once."""
    from qcloud_cos import CosConfig, CosS3Client

    client = CosS3Client(
        CosConfig(
            Region=os.environ["COS_REGION"],
            SecretId=os.environ["COS_SECRET_ID"],
            SecretKey=os.environ["COS_SECRET_KEY"],
            Scheme=os.environ["COS_SCHEME"],
        ),
        retry=0,
    )
    operations = os.environ["BENCH_PIC_OPERATIONS"]
    bucket = os.environ["COS_BUCKET"]
    tags = {"TagSet": {"Tag": [{"Key": "outcome", "Value": "done"}]}}

    def handle(event: dict[str, Any]) -> None:
        key = event["Records"][0]["cos"]["cosObject"]["key"].split("/", 3)[3]
        _, result = client.ci_image_process(Bucket=bucket, Key=key, PicOperations=operations)
        client.get_object_tagging(Bucket=bucket, Key=key)
        client.put_object_tagging(Bucket=bucket, Key=key, Tagging=tags)
        record = json.dumps(result, indent=2).encode()
        client.put_object(
            Bucket=bucket, Key="bench/record.json", Body=record, ContentType="application/json"
        )

    return handle


SIDES = {"function": function, "bare": bare}

if __name__ == "__main__":
    sys.path.pop(0)  # bench/ itself: a deployed function does not see it
    SIDES[sys.argv[1]]()(json.loads(Path(sys.argv[2]).read_text()))
