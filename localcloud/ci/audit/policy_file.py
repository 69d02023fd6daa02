"""Reading the file of `localcloud serve --audit-policy`; docs/audit.md shows one."""

from __future__ import annotations

import re
from pathlib import Path

from localcloud.ci.audit.kinds import KINDS
from localcloud.ci.audit.policy import EVERY_SCENE, VIRUS_SCENE, AuditPolicy, Rule, Strategy
from localcloud.detectors.judgement import (
    LEAST_SENSITIVE,
    LEAST_SUSPECTED,
    NORMAL,
    SCENES,
    SENSITIVE,
    SUSPECTED,
    Finding,
)
from localcloud.detectors.text import lexicon
from shared.located import Node, read

_WORDS = {"pass": NORMAL, "block": SENSITIVE, "review": SUSPECTED}
_SCORES = {NORMAL: 0, SENSITIVE: 99, SUSPECTED: 75}
_DIGESTS = {"etag": re.compile("[0-9a-f]{32}(-[0-9]+)?"), "sha256": re.compile("[0-9a-f]{64}")}
_CONDITIONS = ("kinds", "bucket", "key", "url", "tags", "etag", "sha256")
_MAX_SECONDS = 3600.0
_MAX_RULES = 1000


def load(path: Path) -> AuditPolicy:
    """Raises ConfigError with every problem and its line."""
    found: dict[str, AuditPolicy] = {}
    read(path, lambda node: found.update(policy=_policy(node, path)))
    return found["policy"]


def _policy(node: Node, path: Path) -> AuditPolicy:
    entries = node.mapping(("engines", "seconds", "default", "biz_types", "rules"))
    seconds = entries["seconds"].mapping(("submitted", "auditing")) if "seconds" in entries else {}
    engines = entries["engines"].text() if "engines" in entries else "local"
    if engines not in ("local", "none"):
        entries["engines"].refuse("local or none is expected")
    strategies = entries["biz_types"].mapping() if "biz_types" in entries else {}
    rules = list(entries["rules"].items()) if "rules" in entries else []
    if len(rules) > _MAX_RULES:
        node.problems.add(entries["rules"].line, f"{len(rules)} rules: allowed are {_MAX_RULES}")
    return AuditPolicy(
        rules=tuple(_rule(item, path) for item in rules[:_MAX_RULES]),
        strategies={name: _strategy(entry, path) for name, entry in strategies.items()},
        default=_strategy(entries["default"], path) if "default" in entries else Strategy(),
        engines=engines == "local",
        submitted=_number(seconds.get("submitted"), _MAX_SECONDS),
        auditing=_number(seconds.get("auditing"), _MAX_SECONDS),
    )


def _strategy(node: Node, path: Path) -> Strategy:
    entries = node.mapping(("scenes", "lexicons", "preset"))
    scenes = entries["scenes"].texts() if "scenes" in entries else None
    if any(scene not in SCENES for scene in scenes or ()):
        entries["scenes"].refuse(f"allowed are {', '.join(SCENES)}")
    lexicons = []
    for item in entries["lexicons"].items() if "lexicons" in entries else ():
        lexicons.append((path.parent / item.text()).resolve())
        try:
            lexicon.read(lexicons[-1])
        except lexicon.LexiconError as error:
            item.problems.add(item.line, f"{item.path}: {error}")
    return Strategy(
        scenes, tuple(lexicons), entries["preset"].flag() if "preset" in entries else True
    )


def _rule(node: Node, path: Path) -> Rule:
    entries = node.mapping((*_CONDITIONS, "verdict", "fail"))
    if ("verdict" in entries) == ("fail" in entries):
        node.problems.add(node.line, f"{node.path} needs either verdict or fail")
    return Rule(
        where=f"{path.name}:{node.line}",
        conditions={
            name: _condition(name, entries[name]) for name in _CONDITIONS if name in entries
        },
        verdicts=_verdicts(entries["verdict"]) if "verdict" in entries else {},
        fails=_failure(entries["fail"]) if "fail" in entries else 0,
    )


def _condition(name: str, node: Node) -> object:
    if name == "tags":
        return {tag: value.text() for tag, value in node.mapping().items()}
    values = node.texts()
    for item, value in zip(node.items(), values, strict=True):
        if name == "kinds" and value not in KINDS:
            item.refuse(f"allowed are {', '.join(KINDS)}")
        if name in _DIGESTS and not _DIGESTS[name].fullmatch(value):
            item.refuse("lower-case hex digits are expected")
    return values


def _verdicts(node: Node) -> dict[str, Finding]:
    if node.raw.id == "scalar":
        return {EVERY_SCENE: _finding(EVERY_SCENE, node)}
    return {
        scene: _finding(scene, entry)
        for scene, entry in node.mapping((*SCENES, VIRUS_SCENE, EVERY_SCENE)).items()
    }


def _finding(scene: str, node: Node) -> Finding:
    if node.raw.id == "scalar":
        result = _result(node)
        return Finding(scene, result, _SCORES[result])
    entries = node.mapping(("result", "score", "label", "category", "keywords"))
    score = int(_number(entries.get("score"), 100))
    if "result" in entries:
        result = _result(entries["result"])
        score = score if "score" in entries else _SCORES[result]
    elif "score" in entries:
        result = SENSITIVE if score >= LEAST_SENSITIVE else SUSPECTED
        result = NORMAL if score < LEAST_SUSPECTED else result
    else:
        result = NORMAL
        node.problems.add(node.line, f"{node.path} needs result or score")
    return Finding(
        scene,
        result,
        score,
        entries["label"].text() if "label" in entries else "",
        entries["category"].text() if "category" in entries else "",
        entries["keywords"].texts() if "keywords" in entries else (),
    )


def _result(node: Node) -> int:
    word = node.text()
    if word not in _WORDS:
        node.refuse(f"{', '.join(_WORDS)} is expected")
    return _WORDS.get(word, SUSPECTED)


def _failure(node: Node) -> int:
    word = node.text()
    if not re.fullmatch("-[0-9]{1,6}", word):
        node.refuse("a number of the manual, such as -65007, is expected")
        return 0
    return int(word)


def _number(node: Node | None, highest: float) -> float:
    if node is None:
        return 0.0
    word = node.text()
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", word) or float(word) > highest:
        node.refuse(f"a number from 0 to {highest:g} is expected")
        return 0.0
    return float(word)
