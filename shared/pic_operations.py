"""`Pic-Operations`: the request header of persistent image processing, and its answer.

CI manual 004:7057 and 001 (Persistent Image Processing). The same types build the header in a
function and read it in the local cloud, so both sides agree on what is allowed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

MAX_RULES = 5
MAX_HEADER_BYTES = 32 * 1024
_FIELDS = ("is_pic_info", "rules")
_RULE_FIELDS = ("bucket", "fileid", "rule")


class PicOperationsError(ValueError):
    """A `Pic-Operations` value that CI refuses; `number` is CI's own code (004:94096)."""

    def __init__(self, message: str, number: int = -60998) -> None:
        super().__init__(message)
        self.number = number
        self.message = message


@dataclass(frozen=True)
class PicRule:
    """One result to be stored: `rule` applied to the source, written to `fileid`.

    `fileid` is the wire form: percent-encoded, absolute with a leading `/`, else relative to the
    source's folder. `bucket` is the target as `BucketName-APPID`, None for the source's own.
    """

    fileid: str
    rule: str
    bucket: str | None = None


@dataclass(frozen=True)
class PicOperations:
    """The whole header value. `is_pic_info` asks for facts about the source in the answer."""

    rules: tuple[PicRule, ...]
    is_pic_info: bool = False

    def to_header(self) -> str:
        """One line of ASCII JSON, ready for the `Pic-Operations` header."""
        if len(self.rules) > MAX_RULES:
            raise _too_many(len(self.rules))
        rules = [
            {
                **({"bucket": rule.bucket} if rule.bucket else {}),
                "fileid": rule.fileid,
                "rule": rule.rule,
            }
            for rule in self.rules
        ]
        document = {"is_pic_info": int(self.is_pic_info), "rules": rules}
        return json.dumps(document, separators=(",", ":"))

    @classmethod
    def from_header(cls, text: str) -> PicOperations:
        """Read a header value. Raises `PicOperationsError` naming the field, value and remedy."""
        if len(text) > MAX_HEADER_BYTES:
            raise PicOperationsError(
                f"Pic-Operations has {len(text)} characters: allowed are {MAX_HEADER_BYTES}"
            )
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise PicOperationsError(f"Pic-Operations is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise PicOperationsError("Pic-Operations must be a JSON object with is_pic_info, rules")
        _refuse_unknown(document, _FIELDS, "Pic-Operations")
        rules = document.get("rules", [])
        if not isinstance(rules, list):
            raise PicOperationsError("rules must be an array of {bucket, fileid, rule}")
        if len(rules) > MAX_RULES:
            raise _too_many(len(rules))
        return cls(
            rules=tuple(_read_rule(rule, f"rules[{index}]") for index, rule in enumerate(rules)),
            is_pic_info=_read_flag(document.get("is_pic_info", 0)),
        )


def _too_many(count: int) -> PicOperationsError:
    return PicOperationsError(
        f"rules holds {count} entries: at most {MAX_RULES} are allowed in one request", -60997
    )


def _refuse_unknown(mapping: Mapping[str, object], allowed: tuple[str, ...], where: str) -> None:
    unknown = sorted(set(mapping) - set(allowed))
    if unknown:
        raise PicOperationsError(
            f"{where} has the unknown field {unknown[0]!r}: allowed are {', '.join(allowed)}"
        )


def _read_flag(value: object) -> bool:
    # Clients write the number as text too; anything else is a mistake worth naming.
    if value in (0, 1, "0", "1"):
        return value in (1, "1")
    raise PicOperationsError(f"is_pic_info is {value!r}: allowed are 0 and 1")


def _read_rule(value: object, where: str) -> PicRule:
    if not isinstance(value, dict):
        raise PicOperationsError(f"{where} must be an object with fileid and rule")
    _refuse_unknown(value, _RULE_FIELDS, where)
    for field in ("fileid", "rule"):
        if not isinstance(value.get(field), str) or not value[field]:
            raise PicOperationsError(f"{where}.{field} must be a non-empty string")
    bucket = value.get("bucket")
    if bucket is not None and not isinstance(bucket, str):
        raise PicOperationsError(f"{where}.bucket must be a string BucketName-APPID")
    check_fileid(value["fileid"], f"{where}.fileid")
    return PicRule(value["fileid"], value["rule"], bucket or None)


def check_fileid(fileid: str, where: str = "fileid") -> None:
    """Refuse a `fileid` that names no object: empty, or ending in `/` (004:7136)."""
    if not fileid.strip("/"):
        raise PicOperationsError(f"{where} is {fileid!r}: a file name is required")
    if fileid.endswith("/"):
        raise PicOperationsError(
            f"{where} is {fileid!r}: it must not end with '/', that would be an empty file name"
        )


def absolute_fileid(key: str) -> str:
    """The `fileid` that stores exactly at `key` (decoded, without leading slash)."""
    return "/" + quote(key, safe="/-_.~")


def target_key(source_key: str, fileid: str) -> str:
    """The key (decoded, no leading slash) that `fileid` means for a source (004:7130).

    >>> target_key("p1/test1.jpg", "/p2/test2.jpg"), target_key("p1/test1.jpg", "p2/test2.jpg")
    ('p2/test2.jpg', 'p1/p2/test2.jpg')
    """
    name = unquote(fileid)
    if name.startswith("/"):
        return name[1:]
    folder, slash, _ = source_key.rpartition("/")
    return folder + slash + name


@dataclass(frozen=True)
class ProcessedObject:
    """One stored result of `UploadResult.ProcessResults` (004:7213). `size` in bytes.

    `watermark_status` says how sure it is that a full blind mark was found, 0 to 100 (004:8557:
    above 75 it is, from 60 it may be); None for all but the extraction of type 2.
    """

    key: str
    location: str
    format: str
    width: int
    height: int
    size: int
    quality: int
    etag: str
    frames: int
    watermark_status: int | None = None


@dataclass(frozen=True)
class OriginalInfo:
    """The source, from `UploadResult.OriginalInfo` (004:7180).

    Format and what follows are empty, 0 or 1 unless the request had `is_pic_info`.
    """

    key: str
    location: str
    etag: str
    format: str = ""
    width: int = 0
    height: int = 0
    quality: int = 0
    average: str = ""
    orientation: int = 1
    frames: int = 1


@dataclass(frozen=True)
class UploadResult:
    """CI's answer to persistent processing."""

    original: OriginalInfo
    objects: tuple[ProcessedObject, ...]

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> UploadResult:
        """From the dict that the SDK makes of the answer's XML.

        Raises `ValueError` when the answer is not an UploadResult.
        """
        original = data.get("OriginalInfo")
        if not isinstance(original, Mapping):
            raise ValueError("the answer has no OriginalInfo")
        results = data.get("ProcessResults") or {}
        # One result is a dict, several are a list: the SDK does not normalise this one.
        objects = results.get("Object") or [] if isinstance(results, Mapping) else []
        if isinstance(objects, Mapping):
            objects = [objects]
        return cls(_read_original(original), tuple(_read_object(item) for item in objects))


def _read_original(data: Mapping[str, Any]) -> OriginalInfo:
    info = data.get("ImageInfo") or {}
    return OriginalInfo(
        key=str(data.get("Key") or ""),
        location=str(data.get("Location") or ""),
        etag=str(data.get("ETag") or "").strip('"'),
        format=str(info.get("Format") or "").lower(),
        width=int(info.get("Width") or 0),
        height=int(info.get("Height") or 0),
        quality=int(info.get("Quality") or 0),
        average=str(info.get("Ave") or ""),
        orientation=int(info.get("Orientation") or 1),
        frames=int(info.get("FrameCount") or 1),
    )


def _read_object(data: Mapping[str, Any]) -> ProcessedObject:
    return ProcessedObject(
        key=str(data.get("Key") or ""),
        location=str(data.get("Location") or ""),
        format=str(data.get("Format") or "").lower(),
        width=int(data.get("Width") or 0),
        height=int(data.get("Height") or 0),
        size=int(data.get("Size") or 0),
        quality=int(data.get("Quality") or 0),
        etag=str(data.get("ETag") or "").strip('"'),
        frames=int(data.get("FrameCount") or 1),
        watermark_status=None if (status := data.get("WatermarkStatus")) is None else int(status),
    )
