"""What a client asks for: the body of a submit, or the parameters of a single audit, as values.

Everything is checked that can be without looking at the content. The values can be written as JSON
and read back: a job outlives the process that took it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from localcloud.ci.audit import fields
from localcloud.ci.audit.errors import illegal
from localcloud.ci.audit.kinds import IMAGE, LIVE, VIDEO, VIRUS, WEBPAGE, Kind
from localcloud.ci.errors import job_refusal
from localcloud.cos import xml
from localcloud.cos.upload import Checksums
from localcloud.errors import ServiceError
from localcloud.http import Request
from localcloud.limits import MAX_AUDIT_BODY, MAX_XML

MAX_INPUTS = 100
MAX_CHARACTERS = 10_000  # of a text in the request
MAX_FRAMES = 10_000
_MODES = ("Interval", "Average", "Fps")
_SCENES_OF_COS = {"terrorist": "Terrorism"}  # the bucket's own host has a name of its own
_XML_TYPES = ("application/xml", "text/xml")


@dataclass(frozen=True)
class Input:
    """One content: exactly one of `object` (a key), `url` and `content` (base64) is not empty.

    `version` is of the object, empty for the one that its key shows.
    """

    object: str = ""
    version: str = ""
    url: str = ""
    content: str = ""
    data_id: str = ""
    user_info: Mapping[str, str] = field(default_factory=dict)
    interval: int = 5
    max_frames: int = 5
    large: bool = False
    type: str = ""
    encryption: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Conf:
    """How to audit. `scenes` is empty where the policy decides; `freeze` are least scores by scene.

    `mode`, `count` and `time_interval` are of a video's snapshots, `sound` its DetectContent.
    """

    biz_type: str = ""
    scenes: tuple[str, ...] | None = None
    callback: str = ""
    callback_version: str = "Simple"
    callback_type: int = 1
    callback_format: str = "JSON"
    freeze: Mapping[str, int] = field(default_factory=dict)
    is_async: bool = True
    mode: str = "Interval"
    count: int = 100
    time_interval: float = 0.0
    sound: bool = False
    highlight: bool = False


@dataclass(frozen=True)
class Faulty:
    """An Input of a batch that is wrong by itself."""

    data_id: str
    error: ServiceError


@dataclass(frozen=True)
class Submission:
    kind: Kind
    inputs: tuple[Input | Faulty, ...]
    conf: Conf

    @property
    def single(self) -> Input:
        """The one content of every kind but batches. Raises ServiceError for a faulty one."""
        only = self.inputs[0]
        if isinstance(only, Faulty):
            raise only.error
        return only


async def read(request: Request, kind: Kind) -> Submission:
    """The body of a submit. Raises ServiceError InvalidContentType, MissingContent,
    InvalidContent, InvalidArgument, XMLSizeLimit."""
    root = await body(request, MAX_AUDIT_BODY if kind is IMAGE else MAX_XML)
    if kind is VIDEO and (word := fields.text(root.findtext("Type"))):
        fields.choice("Type", word, ("live_video",), "")
        kind = LIVE
    conf = root.find("Conf")
    nodes = root.findall("Input")
    if conf is None:
        raise illegal("Conf", "", "it is missing")
    if not nodes or len(nodes) > (MAX_INPUTS if kind is IMAGE else 1):
        raise illegal("Input", f"{len(nodes)} times", f"1 to {MAX_INPUTS if kind is IMAGE else 1}")
    settings = _conf(conf, kind)
    if kind is not IMAGE:
        return Submission(kind, (_input(nodes[0], kind, root.find("Encryption")),), settings)
    return Submission(kind, tuple(map(_of_batch, nodes)), settings)


async def body(request: Request, limit: int) -> Element:
    """The XML of a request to CI; its errors have CI's codes."""
    said = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if said and said not in _XML_TYPES:
        raise job_refusal(1021, f"Content-Type is {said[:50]!r}: application/xml is expected")
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length[:15]) > limit:
        raise ServiceError("XMLSizeLimit", f"the body has more than {limit} bytes")
    data = await request.read(limit)
    if not data.strip():
        raise job_refusal(1016, "the body is empty: a <Request> is expected")
    Checksums.of(request.headers).check(data)
    try:
        return xml.parse(data, "Request")
    except ServiceError as error:
        raise job_refusal(1011, error.message) from None


def of_query(request: Request) -> Submission:
    """A single audit on the bucket's own host. Raises ServiceError InvalidArgument."""

    def get(name: str) -> str:
        return fields.text(request.get(name))

    url = fields.url("detect-url", get("detect-url"))
    if not url and not request.key:
        raise illegal("detect-url", "", "it or a key in the path is needed")
    content = Input(
        object="" if url else request.key,
        version=request.get("versionId"),
        url=url,
        data_id=fields.data_id(get("dataid")),
        **_frames("interval", "max-frames", "large-image-detect", get),
    )
    words = get("detect-type")
    is_async = fields.number("async", get("async"), 0, 0, 1) == 1
    conf = Conf(
        biz_type=get("biz-type"),
        scenes=scenes_of_words("detect-type", words, IMAGE) if request.has("detect-type") else None,
        callback=fields.url("callback", get("callback")) if is_async else "",
        callback_version="Detail",
        is_async=is_async,
    )
    return Submission(IMAGE, (content,), conf)


def _of_batch(node: Element) -> Input | Faulty:
    try:
        return _input(node, IMAGE)
    except ServiceError as error:
        return Faulty(_data_id(node)[: fields.MAX_DATA_ID], error)


