"""What pipelines.yml and serverless.yml say of each other: the functions that pipelines name."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from shared.located import Node, read


def problems(pipelines_file: Path, functions: Collection[str]) -> list[str]:
    """A sentence with its place for each pipeline whose function is none of `functions`, the keys
    in serverless.yml. The file has been read without problems before."""
    found: list[str] = []

    def look(root: Node) -> None:
        pipelines = root.mapping().get("pipelines")
        for node in pipelines.mapping().values() if pipelines else ():
            function = node.mapping().get("function")
            # Without the field it is `image`; the pipeline's own line has to do.
            name, place = (function.text(), function) if function else ("image", node)
            if name not in functions:
                found.append(
                    f"{pipelines_file.name}:{place.line}: {node.path}.function is {name!r}: "
                    f"serverless.yml has {', '.join(functions)}"
                )

    read(pipelines_file, look)
    return found
