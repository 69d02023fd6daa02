"""TextModeration (`tms` 2020-12-29): one text of up to 10,000 characters, in the request.

https://cloud.tencent.com/document/api/1124/51860
"""

from __future__ import annotations

from typing import Any

from localcloud.ci.audit import service
from localcloud.ci.audit.contents import Content
from localcloud.ci.audit.errors import NO_POLICY, AuditError
from localcloud.ci.audit.judging import Task
from localcloud.ci.audit.kinds import TEXT
from localcloud.ci.audit.requests import MAX_CHARACTERS, Conf, Input
from localcloud.cloud import Cloud
from localcloud.detectors.judgement import NORMAL, Finding
from localcloud.identity.api_errors import ApiError
from localcloud.identity.callers import Caller
from localcloud.moderation import fields, labels
from localcloud.scf.api import params as read

_VALUE = "InvalidParameterValue"


async def text_moderation(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """Judge one text, at once."""
    read.known(
        params, "Content", "BizType", "DataId", "User", "Device", "SourceLanguage", "Type",
        "SessionId", "BizTag",
    )  # fmt: skip
    fields.allow(caller, "tms", "TextModeration")
    biz_type = read.text(params, "BizType", "")
    data_id = fields.data_id(params, f"{_VALUE}.InvalidDataId")
    session = read.text(params, "SessionId", "")
    read.text(params, "BizTag", "")
    fields.people(params)
    read.choice(params, "SourceLanguage", "zh", ("zh", "en"), _VALUE)
    kind = read.choice(params, "Type", "TEXT", ("TEXT", "TEXT_AIGC"), f"{_VALUE}.ErrType")
    if kind != "TEXT":
        raise ApiError(f"{_VALUE}.ErrType", "Type is TEXT_AIGC: no local engine tells that")
    data = _content(read.text(params, "Content"))
    task = Task(TEXT, "", Input(), Conf(biz_type=biz_type), Content(len(data), data=data))
    try:
        outcome = await service.of(cloud).judge(task)
    except AuditError as error:
        code = "InternalError.ErrTextTimeOut"
        if error.code == str(NO_POLICY):
            code = f"{_VALUE}.InvalidBizType"
        raise ApiError(code, error.message) from None
    findings = labels.by_scene(outcome.pieces)
    worst = labels.worst(findings)
    return {
        **labels.head(worst),
        "BizType": biz_type,
        "Keywords": list(worst.keywords) if worst.result != NORMAL else [],
        "DetailResults": [_detail(each) for each in findings if each.result != NORMAL],
        "RiskDetails": [],
        "Extra": labels.explained(findings),
        "DataId": data_id,
        "ContextText": "",
        "SessionId": session,
    }


def _content(text: str) -> bytes:
    data = fields.decoded(text, f"{_VALUE}.ErrTextContentType", "Content")
    try:
        characters = len(data.decode())
    except UnicodeDecodeError:
        raise ApiError(f"{_VALUE}.ErrFileContent", "Content is no UTF-8") from None
    if not 0 < characters <= MAX_CHARACTERS:
        raise ApiError(
            f"{_VALUE}.ErrTextContentLen",
            f"Content has {characters} characters: 1 to {MAX_CHARACTERS} are allowed",
        )
    return data


def _detail(finding: Finding) -> dict[str, Any]:
    custom = next((hit for hit in finding.hits if not hit.preset), None)
    return {
        **labels.head(finding),
        "Keywords": list(finding.keywords),
        "LibType": 2 if custom else 1,
        "LibId": "",
        "LibName": custom.library if custom else "",
        "Tags": [
            {"Keyword": word, "SubLabel": finding.label, "Score": finding.score}
            for word in finding.keywords
        ],
        "HitInfos": [
            {
                "Type": "Keyword",
                "Keyword": hit.keyword,
                "LibName": hit.library,
                "Positions": [{"Start": hit.start, "End": hit.end}],
            }
            for hit in finding.hits
        ],
    }
