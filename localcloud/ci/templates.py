"""Templates of jobs: `/template` on the ci host (CI manual 004:75075, 004:84794, 004:84969).

Kinds are a table; those that are not in it are refused by name. The page of PicProcess is
missing in the manual, which refers to it (004:68612): https://cloud.tencent.com/document/api/436/84993
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, fromstring, tostring

from localcloud.ci import job_errors
from localcloud.ci.job_errors import refusal, require_bound, time_text
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.cos.settings.shape import Check, Shape, content, maybe, number, one, text, word
from localcloud.errors import ServiceError
from localcloud.http import Request, Response, xml_response

MAX_TEMPLATES = 200
MAX_NAME = 64
MAX_RULE = 8192
_MAX_PAGE = 100
_MAX_IDS = 100
_SETTING = "ci-templates"
_NAME = re.compile(r"[0-9A-Za-z\u4e00-\u9fff_*-]+")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?", re.ASCII)
_FLAG = word("true", "false")
# Kinds of the manual that nothing here can check or carry out.
_NOT_PLAYED = (
    "Animation", "Concat", "HighSpeedHd", "SmartCover", "SpeechRecognition",
    "SuperResolution", "Transcode", "TranscodePro", "Tts", "VideoMontage", "VideoProcess",
    "VoiceSeparate", "Watermark",
)  # fmt: skip


@dataclass(frozen=True)
class PicProcess:
    """What a template of pictures says; `id` and `name` are empty where none was used."""

    id: str
    name: str
    rule: str
    is_pic_info: bool


@dataclass(frozen=True)
class _Kind:
    """What the element of a kind must look like, and what its shape cannot say."""

    wanted: Shape
    check: Callable[[Cloud, str, Element], None]


def flag(where: str, value: str) -> str:
    """A check of an element of true or false; the service's own samples send an empty one."""
    return _FLAG(where, value or "false")


def find(cloud: Cloud, bucket: str, template_id: str) -> PicProcess:
    """The picture template of an id.

    Raises `ServiceError` TemplateNotFound, InvalidArgument for one of another kind.
    """
    found = _load(cloud, bucket).get(template_id)
    if found is None:
        raise refusal("TemplateNotFound", f"TemplateId is {template_id[:100]!r}: there is none")
    if found["tag"] != "PicProcess":
        raise refusal(
            "InvalidArgument", f"TemplateId is {template_id!r}: it is one of {found['tag']}"
        )
    node = _node(found["body"])
    rule = content(node, "ProcessRule")
    return PicProcess(template_id, found["name"], rule, content(node, "IsPicInfo") == "true")


def pic_process(rule: str, *, is_pic_info: bool) -> str:
    """The element `PicProcess`."""
    told = xml.element("IsPicInfo", "true" if is_pic_info else "false")
    return xml.element("PicProcess", told, xml.element("ProcessRule", rule))


async def create(cloud: Cloud, request: Request) -> Response:
    """POST /template. Raises `ServiceError` TemplateNameDuplicate, CreatedTemplateNumLimit."""
    require_bound(cloud, request.bucket)
    tag, name, body = await _read(cloud, request)
    templates = _load(cloud, request.bucket)
    if len(templates) >= MAX_TEMPLATES:
        raise refusal(
            "CreatedTemplateNumLimit", f"the bucket has {MAX_TEMPLATES} templates, the most allowed"
        )
    _check_free(templates, name, "")
    now = time.time()
    template_id = f"t{uuid.uuid4().hex}"
    made = {"tag": tag, "name": name, "body": body, "created": now, "updated": now}
    _save(cloud, request.bucket, {**templates, template_id: made})
    return _answer(request, [_template("Template", request.bucket, template_id, made)])


