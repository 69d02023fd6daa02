"""What pipelines.yml and serverless.yml say of each other: the functions that pipelines need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from localcloud.scf.serverless import Project
from shared.audits import FINISHER
from shared.audits import FUNCTION as AUDIT
from shared.located import Node, read
from shared.pipelines import DISPATCH

_VARIABLE = "NOTIFY_SECRET"  # the name of it


def problems(pipelines_file: Path, project: Project) -> list[str]:
    """A sentence with its place for each function that a pipeline needs and that `project` has
    not, or not as it must be. The file has been read without problems before."""
    functions = project.functions
    found: list[str] = []

    def look(root: Node) -> None:
        pipelines = root.mapping().get("pipelines")
        for node in pipelines.mapping().values() if pipelines else ():
            lacking = [
                (place, f"{sentence}: serverless.yml has {', '.join(functions)}")
                for name, place, sentence in _needed(node)
                if name not in functions
            ]
            for place, sentence in lacking or _unfit(node, project):
                found.append(f"{pipelines_file.name}:{place.line}: {sentence}")

    read(pipelines_file, look)
    return found


def _needed(node: Node) -> Iterator[tuple[str, Node, str]]:
    """The functions, and where each is needed for what."""
    fields = node.mapping()
    function, audit = fields.get("function"), fields.get("audit")
    # Without the field the pipeline's own line has to do.
    name = function.text() if function else AUDIT if audit else "image"
    yield name, function or node, f"{node.path}.function is {name!r}"
    if audit:
        yield FINISHER, audit, f"{audit.path} needs {FINISHER!r}, which finishes its jobs"
        if gate := _gate(audit):
            sentence = f"{gate.path} needs {DISPATCH!r}, which hands on what it lets pass"
            yield DISPATCH, gate, sentence


def _unfit(node: Node, project: Project) -> Iterator[tuple[Node, str]]:
    """What keeps an audit from its work although all of its functions are there."""
    audit = node.mapping().get("audit")
    if audit is None:
        return
    woken = {trigger.function for trigger in project.triggers}
    if (gate := _gate(audit)) and woken and woken.isdisjoint((DISPATCH, AUDIT)):
        sentence = f"{gate.path} is never opened: no trigger wakes {DISPATCH!r} or {AUDIT!r}"
        yield gate, f"{sentence}; those of serverless.yml wake {', '.join(sorted(woken))}"
    if notify := audit.mapping().get("notify"):
        for name in (AUDIT, FINISHER):
            if not dict(project.functions[name].environment).get(_VARIABLE):
                yield notify, f"{notify.path} needs {_VARIABLE} in the environment of {name!r}"


def _gate(audit: Node) -> Node | None:
    gate = audit.mapping().get("gate")
    return gate if gate and gate.flag() else None
