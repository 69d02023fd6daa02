"""`audit` of a pipeline in `pipelines.yml` -> an `Audit`: every problem with its line."""

from __future__ import annotations

import re
from collections.abc import Mapping

from shared import blind_text, webhook
from shared.audits import (
    ACTIONS,
    API3,
    CI,
    DEFAULT_ON,
    MODERATED,
    NOTIFY,
    PROVIDERS,
    Audit,
    Quarantine,
    Snapshots,
)
from shared.located import Node
from shared.outputs_file import BUCKET, checked
from shared.settings import Settings
from shared.templates import Template, TemplateError
from shared.verdicts import EVERY, KINDS, RESULTS, SCENES

_FIELDS = (
    "provider", "kinds", "scenes", "biz_type", "interval", "max_frames", "large_image", "snapshots",
    "data_id", "user", "callback", "freeze", "thresholds", "on", "gate", "quarantine", "notify",
    "timeout",
)  # fmt: skip
# What CI takes as UserInfo (CI manual 004:18697).
USER_FIELDS = (
    "TokenId", "Nickname", "DeviceId", "AppId", "Room", "IP", "Type", "ReceiveTokenId", "Gender",
    "Level", "Role",
)  # fmt: skip
_MODES = ("Interval", "Average", "Fps")
_BIZ_TYPE = re.compile(r"[A-Za-z0-9_-]{1,128}")
_PREFIX = re.compile(r"(?=.{2,100}$)(?:(?!\.{1,2}/)[A-Za-z0-9._-]+/)+")
_MAX_FRAMES = 10_000
_MAX_TIMEOUT = 86_400
_DEFAULT = Audit()


def read(node: Node) -> Audit:
    """The section as checked; its defaults where something is wrong, which is reported."""
    fields = node.mapping(_FIELDS)
    biz_type = checked(fields, "biz_type", _BIZ_TYPE, "the id of a policy in CI's console")
    scenes = _words(fields, "scenes", SCENES)
    if biz_type and scenes:
        fields["scenes"].refuse("biz_type names its own scenes: one of both is expected")
    quarantine = _quarantine(fields["quarantine"]) if "quarantine" in fields else Quarantine()
    provider = fields["provider"].text() if "provider" in fields else CI
    if provider not in PROVIDERS:
        fields["provider"].refuse(f"allowed are {', '.join(PROVIDERS)}")
    found = Audit(
        provider=provider,
        kinds=_words(fields, "kinds", KINDS),
        scenes=scenes,
        biz_type=biz_type[0] if biz_type else "",
        interval=_number(fields, "interval", _DEFAULT.interval, 1, _MAX_FRAMES),
        max_frames=_number(fields, "max_frames", _DEFAULT.max_frames, 1, _MAX_FRAMES),
        large_image=_flag(fields, "large_image", default=True),
        snapshots=_snapshots(fields["snapshots"]) if "snapshots" in fields else Snapshots(),
        data_id=_template(fields["data_id"]) if "data_id" in fields else None,
        user=_user(fields["user"]) if "user" in fields else (),
        callback=_flag(fields, "callback", default=True),
        freeze=_freeze(fields["freeze"]) if "freeze" in fields else (),
        thresholds=_thresholds(fields["thresholds"]) if "thresholds" in fields else (),
        on=_on(fields["on"]) if "on" in fields else _DEFAULT.on,
        gate=_flag(fields, "gate", default=False),
        quarantine=quarantine,
        notify=_notify(fields["notify"]) if "notify" in fields else "",
        timeout=_number(fields, "timeout", _DEFAULT.timeout, 60, _MAX_TIMEOUT),
    )
    if not found.notify and any(NOTIFY in actions for _, actions in found.on):
        node.problems.add(node.line, f"{node.path}.notify is missing: the address of the webhook")
    if found.notify and not any(NOTIFY in actions for _, actions in found.on):
        fields["notify"].refuse("on names the verdicts that it is told of: none has notify")
    if provider == API3:
        _only_moderation(fields)
    return found


def _only_moderation(fields: Mapping[str, Node]) -> None:
    """Refuse what API 3.0 has no parameter for."""
    for name in ("scenes", "freeze", "snapshots"):
        if name in fields:
            fields[name].refuse("provider api3 does not know it; biz_type names a strategy there")
    for item in fields["kinds"].items() if "kinds" in fields else ():
        if item.text() not in MODERATED:
            item.refuse(f"provider api3 judges {' and '.join(MODERATED)} alone")