async def update(cloud: Cloud, request: Request) -> Response:
    """PUT /template/<TemplateId>: replaces it whole; its kind stays."""
    require_bound(cloud, request.bucket)
    templates = _load(cloud, request.bucket)
    template_id, before = _named(request, templates)
    tag, name, body = await _read(cloud, request)
    if tag != before["tag"]:
        raise refusal(
            "InvalidArgument", f"Tag is {tag!r}: the template's own, {before['tag']}, is allowed"
        )
    _check_free(templates, name, template_id)
    made = {**before, "name": name, "body": body, "updated": time.time()}
    _save(cloud, request.bucket, {**templates, template_id: made})
    return _answer(request, [_template("Template", request.bucket, template_id, made)])


async def delete(cloud: Cloud, request: Request) -> Response:
    """DELETE /template/<TemplateId>. Jobs that were made with it keep its rule."""
    require_bound(cloud, request.bucket)
    templates = _load(cloud, request.bucket)
    template_id, _ = _named(request, templates)
    _save(cloud, request.bucket, {k: v for k, v in templates.items() if k != template_id})
    return _answer(request, [xml.element("TemplateId", template_id)])


async def list_templates(cloud: Cloud, request: Request) -> Response:
    """GET /template: by ids, or by tag and name's prefix in pages. There are no official ones."""
    require_bound(cloud, request.bucket)
    page = request.number("pageNumber", 1, 1, 10**6)
    size = request.number("pageSize", 10, 1, _MAX_PAGE)
    tag, category = request.get("tag") or "All", request.get("category") or "Custom"
    if tag not in ("All", *_KINDS, *_NOT_PLAYED):
        raise refusal("InvalidArgument", f"tag is {tag[:50]!r}: All or a kind of template")
    if category not in ("Custom", "Official"):
        raise refusal("InvalidArgument", f"category is {category[:50]!r}: Custom or Official")
    ids = [each for each in request.get("ids").split(",") if each]
    if len(ids) > _MAX_IDS:
        raise refusal("InvalidArgument", f"ids names {len(ids)} templates: at most {_MAX_IDS}")
    templates = _load(cloud, request.bucket) if category == "Custom" else {}
    found = {
        key: value
        for key, value in templates.items()
        if tag in ("All", value["tag"])
        and value["name"].startswith(request.get("name"))
        and (not ids or key in ids)
    }
    shown = list(found) if ids else list(found)[(page - 1) * size : page * size]
    parts: list[object] = []
    if not ids:
        parts += [
            xml.element("TotalCount", len(found)),
            xml.element("PageNumber", page),
            xml.element("PageSize", size),
        ]
    parts += [_template("TemplateList", request.bucket, key, found[key]) for key in shown]
    if unknown := [each for each in ids if each not in found]:
        parts.append(xml.element("NonExistTIDs", *(xml.element("TemplateId", u) for u in unknown)))
    return _answer(request, parts)


def _check_pictures(cloud: Cloud, bucket: str, node: Element) -> None:
    from localcloud.ci.batch.order import check_rule

    check_rule(cloud, bucket, content(node, "ProcessRule"))


def _decimal(lowest: float, highest: float) -> Check:
    """Seconds or a share, above `lowest` and up to `highest`."""

    def checked(where: str, value: str) -> str:
        if not _DECIMAL.fullmatch(value.strip()) or not lowest < float(value) <= highest:
            raise ServiceError(
                "InvalidArgument", f"{where} is {value[:50]!r}: above {lowest:g}, up to {highest:g}"
            )
        return value.strip()

    return checked


def _nothing_more(_cloud: Cloud, _bucket: str, _node: Element) -> None:
    """The shape says all."""


