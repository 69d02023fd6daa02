"""The rules that let old claims go: without them the ledger would grow with every upload."""

from __future__ import annotations

from typing import Any

from sweep_round import Round

from shared.errors import CloudError

FOLDERS = ("claims", "jobs")
DAYS = 7  # a duplicate event that comes later than this is processed again
_kept: set[tuple[str, str]] = set()  # of this instance: one look in its life is enough


def keep_claims_short(work: Round) -> None:
    """Add the rules to the bucket's lifecycle where they are missing; the other rules stay.

    Counts `lifecycle` when any was added. A bucket whose rules cannot be read or set is left as it
    is, and said so under `lifecycle_error`: that is no reason not to sweep.
    """
    place = (work.bucket, work.settings.state_prefix)
    if place in _kept:
        return
    try:
        rules = work.cos.lifecycle_rules(work.bucket)
        wanted = [_rule(folder, f"{work.settings.state_prefix}{folder}/") for folder in FOLDERS]
        missing = [
            rule
            for rule in wanted
            if not any(_covers(other, rule["Filter"]["Prefix"]) for other in rules)
        ]
        if missing:
            ids = {rule["ID"] for rule in missing}
            rules = [other for other in rules if other.get("ID") not in ids]
            work.cos.set_lifecycle_rules(work.bucket, [*rules, *missing])
            work.count("lifecycle")
    except CloudError as error:
        work.counts["lifecycle_error"] = str(error)
        return
    _kept.add(place)


def _rule(folder: str, prefix: str) -> dict[str, Any]:
    return {
        "ID": f"pipelines-{folder}",
        "Filter": {"Prefix": prefix},
        "Status": "Enabled",
        "Expiration": {"Days": str(DAYS)},
    }


def _covers(rule: dict[str, object], prefix: str) -> bool:
    """Whether a rule of the bucket lets the claims expire already."""
    where = rule.get("Filter")
    known = where.get("Prefix") if isinstance(where, dict) else None
    return bool(
        rule.get("Status") == "Enabled"
        and rule.get("Expiration")
        and isinstance(known, str)
        and prefix.startswith(known)
    )
