"""What is decided in advance: strategies (BizType), and verdicts that no engine can give.

The file of `localcloud serve --audit-policy` says so: `policy_file` reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.detectors.judgement import Finding
from localcloud.identity.globs import matches

VIRUS_SCENE = "Virus"
ENGINE = "policy"
EVERY_SCENE = "*"


@dataclass(frozen=True)
class Facts:
    """What a rule may ask of a content. `sha256` is a function: it reads all of it."""

    kind: str
    bucket: str
    key: str
    url: str
    etag: str
    tags: Mapping[str, str]
    sha256: Callable[[], str]


@dataclass(frozen=True)
class Rule:
    """Verdicts by scene (`*` stands for every one), or the number that the job fails with."""

    where: str
    conditions: Mapping[str, object]
    verdicts: Mapping[str, Finding] = field(default_factory=dict)
    fails: int = 0

    def fits(self, facts: Facts) -> bool:
        """Whether every condition holds."""
        return all(_holds(name, wanted, facts) for name, wanted in self.conditions.items())

    def finding(self, scene: str) -> Finding | None:
        """What the rule says of a scene; None where it says nothing."""
        found = self.verdicts.get(scene) or self.verdicts.get(EVERY_SCENE)
        if found is None:
            return None
        return Finding(
            scene,
            found.result,
            found.score,
            found.label,
            found.category,
            found.keywords,
            engine=ENGINE,
            reason=f"decided by {self.where}",
        )


@dataclass(frozen=True)
class Strategy:
    """What a BizType stands for. `scenes` None leaves them to each kind's defaults."""

    scenes: tuple[str, ...] | None = None
    lexicons: tuple[Path, ...] = ()
    preset: bool = True


@dataclass(frozen=True)
class AuditPolicy:
    """`engines` False lets no engine judge; `submitted` and `auditing` are the seconds that a job
    stays at least in these states."""

    rules: tuple[Rule, ...] = ()
    strategies: Mapping[str, Strategy] = field(default_factory=dict)
    default: Strategy = Strategy()
    engines: bool = True
    submitted: float = 0.0
    auditing: float = 0.0

    def rule(self, facts: Facts) -> Rule | None:
        """The first rule that fits."""
        return next((rule for rule in self.rules if rule.fits(facts)), None)

    def strategy(self, biz_type: str) -> Strategy | None:
        """None for a BizType that does not exist."""
        return self.strategies.get(biz_type) if biz_type else self.default


def _holds(name: str, wanted: object, facts: Facts) -> bool:
    if isinstance(wanted, Mapping):
        return all(facts.tags.get(tag) == value for tag, value in wanted.items())
    values = tuple(map(str, wanted)) if isinstance(wanted, tuple) else ()
    if name == "kinds":
        return facts.kind in values
    if name == "sha256":
        return facts.sha256() in values
    text = str(getattr(facts, name))
    # What has no key is not the one of any pattern, not even of `*`.
    return bool(text) and any(matches(pattern, text) for pattern in values)
