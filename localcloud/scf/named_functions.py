"""What pipelines.yml and serverless.yml say of each other: the functions that pipelines need."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from shared.audits import FINISHER
from shared.audits import FUNCTION as AUDIT
from shared.located import Node, read
from shared.pipelines import DISPATCH


def problems(pipelines_file: Path, functions: Collection[str]) -> list[str]:
    """A sentence with its place for each function that a pipeline needs and that is none of
    `functions`, the keys in serverless.yml. The file has been read without problems before."""
    found: list[str] = []

    def look(root: Node) -> None:
        pipelines = root.mapping().get("pipelines")
        for node in pipelines.mapping().values() if pipelines else ():
            for name, place, sentence in _needed(node):
                if name not in functions:
                    found.append(
                        f"{pipelines_file.name}:{place.line}: {sentence}: "
                        f"serverless.yml has {', '.join(functions)}"
                    )

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
        gate = audit.mapping().get("gate")
        if gate and gate.flag():
            sentence = f"{gate.path} needs {DISPATCH!r}, which hands on what it lets pass"
            yield DISPATCH, gate, sentence