# 004:77537. Kept and told only: there is no job that takes snapshots yet.
_SPRITE: Shape = {
    "CellWidth": maybe(number(8, 4096)),
    "CellHeight": maybe(number(8, 4096)),
    "Padding": maybe(number(0, 1024)),
    "Margin": maybe(number(0, 1024)),
    "Color": one(text(64, 1)),
    "Columns": one(number(1, 10_000)),
    "Lines": one(number(1, 10_000)),
}
_SNAPSHOT: Shape = {
    "Mode": maybe(word("Interval", "Average", "KeyFrame")),
    "Start": maybe(_decimal(-1e-9, 1e9)),
    "TimeInterval": maybe(_decimal(0, 3600)),
    "Count": one(number(1, 10_000)),
    "Width": maybe(number(128, 4096)),
    "Height": maybe(number(128, 4096)),
    "CIParam": maybe(text(MAX_RULE)),
    "IsCheckCount": maybe(flag),
    "IsCheckBlack": maybe(flag),
    "BlackLevel": maybe(number(30, 100)),
    "PixelBlackThreshold": maybe(number(0, 255)),
    "SnapshotOutMode": maybe(word("OnlySnapshot", "OnlySprite", "SnapshotAndSprite")),
    "SpriteSnapshotConfig": maybe(_SPRITE),
}
_KINDS = {
    "Snapshot": _Kind(_SNAPSHOT, _nothing_more),
    "PicProcess": _Kind(
        {"IsPicInfo": maybe(flag), "ProcessRule": one(text(MAX_RULE, 1))},
        _check_pictures,
    ),
}


async def _read(cloud: Cloud, request: Request) -> tuple[str, str, str]:
    """The kind, name and element (as XML) of a body."""
    root = await job_errors.read(request, {"Tag": one(text(64, 1)), "Name": one(text(MAX_NAME, 1))})
    tag, name = content(root, "Tag"), content(root, "Name")
    if tag in _NOT_PLAYED:
        raise ServiceError(
            "NotImplemented", f"templates of {tag} are not played by the local cloud"
        )
    kind = _KINDS.get(tag)
    if kind is None:
        allowed = ", ".join((*_KINDS, *_NOT_PLAYED))
        raise refusal("InvalidArgument", f"Tag is {tag!r}: allowed are {allowed}")
    if not _NAME.fullmatch(name):
        raise refusal(
            "InvalidArgument",
            f"Name is {name!r}: Chinese and Latin letters, digits, _, - and * are allowed",
        )
    node = root.find(tag)
    if node is None:
        raise refusal("InvalidArgument", f"Request has no {tag}: one is expected")
    job_errors.check(node, kind.wanted)
    kind.check(cloud, request.bucket, node)
    return tag, name, tostring(node, encoding="unicode")


def _named(request: Request, templates: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    template_id = request.key.rpartition("/")[2]
    if template_id not in templates:
        raise refusal("TemplateNotFound", f"there is no template {template_id[:100]!r}")
    return template_id, templates[template_id]


def _check_free(templates: dict[str, Any], name: str, own: str) -> None:
    for key, value in templates.items():
        if key != own and value["name"] == name:
            raise refusal("TemplateNameDuplicate", f"Name is {name!r}: {key} is called so")


def _template(root: str, bucket: str, template_id: str, found: dict[str, Any]) -> str:
    return xml.element(
        root,
        xml.element("TemplateId", template_id),
        xml.element("Name", found["name"]),
        xml.element("Tag", found["tag"]),
        xml.element("BucketId", bucket),
        xml.element("Category", "Custom"),
        xml.Markup(found["body"]),
        xml.element("CreateTime", time_text(found["created"])),
        xml.element("UpdateTime", time_text(found["updated"])),
    )


def _answer(request: Request, parts: list[Any]) -> Response:
    named = xml.element("RequestId", request.request_id)
    return xml_response(xml.document("Response", [named, *parts]))


def _node(body: str) -> Element:
    return fromstring(body)  # noqa: S314 - our own writing, made from a checked document


def _load(cloud: Cloud, bucket: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(cloud.storage.get_setting(bucket, _SETTING) or "{}")
    return found


def _save(cloud: Cloud, bucket: str, templates: dict[str, Any]) -> None:
    cloud.storage.set_setting(bucket, _SETTING, json.dumps(templates, ensure_ascii=False))
