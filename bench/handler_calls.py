"""One upload handled twice: by functions/image, and by the fewest lines that make the same calls.

`python handler_calls.py function|bare|unguarded EVENT.json` handles the event once and ends: what
bench/cold_start.py times. The bare sides share no code with ours. `bare` makes the same requests
(whether the bucket has versions, once; the claim's PUT, the image_process POST, the tags' GET and
PUT, the record's PUT, the claim's close) with bodies of the same kind; `unguarded` leaves out the
claim, as a handler does that would process an event twice.
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


def bare(*, guarded: bool = True) -> Handler:
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
    asked: list[Any] = []
    tags = {"TagSet": {"Tag": [{"Key": "outcome", "Value": "done"}]}}

    def claim(key: str, body: dict[str, Any], headers: dict[str, str]) -> None:
        client.put_object(
            Bucket=bucket, Key=f"claims/{key}", Body=json.dumps(body), Metadata=headers
        )

    def handle(event: dict[str, Any]) -> None:
        key = event["Records"][0]["cos"]["cosObject"]["key"].split("/", 3)[3]
        if guarded:
            if not asked:
                asked.append(client.get_bucket_versioning(Bucket=bucket))
            claim(key, event, {"x-cos-forbid-overwrite": "true"})
        _, result = client.ci_image_process(Bucket=bucket, Key=key, PicOperations=operations)
        client.get_object_tagging(Bucket=bucket, Key=key)
        client.put_object_tagging(Bucket=bucket, Key=key, Tagging=tags)
        record = json.dumps(result, indent=2).encode()
        client.put_object(
            Bucket=bucket, Key="bench/record.json", Body=record, ContentType="application/json"
        )
        if guarded:
            claim(key, {"closed": True}, {})

    return handle


def unguarded() -> Handler:
    """The bare side without a claim."""
    return bare(guarded=False)


SIDES = {"function": function, "bare": bare, "unguarded": unguarded}

if __name__ == "__main__":
    sys.path.pop(0)  # bench/ itself: a deployed function does not see it
    SIDES[sys.argv[1]]()(json.loads(Path(sys.argv[2]).read_text()))
