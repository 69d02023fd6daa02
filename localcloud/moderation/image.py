"""ImageModeration (`ims` 2020-12-29): one picture, in the request or an object of this cloud.

https://cloud.tencent.com/document/api/1125/53273
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from localcloud.ci.audit import contents, service
from localcloud.ci.audit.contents import Content
from localcloud.ci.audit.errors import NO_POLICY, AuditError
from localcloud.ci.audit.judging import Task
from localcloud.ci.audit.kinds import IMAGE
from localcloud.ci.audit.requests import MAX_FRAMES, Conf, Input
from localcloud.cloud import Cloud
from localcloud.detectors.judgement import (
    BROKEN,
    MISSING,
    NORMAL,
    NOT_ELIGIBLE,
    TOO_LARGE,
    TOO_SMALL,
    Finding,
)
from localcloud.identity.api_errors import ApiError
from localcloud.identity.callers import Caller
from localcloud.limits import MIB
from localcloud.moderation import fields, labels
from localcloud.scf.api import params as read

MAX_CONTENT = 10 * MIB  # of FileContent, as Base64
MAX_FILE = 30 * MIB  # of what FileUrl leads to
_VALUE = "InvalidParameterValue"
# Of what our engines say; a download is a matter of the address.
_CODES = {
    str(BROKEN): f"{_VALUE}.InvalidImageContent",
    str(NOT_ELIGIBLE): f"{_VALUE}.InvalidImageContent",
    str(TOO_LARGE): f"{_VALUE}.InvalidFileContentSize",
    str(TOO_SMALL): f"{_VALUE}.ImageSizeTooSmall",
    str(MISSING): "ResourceUnavailable.ImageDownloadError",
    str(NO_POLICY): f"{_VALUE}.InvalidParameter",
}
_BY_CODES = ("QRCode", "BarCode")


async def image_moderation(cloud: Cloud, caller: Caller, params: dict[str, Any]) -> dict[str, Any]:
    """Judge one picture, at once."""
    read.known(
        params, "BizType", "DataId", "FileContent", "FileUrl", "Interval", "MaxFrames", "User",
        "Device", "Type", "BizTag",
    )  # fmt: skip
    fields.allow(caller, "ims", "ImageModeration")
    biz_type = read.text(params, "BizType", "")
    data_id = fields.data_id(params, f"{_VALUE}.InvalidDataId")
    read.text(params, "BizTag", "")
    fields.people(params)
    kind = read.choice(params, "Type", "IMAGE", ("IMAGE", "IMAGE_AIGC"), _VALUE)
    if kind != "IMAGE":
        raise ApiError("UnsupportedOperation", "Type is IMAGE_AIGC: no local engine tells that")
    # Interval 0 and MaxFrames 1, the defaults, look at the first frame alone.
    wanted = Input(
        url=read.text(params, "FileUrl", ""),
        content=read.text(params, "FileContent", ""),
        interval=max(1, read.number(params, "Interval", 0, highest=MAX_FRAMES, code=_VALUE)),
        max_frames=max(1, read.number(params, "MaxFrames", 1, highest=MAX_FRAMES, code=_VALUE)),
        large=True,
    )
    try:
        content = _content(cloud, wanted)
        task = Task(IMAGE, "", wanted, Conf(biz_type=biz_type), content)
        outcome = await service.of(cloud).judge(task)
    except AuditError as error:
        code = _CODES.get(error.code, "ResourceUnavailable.ModelCallFailed")
        if wanted.url and not wanted.content and error.code not in _CODES:
            code = "ResourceUnavailable.ImageDownloadError"
        raise ApiError(code, error.message) from None
    findings = labels.by_scene(outcome.pieces)
    return {
        **labels.head(labels.worst(findings)),
        "LabelResults": [_model(each) for each in findings],
        "ObjectResults": [_objects(each) for each in findings if each.objects],
        "OcrResults": [_ocr(each) for each in findings if each.ocr],
        "LibResults": [],
        "RecognitionResults": [],
        "DataId": data_id,
        "BizType": biz_type,
        "Extra": labels.explained(findings),
        "FileMD5": await asyncio.to_thread(_md5, content),
    }


def _content(cloud: Cloud, wanted: Input) -> Content:
    if not wanted.content and not wanted.url:
        raise ApiError(f"{_VALUE}.InvalidContent", "FileContent or FileUrl is expected")
    if wanted.content:
        if len(wanted.content) > MAX_CONTENT:
            raise ApiError(
                f"{_VALUE}.InvalidFileContentSize",
                f"FileContent has {len(wanted.content)} characters: {MAX_CONTENT} are allowed",
            )
        data = fields.decoded(wanted.content, f"{_VALUE}.InvalidContent", "FileContent")
        content = Content(len(data), data=data)
        contents.check_size(content, wanted, IMAGE)
        return content
    content = contents.find(cloud, "", wanted, IMAGE)
    if content.size > MAX_FILE:
        raise AuditError(TOO_LARGE, f"the file has {content.size} bytes: {MAX_FILE} are allowed")
    return content


def _md5(content: Content) -> str:
    if content.stored is None:
        return hashlib.md5(content.data, usedforsecurity=False).hexdigest()
    try:
        with content.stored.path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    except OSError:
        return ""  # replaced or deleted since it was judged


def _model(finding: Finding) -> dict[str, Any]:
    named = finding.result != NORMAL and finding.label
    detail = {"Id": 0, "Name": finding.label, "Score": finding.score}
    return {
        "Scene": finding.scene,
        **labels.head(finding),
        "Details": [detail] if named else [],
    }


def _objects(finding: Finding) -> dict[str, Any]:
    is_code = any(seen.name in _BY_CODES for seen in finding.objects)
    return {
        "Scene": "QrCode" if is_code else finding.scene,
        **labels.head(finding),
        "Names": list(dict.fromkeys(seen.name for seen in finding.objects)),
        "Details": [
            {
                "Id": number,
                "Name": seen.name,
                "Value": "",
                "Score": finding.score,
                "Location": labels.location(seen.location),
                "SubLabel": seen.label,
            }
            for number, seen in enumerate(finding.objects)
        ],
    }


def _ocr(finding: Finding) -> dict[str, Any]:
    return {
        "Scene": "OCR",
        **labels.head(finding),
        "Text": "\n".join(line.text for line in finding.ocr)[:5000],
        "Details": [
            {
                "Text": line.text,
                "Label": labels.label(finding),
                "SubLabel": line.label,
                "LibId": "",
                "LibName": "",
                "Keywords": list(line.keywords),
                "Score": finding.score,
                "Rate": 0,
                "Location": labels.location(line.location),
            }
            for line in finding.ocr
        ],
    }
