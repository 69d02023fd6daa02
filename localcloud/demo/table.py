"""The terminal's view of the results."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from localcloud.demo.result import Result

STYLES = {"done": "green", "pass": "green", "skipped": "dim", "block": "red"}
# In a file or a pipe no key is ever broken; the table takes only what it needs of this.
FILE_WIDTH = 1000
# Below this the terminal's own wrapping is the lesser evil.
NARROWEST = 80
_SHORTEST = 44  # columns for a sentence, where all keys are shorter


def console(file: TextIO | None = None) -> Console:
    """A console that writes plain text without control characters unless it is a terminal."""
    file = file or sys.stdout
    if not file.isatty():
        return Console(file=file, highlight=False, width=FILE_WIDTH)
    out = Console(file=file, highlight=False)
    out.width = max(out.width, NARROWEST)
    return out


def build(results: Sequence[Result]) -> Table:
    """A group of rows per upload: itself, its outputs, what went wrong, its record.

    Keys are folded in a terminal that is too narrow for them, never cut.
    """
    keys = [key for result in results for key in _keys(result)]
    widest = max([_SHORTEST, *(cell_len(key) for key in keys)]) + 2
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("Upload, outputs, record", overflow="fold", max_width=widest)
    for name in ("Pipeline", "Outcome", "Format"):
        table.add_column(name, no_wrap=True)
    for name in ("Size", "Bytes", "ms"):
        table.add_column(name, no_wrap=True, justify="right")
    for result in results:
        _add(table, result)
    return table


def _keys(result: Result) -> list[str]:
    return [result.sample.key, result.record_key, *(output.key for output in result.outputs)]


def _add(table: Table, result: Result) -> None:
    size = result.sample.path.stat().st_size
    milliseconds = "" if result.milliseconds is None else str(result.milliseconds)
    style = "red" if result.surprise else STYLES.get(result.outcome, "yellow")
    table.add_row(
        Text(result.sample.key, style="bold"),
        Text(result.pipeline),
        Text(result.outcome, style=style),
        *_picture((result.record or {}).get("original") or {}, size),
        milliseconds,
    )
    for output in result.outputs:
        table.add_row(_indented(output.key), "", "", *_picture(output.facts, len(output.data)))
    for sentence in _error(result):
        table.add_row(_indented(sentence, style))
    if not result.held:
        table.add_row(_indented(result.record_key, "dim"))
    table.add_section()


def _picture(facts: Mapping[str, Any], size: int) -> tuple[Text, Text, Text]:
    dimensions = f"{facts['width']} x {facts['height']}" if facts else ""
    return Text(str(facts.get("format", ""))), Text(dimensions), Text(f"{size:,}")


def _error(result: Result) -> list[str]:
    if result.held:
        return [result.held]
    if result.record is None:
        return ["nothing arrived before the deadline"]
    if not result.error:
        return [str(result.record["reason"])] if result.verdict else []
    said = [f"{result.error['code']}: {result.error['message']}", result.error.get("advice")]
    return [sentence for sentence in said if sentence]


def _indented(text: str, style: str = "") -> Padding:
    return Padding(Text(text, style=style), (0, 0, 0, 2))
