"""What became of one upload in one pipeline, as the table and the page show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.demo.samples import Sample

# What a `broken-` sample must end as, and what any other. `failed` would blame the surroundings.
EXPECTED = {True: "rejected", False: "done"}
HELD = "held"


@dataclass(frozen=True)
class Output:
    """One stored variant: its entry in the record, and the bytes that were downloaded."""

    facts: Mapping[str, Any]
    data: bytes

    @property
    def key(self) -> str:
        return str(self.facts["key"])

    @property
    def dimensions(self) -> str:
        return f"{self.facts['width']} x {self.facts['height']}"


@dataclass(frozen=True)
class Result:
    """`record` is None when none arrived in time; `outputs` are those that the record names. `held`
    is what the audit said that does not let the upload come to this pipeline."""

    sample: Sample
    pipeline: str
    record_key: str
    record: Mapping[str, Any] | None
    outputs: tuple[Output, ...] = ()
    held: str = ""

    @property
    def outcome(self) -> str:
        """The record's; of an audit that is done, its verdict."""
        if self.held:
            return HELD
        if self.record is None:
            return "no record"
        outcome = str(self.record["outcome"])
        return self.verdict if self.verdict and outcome == "done" else outcome

    @property
    def verdict(self) -> str:
        """What an audit says, empty for any other work."""
        audit = self.record.get("audit") if self.record else None
        return str(audit["verdict"]["result"]) if audit else ""

    @property
    def milliseconds(self) -> int | None:
        return int(self.record["milliseconds"]) if self.record else None

    @property
    def error(self) -> Mapping[str, Any] | None:
        return self.record.get("error") if self.record else None

    @property
    def surprise(self) -> str:
        """One sentence when this is not what the sample should end as, else empty. Every verdict is
        a good end."""
        if self.held or self.outcome == self.verdict:
            return ""
        expected = EXPECTED[self.sample.broken]
        return (
            "" if self.outcome == expected else f"{self.sample.key}: {self.outcome}, not {expected}"
        )
