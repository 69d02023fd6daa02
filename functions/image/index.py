"""COS put event -> Pic-Operations -> POST /<key>?image_process -> record.

Persistent image processing in the cloud: CI manual 004:7367.
"""

from __future__ import annotations

import time

from shared.attempts import failure
from shared.cos import Cos
from shared.errors import CloudError
from shared.events import Upload
from shared.outcomes import DONE, Call, Outcome, OutputResult
from shared.pic_operations import (
    MAX_RULES,
    OriginalInfo,
    PicOperations,
    PicRule,
    UploadResult,
    absolute_fileid,
)
from shared.pipelines import Pipeline
from shared.runtime import main_handler as build_handler
from shared.variants import Variant, plan


def process(upload: Upload, pipeline: Pipeline, cos: Cos, etag: str) -> Outcome:
    """All outputs of `pipeline` for one upload, five to a request, the service's limit.

    A request that fails ends the work; what earlier requests stored stays and is in the outcome.
    """
    planned = plan(pipeline, upload, etag)
    original: OriginalInfo | None = None
    results: list[OutputResult] = []
    calls: list[Call] = []
    for start in range(0, len(planned), MAX_RULES):
        group = planned[start : start + MAX_RULES]
        clock = time.monotonic()
        try:
            answer = _request(upload, group, cos, is_pic_info=pipeline.is_pic_info and not start)
        except CloudError as error:
            end = failure(error)
            return Outcome(end.status, tuple(results), original, tuple(calls), error, end.reason)
        calls.append(Call(cos.request_id, len(group), round((time.monotonic() - clock) * 1000)))
        original = original or answer.original
        results.extend(
            OutputResult(variant.name, variant.bucket, variant.key, variant.rule, facts)
            for variant, facts in zip(group, answer.objects, strict=True)
        )
    return Outcome(DONE, tuple(results), original, tuple(calls))


def _request(upload: Upload, group: list[Variant], cos: Cos, *, is_pic_info: bool) -> UploadResult:
    rules = tuple(
        PicRule(
            absolute_fileid(variant.key),
            variant.rule,
            variant.bucket if variant.bucket != upload.bucket else None,
        )
        for variant in group
    )
    operations = PicOperations(rules, is_pic_info)
    answer = cos.image_process(upload.bucket, upload.key, operations)
    if len(answer.objects) != len(group):
        raise CloudError(
            "InvalidResponse",
            f"CI answered {len(answer.objects)} results for {len(group)} rules",
            status=502,
            request_id=cos.request_id,
        )
    return answer


main_handler = build_handler("image", process)
