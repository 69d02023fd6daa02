"""COS event documents -> uploads.

Real events are untidy: several records, short region names, keys as `/appid/bucket/key`, sometimes
percent-encoded, sometimes empty. Everything after `parse` sees one clean `Upload` per record.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

MAX_RECORDS = 1000
# Fields of ours beside `Records`: the id of the dead letter that an event comes from, and the names
# of the only pipelines that are meant.
LETTER, ONLY = "letter", "pipelines"
# How the request ids of uploads begin that no event told of: found in a listing, or to be processed
# although they were before.
LISTED, FORCED = "listed-", "forced-"
MAX_KEY_BYTES = 850  # COS refuses longer object keys

# Short names of old events; the host in `url` is preferred where there is one.
REGIONS = {
    "bj": "ap-beijing",
    "bjjr": "ap-beijing-fsi",
    "ca": "na-toronto",
    "cd": "ap-chengdu",
    "cq": "ap-chongqing",
    "ger": "eu-frankfurt",
    "gz": "ap-guangzhou",
    "hk": "ap-hongkong",
    "in": "ap-mumbai",
    "jp": "ap-tokyo",
    "kr": "ap-seoul",
    "nj": "ap-nanjing",
    "sg": "ap-singapore",
    "sh": "ap-shanghai",
    "shjr": "ap-shanghai-fsi",
    "szjr": "ap-shenzhen-fsi",
    "th": "ap-bangkok",
    "use": "na-ashburn",
    "usw": "na-siliconvalley",
}
_HOST = re.compile(
    r"(?P<bucket>[a-z0-9-]+-(?P<appid>\d+))\.cos(?:-internal)?\.(?P<region>[a-z]+(?:-[a-z0-9]+)+)"
    r"\.(?:myqcloud\.com|tencentcos\.cn)"
)
_REGION = re.compile(r"[a-z]{2,}-[a-z0-9-]+")
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_META = "x-cos-meta-"


class EventError(ValueError):
    """The event is not one that COS sends; the message names the field and what is expected."""


@dataclass(frozen=True)
class Upload:
    """One COS record.

    `bucket` is `name-appid`; `key` is decoded and has no leading slash; `size` is in bytes (None
    when the event does not say); `event_time` is in Unix seconds; `version_id` is empty without
    versioning; `request_id` identifies the upload itself, empty when the event does not carry it.
    `passed` names the gates (pipelines with `gate: true`) that let it through, and `etag` is what
    they judged: only our own invokes say so, never a trigger.
    `source_ip` is the uploader's address as the event writes it; `meta` holds the upload's
    `x-cos-meta-*` headers, names in lower case without that prefix.
    """

    bucket: str
    region: str
    key: str
    size: int | None = None
    event_name: str = "cos:ObjectCreated:*"
    event_time: int = 0
    version_id: str = ""
    request_id: str = ""
    content_type: str = ""
    source_ip: str = ""
    meta: tuple[tuple[str, str], ...] = ()
    passed: tuple[str, ...] = ()
    etag: str = ""

    @property
    def created(self) -> bool:
        """Whether the record says that an object came into being."""
        return self.event_name.startswith("cos:ObjectCreated:")


def parse(event: object) -> list[Upload]:
    """All uploads of a COS event. Raises `EventError` for the first record that is none."""
    return [parse_record(record, index) for index, record in enumerate(records(event))]


def document(upload: Upload) -> dict[str, Any]:
    """The COS event of one upload, without the signature that the real one carries: what `parse`
    reads back to an equal `Upload`."""
    name, _, appid = upload.bucket.rpartition("-")
    meta = {f"{_META}{key}": value for key, value in upload.meta}
    host = f"{upload.bucket}.cos.{upload.region}.myqcloud.com"
    return {
        "Records": [
            {
                "cos": {
                    "cosSchemaVersion": "1.0",
                    "cosObject": {
                        "url": f"http://{host}/{quote(upload.key, safe='/-_.~', errors='replace')}",
                        "meta": {
                            "x-cos-request-id": upload.request_id,
                            "Content-Type": upload.content_type,
                            **meta,
                        },
                        "vid": upload.version_id,
                        "key": f"/{appid}/{name}/{upload.key}",
                        "size": upload.size,
                    },
                    "cosBucket": {"region": upload.region, "name": name, "appid": appid},
                    "cosNotificationId": "",
                },
                "event": {
                    "eventName": upload.event_name,
                    "eventVersion": "1.0",
                    "eventTime": upload.event_time,
                    "eventSource": "qcs::cos",
                    "requestParameters": {"requestSourceIP": upload.source_ip},
                },
                **_passed(upload),
            }
        ]
    }


def step_document(upload: Upload, pipeline: str) -> dict[str, Any]:
    """The event that begins one pipeline's work on `upload` again. What was found in a listing is
    meant for the pipelines that were asked for, and for no others of their function."""
    event = document(upload)
    if upload.request_id.startswith((LISTED, FORCED)):
        event[ONLY] = [pipeline]
    return event


def _passed(upload: Upload) -> dict[str, Any]:
    if not upload.passed:
        return {}
    return {"passed": {"pipelines": list(upload.passed), "etag": upload.etag}}


def records(event: object) -> list[object]:
    """The raw records of an event, so that one bad record need not spoil the others."""
    if not isinstance(event, Mapping):
        raise EventError(f"the event is a {type(event).__name__}: a JSON object is expected")
    found = event.get("Records")
    if not isinstance(found, list) or not found:
        fields = ", ".join(sorted(str(field) for field in event)[:8]) or "nothing"
        raise EventError(
            f"the event has no Records (it holds {fields}): a COS event "
            '{"Records": [{"cos": ..., "event": ...}]} is expected'
        )
    if len(found) > MAX_RECORDS:
        raise EventError(f"Records holds {len(found)} entries: at most {MAX_RECORDS} are allowed")
    return found


def parse_record(record: object, index: int = 0) -> Upload:
    """One record -> one upload. Raises `EventError`."""
    where = f"Records[{index}]"
    cos = _mapping(record, "cos", where)
    obj = _mapping(cos, "cosObject", f"{where}.cos")
    bucket_info = _mapping(cos, "cosBucket", f"{where}.cos")
    event = _mapping(record, "event", where)
    meta = obj.get("meta")
    meta = meta if isinstance(meta, Mapping) else {}
    passed = record.get("passed") if isinstance(record, Mapping) else None
    passed = passed if isinstance(passed, Mapping) else {}
    names = passed.get("pipelines")
    host, url_path = _split_url(_text(obj.get("url")))
    bucket, appid = _bucket(bucket_info, host, f"{where}.cos.cosBucket")
    return Upload(
        bucket=bucket,
        region=_region(bucket_info, host, f"{where}.cos.cosBucket.region"),
        key=_key(_text(obj.get("key")), url_path, bucket, appid, f"{where}.cos.cosObject.key"),
        size=_size(obj.get("size"), f"{where}.cos.cosObject.size"),
        event_name=_event_name(event.get("eventName"), f"{where}.event.eventName"),
        event_time=_time(event.get("eventTime"), f"{where}.event.eventTime"),
        version_id=_text(obj.get("vid")),
        request_id=_header(meta, "x-cos-request-id"),
        content_type=_header(meta, "content-type"),
        source_ip=_source_ip(event),
        meta=_user_meta(meta),
        passed=tuple(map(_text, names)) if isinstance(names, list) else (),
        etag=_text(passed.get("etag")),
    )


def _mapping(parent: object, field: str, where: str) -> Mapping[str, Any]:
    value = parent.get(field) if isinstance(parent, Mapping) else None
    if not isinstance(value, Mapping):
        raise EventError(f"{where}.{field} is missing: an object is expected there")
    return value


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _header(meta: Mapping[str, Any], name: str) -> str:
    return next((_text(v) for k, v in meta.items() if str(k).lower() == name), "")


def _user_meta(meta: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    headers = ((str(name).lower(), _text(value)) for name, value in meta.items())
    return tuple((name[len(_META) :], value) for name, value in headers if name.startswith(_META))


def _source_ip(event: Mapping[str, Any]) -> str:
    parameters = event.get("requestParameters")
    return _text(parameters.get("requestSourceIP")) if isinstance(parameters, Mapping) else ""


def _split_url(url: str) -> tuple[re.Match[str] | None, str]:
    """Host (matched) and undecoded path. By hand: `?` and `#` may stand in a raw key."""
    scheme, separator, rest = url.partition("://")
    rest = rest if separator else scheme
    authority, _, path = rest.partition("/")
    return _HOST.fullmatch(authority.lower().split(":")[0]), path


def _bucket(info: Mapping[str, Any], host: re.Match[str] | None, where: str) -> tuple[str, str]:
    if host:
        return host["bucket"], host["appid"]
    name, appid = _text(info.get("name")), str(info.get("appid") or "")
    if not _NAME.fullmatch(name):
        raise EventError(f"{where}.name is {name!r}: a bucket name is expected")
    if appid and not appid.isdecimal():
        raise EventError(f"{where}.appid is {appid!r}: digits are expected")
    if appid and not name.endswith(f"-{appid}"):
        return f"{name}-{appid}", appid
    if not re.fullmatch(r".+-\d+", name):
        raise EventError(f"{where}.appid is missing: digits are expected, or name-appid as name")
    return name, name.rpartition("-")[2]


def _region(info: Mapping[str, Any], host: re.Match[str] | None, where: str) -> str:
    if host:
        return host["region"]
    region = _text(info.get("region"))
    region = REGIONS.get(region, region)
    if not _REGION.fullmatch(region):
        raise EventError(
            f"{where} is {region!r}: a region such as ap-guangzhou, or one of "
            f"{', '.join(REGIONS)} is expected"
        )
    return region


def _key(raw: str, url_path: str, bucket: str, appid: str, where: str) -> str:
    """The object's key. Of the readings of `key`, the one that `url` confirms wins."""
    name = bucket[: -len(appid) - 1]
    prefixes = (f"/{appid}/{name}/", f"/{appid}/{bucket}/")
    readings = [_strip(text, prefixes) for text in (raw, unquote(raw)) if text]
    from_url = [unquote(url_path), url_path] if url_path else []
    confirmed = [key for key in from_url if key in readings]
    literal = readings[:1] if raw.startswith("/") else readings[1:]
    key = next(iter([*confirmed, *literal, *from_url]), "")
    if not key:
        raise EventError(f"{where} is empty and cosObject.url names no object: one is required")
    if len(key.encode("utf-8", "surrogatepass")) > MAX_KEY_BYTES:
        raise EventError(f"{where} is longer than {MAX_KEY_BYTES} bytes")
    return key


def _strip(text: str, prefixes: tuple[str, str]) -> str:
    for prefix in prefixes:
        if text.startswith(prefix):
            return text[len(prefix) :]
    return text[1:] if text.startswith("/") else text


def _size(value: object, where: str) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise EventError(f"{where} is {value!r}: a number of bytes is expected")
    if isinstance(value, str) and not (value.isascii() and value.isdecimal() and len(value) < 20):
        raise EventError(f"{where} is {value[:40]!r}: a number of bytes is expected")
    if int(value) < 0:
        raise EventError(f"{where} is {value!r}: it cannot be negative")
    return int(value)


def _event_name(value: object, where: str) -> str:
    name = _text(value)
    if not re.fullmatch(r"cos:Object[A-Za-z]+:(?:\*|[A-Za-z]+)", name):
        raise EventError(
            f"{where} is {name!r}: a COS event such as cos:ObjectCreated:Put is expected"
        )
    return name


def _time(value: object, where: str) -> int:
    if value is None or value == "":
        return 0
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 14:
        return int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e11:
        return int(value)
    raise EventError(f"{where} is {value!r}: Unix seconds are expected")
