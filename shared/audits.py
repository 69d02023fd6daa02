"""The section `audit` of a pipeline as checked: what is audited, how, what verdicts cause."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from shared.templates import Template
from shared.verdicts import BLOCK, PASS, REVIEW, Policy, Threshold

CI, API3 = "ci", "api3"
PROVIDERS = (CI, API3)
MODERATED = ("image", "text")  # the kinds that API 3.0 judges
FUNCTION = "audit"  # the key in serverless.yml of the function that does it
FINISHER = "callback"  # and of the one that finishes what was submitted
TAG, METADATA, PRIVATE, QUARANTINE, NOTIFY = "tag", "metadata", "private", "quarantine", "notify"
ACTIONS = (PRIVATE, METADATA, TAG, QUARANTINE, NOTIFY)  # in the order in which they are taken
DEFAULT_ON = {PASS: (TAG,), REVIEW: (PRIVATE, TAG), BLOCK: (PRIVATE, TAG, QUARANTINE)}

MIB = 1 << 20
# The most bytes that CI takes of each kind (CI manual 004:18498, and the vendor's pages).
LARGEST = {
    "image": 32 * MIB,
    "text": MIB,
    "audio": 600 * MIB,
    "video": 5 << 30,
    "document": 200 * MIB,
    "webpage": 10 * MIB,
    "virus": 1 << 30,
}


@dataclass(frozen=True)
class Snapshots:
    """Which frames of a video are judged: `mode` Average (`count` over its length), Interval (one
    each `interval` seconds, `count` at most: a longer video's end is not looked at) or Fps
    (`interval` a second); `sound`: its sound as well."""

    mode: str = "Average"
    count: int = 100
    interval: float = 1.0
    sound: bool = False


@dataclass(frozen=True)
class Quarantine:
    """Where objects are put away: `bucket` if not their own, below `prefix` with its slash."""

    prefix: str = "quarantine/"
    bucket: str = ""


@dataclass(frozen=True)
class Audit:
    """How uploads are audited. Empty `kinds` are chosen by each upload's name and type, empty
    `scenes` by the service's policy (`biz_type`).

    `provider` is who judges: CI, or the moderation of API 3.0 (pictures and texts alone) where the
    bucket has no CI. `freeze` holds least scores by scene from which the service itself puts the
    object out of reach, `thresholds` by scene (`*`: the others) from which score a verdict is
    review and block. `on` are the actions by verdict. `notify` is the webhook's address, `timeout`
    how many seconds a submitted job may take before the upload counts as `review`.
    """

    provider: str = CI
    kinds: tuple[str, ...] = ()
    scenes: tuple[str, ...] = ()
    biz_type: str = ""
    interval: int = 5
    max_frames: int = 5
    large_image: bool = True
    snapshots: Snapshots = Snapshots()
    data_id: Template | None = None
    user: tuple[tuple[str, Template], ...] = ()
    callback: bool = True
    freeze: tuple[tuple[str, int], ...] = ()
    thresholds: tuple[tuple[str, int, int], ...] = ()
    on: tuple[tuple[str, tuple[str, ...]], ...] = tuple(DEFAULT_ON.items())
    gate: bool = False
    quarantine: Quarantine = Quarantine()
    notify: str = ""
    timeout: int = 7200

    def actions(self, result: str) -> tuple[str, ...]:
        """What a verdict causes, in the order in which it is done."""
        wanted = dict(self.on).get(result, DEFAULT_ON.get(result, ()))
        return tuple(action for action in ACTIONS if action in wanted)

    @property
    def policy(self) -> Policy:
        """By what verdicts are made. Its version changes with anything in the section."""
        text = json.dumps(asdict(self), sort_keys=True, default=list)
        return Policy(
            hashlib.sha256(text.encode()).hexdigest()[:16],
            self.biz_type,
            {scene: Threshold(review, block) for scene, review, block in self.thresholds},
        )

    @classmethod
    def restored(cls, entry: Mapping[str, Any]) -> Audit:
        """From the JSON of `asdict`."""
        return cls(
            **{
                **entry,
                "kinds": tuple(entry["kinds"]),
                "scenes": tuple(entry["scenes"]),
                "snapshots": Snapshots(**entry["snapshots"]),
                "data_id": entry["data_id"] and Template(**entry["data_id"]),
                "user": tuple((name, Template(**value)) for name, value in entry["user"]),
                "freeze": tuple((name, score) for name, score in entry["freeze"]),
                "thresholds": tuple((name, low, high) for name, low, high in entry["thresholds"]),
                "on": tuple((result, tuple(actions)) for result, actions in entry["on"]),
                "quarantine": Quarantine(**entry["quarantine"]),
            }
        )
