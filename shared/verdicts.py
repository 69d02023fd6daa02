"""What an audit found, whoever judged: one `Verdict` for all kinds and providers.

The rule that holds everywhere: what is not clearly judged is `review`, never `pass`. A `Verdict`
holds scenes and scores, never the words or texts that were found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

PASS, REVIEW, BLOCK = "pass", "review", "block"
RESULTS = (PASS, REVIEW, BLOCK)  # from the mildest to the gravest
KINDS = ("image", "text", "audio", "video", "document", "webpage", "virus")
SCENES = ("Porn", "Terrorism", "Politics", "Ads", "Illegal", "Abuse", "Teenager")
EVERY = "*"


class Label(NamedTuple):
    """One scene: `result` is ours, by thresholds or by the service's own flag. `score` is 0 to 100,
    None where the service gave none. `engine` is told by the local cloud alone."""

    scene: str
    result: str
    score: int | None = None
    sub_label: str = ""
    engine: str = ""


class Threshold(NamedTuple):
    """From which score a scene is for review, and from which it is blocked."""

    review: int = 61
    block: int = 91

    def judge(self, score: int) -> str:
        if score >= self.block:
            return BLOCK
        return REVIEW if score >= self.review else PASS


class Policy(NamedTuple):
    """By what was judged: `version` is the digest of the pipeline's audit section. `thresholds`
    are by scene, `*` stands for those not named; without one the service's own flag counts."""

    version: str = ""
    biz_type: str = ""
    thresholds: Mapping[str, Threshold] = {}

    def threshold(self, scene: str) -> Threshold | None:
        return self.thresholds.get(scene) or self.thresholds.get(EVERY)


class Verdict(NamedTuple):
    """`result` is `pass`, `review` or `block`; `reason` is a sentence where it needs one.

    `job_id` and `request_id` are what the provider's support asks for. `frozen`: the service has
    put the object out of reach itself.
    """

    result: str
    kind: str
    labels: tuple[Label, ...] = ()
    reason: str = ""
    job_id: str = ""
    request_id: str = ""
    policy: Policy = Policy()
    provider: str = "ci"
    frozen: bool = False

    @classmethod
    def restored(cls, entry: Mapping[str, Any], policy: Policy) -> Verdict:
        """What `document` wrote, by the policy that counts now. Raises KeyError, TypeError."""
        labels = tuple(Label(**label) for label in entry["labels"])
        known = {name: entry[name] for name in ("reason", "job_id", "request_id", "provider")}
        return cls(
            gravest([entry["result"]]), str(entry["kind"]), labels, policy=policy,
            frozen=bool(entry["frozen"]), **known,
        )  # fmt: skip

    def document(self) -> dict[str, Any]:
        """The verdict as JSON values, for records, manifests and webhooks."""
        return {
            "result": self.result,
            "kind": self.kind,
            "reason": self.reason,
            "labels": [
                {name: value for name, value in label._asdict().items() if value not in ("", None)}
                for label in self.labels
            ],
            "provider": self.provider,
            "job_id": self.job_id,
            "request_id": self.request_id,
            "frozen": self.frozen,
            "policy": {
                "version": self.policy.version,
                "biz_type": self.policy.biz_type,
                "thresholds": {
                    scene: found._asdict() for scene, found in self.policy.thresholds.items()
                },
            },
        }


def gravest(results: Iterable[str]) -> str:
    """Of several results; `review` of none."""
    found = [result if result in RESULTS else REVIEW for result in results]
    return max(found, key=RESULTS.index) if found else REVIEW


def undecided(kind: str, reason: str, policy: Policy = Policy(), **known: Any) -> Verdict:  # noqa: B008
    """The verdict on what could not be judged: `review`. `known` are more fields of it."""
    return Verdict(REVIEW, kind, reason=reason, policy=policy, **known)


def merged(verdicts: Iterable[Verdict]) -> Verdict:
    """One of several kinds of one content: the gravest counts. At least one is needed."""
    found = list(verdicts)
    first = found[0]
    if len(found) == 1:
        return first
    return Verdict(
        gravest(verdict.result for verdict in found),
        ",".join(verdict.kind for verdict in found),
        tuple(label for verdict in found for label in verdict.labels),
        "; ".join(verdict.reason for verdict in found if verdict.reason),
        ",".join(verdict.job_id for verdict in found if verdict.job_id),
        ",".join(verdict.request_id for verdict in found if verdict.request_id),
        first.policy,
        first.provider,
        any(verdict.frozen for verdict in found),
    )
