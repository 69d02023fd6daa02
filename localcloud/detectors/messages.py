"""What a worker is asked and what it answers, as bytes: a length, then JSON.

JSON and not pickle: a worker reads hostile files, and its answers must be able to do nothing.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.detectors.judgement import (
    Finding,
    FoundObject,
    Hit,
    Judgement,
    Location,
    OcrText,
    Virus,
    VirusReport,
)
from localcloud.detectors.policy import Policy, Snapshots

LENGTH = 4  # bytes, big-endian
MAX_MESSAGE = 64 * 1024**2

# Keys of answers.
JUDGEMENT, VIRUSES, REFUSED, END = "judgement", "viruses", "refused", "end"


def packed(message: Mapping[str, Any]) -> bytes:
    text = json.dumps(message, ensure_ascii=True, separators=(",", ":")).encode()
    return len(text).to_bytes(LENGTH, "big") + text


def plain(value: Judgement | VirusReport | Policy | Snapshots) -> dict[str, Any]:
    """The value in JSON's types."""
    fields = dataclasses.asdict(value)
    if isinstance(value, Policy):
        fields["lexicons"] = [str(path) for path in value.lexicons]
    return fields


def judgement(fields: Mapping[str, Any]) -> Judgement:
    findings = tuple(_finding(one) for one in fields["findings"])
    return Judgement(**{**fields, "findings": findings})


def virus_report(fields: Mapping[str, Any]) -> VirusReport:
    return VirusReport(**{**fields, "viruses": tuple(Virus(**one) for one in fields["viruses"])})


def policy(fields: Mapping[str, Any]) -> Policy:
    return Policy(**{**fields, "lexicons": tuple(Path(path) for path in fields["lexicons"])})


def _finding(fields: Mapping[str, Any]) -> Finding:
    return Finding(
        **{
            **fields,
            "keywords": tuple(fields["keywords"]),
            "hits": tuple(Hit(**one) for one in fields["hits"]),
            "ocr": tuple(
                OcrText(
                    one["text"],
                    tuple(one["keywords"]),
                    _location(one["location"]),
                    one["label"],
                )
                for one in fields["ocr"]
            ),
            "objects": tuple(
                FoundObject(one["name"], _location(one["location"]), one["label"])
                for one in fields["objects"]
            ),
        }
    )


def _location(fields: Mapping[str, Any] | None) -> Location | None:
    return Location(**fields) if fields else None
