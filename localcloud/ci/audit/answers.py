"""Jobs as clients see them: after a submit, when asked for, and on the bucket's own host."""

from __future__ import annotations

import time
from typing import Any

from localcloud.ci.audit.kinds import IMAGE, LIVE, TEXT, WEBPAGE
from localcloud.ci.audit.requests import Faulty
from localcloud.ci.audit.store import FAILED, Job

_ZONE = 8 * 3600  # the service tells Beijing's time
_OF_COS = {"TerrorismInfo": "TerroristInfo"}  # the older name, on the bucket's own host


def moment(seconds: float) -> str:
    """`2022-07-18T15:16:43+0800`"""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds + _ZONE)) + "+0800"


def submitted(job: Job) -> dict[str, Any]:
    """JobsDetail of a job that was taken."""
    names_content = job.kind in (IMAGE, WEBPAGE)
    return {
        "DataId": job.wanted.data_id or None,
        "JobId": job.id,
        "State": job.state,
        "CreationTime": moment(job.created) if job.kind is not IMAGE else None,
        **(_named(job) if names_content else {}),
    }


def faulty(found: Faulty) -> dict[str, Any]:
    """JobsDetail of an Input of a batch that no job was made of."""
    return {
        "Code": found.error.code,
        "Message": found.error.message,
        "DataId": found.data_id or None,
        "State": FAILED,
    }


def detail(job: Job) -> dict[str, Any]:
    """JobsDetail of a job, whatever its state."""
    failed = job.state == FAILED
    return {
        "Code": job.code if failed else None,
        "Message": job.message if failed else None,
        "DataId": job.wanted.data_id or None,
        "JobId": job.id,
        "State": job.state,
        "CreationTime": moment(job.created),
        **_named(job),
        "Type": "live_video" if job.kind is LIVE else None,
        **job.detail,
        "ForbidState": job.forbid if job.is_done and job.kind.freezes else None,
        "UserInfo": job.wanted.user_info or None,
        "Encryption": job.wanted.encryption or None,
    }


def recognition(job: Job) -> dict[str, Any]:
    """`RecognitionResult`, what the bucket's own host answers."""
    tree = detail(job)
    for name in ("CreationTime", "ForbidState"):
        tree.pop(name)
    return {_OF_COS.get(name, name): value for name, value in tree.items()}


def _named(job: Job) -> dict[str, Any]:
    return {
        "Object": job.wanted.object or None,
        "Url": job.wanted.url or None,
        "Content": (job.wanted.content or None) if job.kind is TEXT else None,
    }