def _words(fields: Mapping[str, Node], name: str, allowed: tuple[str, ...]) -> tuple[str, ...]:
    if name not in fields:
        return ()
    found: list[str] = []
    for item in fields[name].items():
        word = item.text()
        if word not in allowed:
            item.refuse(f"allowed are {', '.join(allowed)}")
        elif word in found:
            item.refuse("it stands twice")
        else:
            found.append(word)
    if not list(fields[name].items()):
        fields[name].refuse(f"at least one of {', '.join(allowed)} is expected")
    return tuple(found)


def _snapshots(node: Node) -> Snapshots:
    fields = node.mapping(("mode", "count", "interval", "sound"))
    default = "Interval" if "interval" in fields else Snapshots.mode
    mode = fields["mode"].text() if "mode" in fields else default
    if mode not in _MODES:
        fields["mode"].refuse(f"allowed are {', '.join(_MODES)}")
    interval = Snapshots.interval
    if "interval" in fields:
        text = fields["interval"].text()
        if re.fullmatch(r"[0-9]{1,2}(\.[0-9]{1,3})?", text) and 0 < float(text) <= 60:
            interval = float(text)
        else:
            fields["interval"].refuse("seconds above 0 and up to 60 are expected")
    return Snapshots(
        mode,
        _number(fields, "count", Snapshots.count, 1, _MAX_FRAMES),
        interval,
        _flag(fields, "sound", default=False),
    )


def _template(node: Node) -> Template | None:
    try:
        return blind_text.parse(node.text())
    except TemplateError as error:
        node.problems.add(node.line, f"{node.path}: {error}")
        return None


def _user(node: Node) -> tuple[tuple[str, Template], ...]:
    found = ((name, _template(value)) for name, value in node.mapping(USER_FIELDS).items())
    return tuple((name, template) for name, template in found if template)


def _freeze(node: Node) -> tuple[tuple[str, int], ...]:
    fields = node.mapping(SCENES)
    return tuple((scene, _number(fields, scene, 100, 0, 100)) for scene in fields)


def _thresholds(node: Node) -> tuple[tuple[str, int, int], ...]:
    found = []
    for scene, entry in node.mapping((*SCENES, EVERY)).items():
        fields = entry.mapping(("review", "block"))
        review = _number(fields, "review", 61, 0, 101)
        block = _number(fields, "block", 91, 0, 101)
        if review > block:
            said = f"{entry.path}.review is above block: {review}, {block}"
            if {"review", "block"} - set(fields):
                said += " (61 and 91 where they are not given)"
            entry.problems.add(entry.line, said)
        found.append((scene, review, block))
    return tuple(found)


def _on(node: Node) -> tuple[tuple[str, tuple[str, ...]], ...]:
    found = dict(DEFAULT_ON)
    for result, entry in node.mapping(RESULTS).items():
        found[result] = _words({"": entry}, "", ACTIONS) if list(entry.items()) else ()
    return tuple(found.items())


def _quarantine(node: Node) -> Quarantine:
    fields = node.mapping(("prefix", "bucket"))
    prefix = fields["prefix"].text() if "prefix" in fields else Quarantine.prefix
    if not _PREFIX.fullmatch(prefix):
        fields["prefix"].refuse("a folder such as quarantine/ is expected, a slash at its end")
    elif prefix.startswith(Settings.state_prefix):
        fields["prefix"].refuse("the state lies there: another folder is expected")
    bucket = checked(fields, "bucket", BUCKET, "a bucket name-appid is expected")
    return Quarantine(prefix, bucket[0] if bucket else "")


def _notify(node: Node) -> str:
    url = node.text()
    if said := webhook.problem(url):
        node.refuse(said)
    return url


def _flag(fields: Mapping[str, Node], name: str, *, default: bool) -> bool:
    return fields[name].flag() if name in fields else default


def _number(fields: Mapping[str, Node], name: str, default: int, low: int, high: int) -> int:
    if name not in fields:
        return default
    text = fields[name].text()
    if not re.fullmatch(r"[0-9]{1,6}", text) or not low <= int(text) <= high:
        fields[name].refuse(f"a whole number from {low} to {high} is expected")
        return default
    return int(text)