def _input(node: Element, kind: Kind, beside: Element | None = None) -> Input:
    # A key may begin or end with a space.
    given = {
        name: (node.findtext(name) or "") if name == "Object" else fields.text(node.findtext(name))
        for name in kind.inputs
    }
    chosen = [name for name, value in given.items() if value]
    if not chosen:
        raise illegal("Input", "", f"{' or '.join(kind.inputs)} is needed")
    if len(chosen) > 1 and kind is not IMAGE:
        raise illegal("Input", ", ".join(chosen), f"one of {', '.join(kind.inputs)} is allowed")
    name, value = chosen[0], given[chosen[0]]
    encryption = node.find("Encryption")
    encryption = encryption if encryption is not None else beside
    if encryption is not None and kind is VIRUS:
        # Behind a wrong key lies what no signature knows.
        raise illegal("Encryption", "", "virus scans take none")
    return Input(
        object=value if name == "Object" else "",
        url=_url(value, kind) if name == "Url" else "",
        content=value if name == "Content" else "",
        data_id=fields.data_id(_data_id(node)),
        user_info=fields.user_info(node.find("UserInfo")),
        type=fields.text(node.findtext("Type")).lower().lstrip("."),
        encryption=_encryption(encryption),
        **_frames("Interval", "MaxFrames", "LargeImageDetect", lambda n: _text(node, n)),
    )


def _url(value: str, kind: Kind) -> str:
    return fields.stream("Url", value) if kind is LIVE else fields.url("Url", value)


def _frames(interval: str, frames: str, large: str, get: Callable[[str], str]) -> dict[str, int]:
    return {
        "interval": fields.number(interval, get(interval), 5, 1, MAX_FRAMES),
        "max_frames": fields.number(frames, get(frames), 5, 1, MAX_FRAMES),
        "large": fields.number(large, get(large), 0, 0, 1) == 1,
    }


def _data_id(node: Element) -> str:
    # The manual's own samples close DataId with DataID.
    return _text(node, "DataId") or _text(node, "DataID")


def _encryption(node: Element | None) -> dict[str, str]:
    names = ("Algorithm", "Key", "IV", "KeyId", "KeyType")
    found = {} if node is None else {name: _text(node, name) for name in names}
    return {name: value for name, value in found.items() if value}


def _conf(node: Element, kind: Kind) -> Conf:
    if node.find("Mask") is not None:
        raise ServiceError("NotImplemented", "Conf.Mask: the local cloud masks no videos")
    words = node.find("DetectType")
    if kind is VIRUS:
        fields.choice("DetectType", _text(node, "DetectType"), ("Virus",), "")
    is_async = kind is not IMAGE or fields.number("Async", _text(node, "Async"), 0, 0, 1) == 1
    biz_type = _text(node, "BizType") or _text(node, "Biztype")
    if kind is LIVE and not biz_type:
        raise illegal("BizType", "", "a live stream needs one")
    has_scenes = words is not None and kind is not VIRUS
    return Conf(
        biz_type=biz_type,
        scenes=scenes_of_words("DetectType", fields.text(words.text), kind) if has_scenes else None,
        callback=fields.url("Callback", _text(node, "Callback")),
        callback_version="Detail"
        if kind is IMAGE
        else fields.choice(
            "CallbackVersion", _text(node, "CallbackVersion"), ("Simple", "Detail"), "Simple"
        ),
        callback_type=fields.number("CallbackType", _text(node, "CallbackType"), 1, 1, 2),
        callback_format=fields.choice(
            "CallBackFormat", _text(node, "CallBackFormat"), ("JSON", "XML"), "JSON"
        ),
        freeze=_freeze(node.find("Freeze"), kind),
        is_async=is_async,
        highlight=kind is WEBPAGE
        and fields.flag("ReturnHighlightHtml", _text(node, "ReturnHighlightHtml")),
        **(_snapshots(node) if kind is VIDEO else {}),
    )


def _snapshots(node: Element) -> dict[str, object]:
    shots = node.find("Snapshot")
    if shots is None:
        raise illegal("Snapshot", "", "it is missing: Mode, Count and TimeInterval are expected")
    if not _text(shots, "Count"):
        raise illegal("Snapshot.Count", "", f"1 to {MAX_FRAMES} are allowed")
    return {
        "mode": fields.choice("Snapshot.Mode", _text(shots, "Mode"), _MODES, "Interval"),
        "count": fields.number("Snapshot.Count", _text(shots, "Count"), 100, 1, MAX_FRAMES),
        "time_interval": fields.decimal(
            "Snapshot.TimeInterval", _text(shots, "TimeInterval"), 0.0, 60
        ),
        "sound": fields.number("DetectContent", _text(node, "DetectContent"), 0, 0, 1) == 1,
    }


def _freeze(node: Element | None, kind: Kind) -> dict[str, int]:
    found = {}
    for scene in kind.scenes if node is not None and kind.freezes else ():
        name = f"{scene}Score"
        if value := _text(node, name):
            found[scene] = fields.number(f"Freeze.{name}", value, 0, 0, 100)
    return found


def scenes_of_words(name: str, value: str, kind: Kind) -> tuple[str, ...]:
    """Scenes from their names with commas between. Raises ServiceError InvalidArgument."""
    known = {scene.lower(): scene for scene in kind.scenes} | _SCENES_OF_COS
    words = [word.strip() for word in value.split(",") if word.strip()]
    if [word.lower() for word in words] == ["all"]:
        return kind.scenes
    for word in words:
        if word.lower() not in known:
            raise illegal(name, word, f"allowed are {', '.join(kind.scenes)}")
    return tuple(dict.fromkeys(known[word.lower()] for word in words))


def _text(node: Element, name: str) -> str:
    return fields.text(node.findtext(name))
