"""The rule that lets old claims go: without it the ledger would grow with every upload."""

from __future__ import annotations

from sweep_round import Round

from shared.errors import CloudError

ID = "pipelines-claims"
DAYS = 7  # a duplicate event that comes later than this is processed again
_kept: set[tuple[str, str]] = set()  # of this instance: one look in its life is enough


def keep_claims_short(work: Round) -> None:
    """Add the rule to the bucket's lifecycle where it is missing; the other rules stay.

    Counts `lifecycle` when it was added. A bucket whose rules cannot be read or set is left as it
    is, and said so under `lifecycle_error`: that is no reason not to sweep.
    """
    place = (work.bucket, work.settings.state_prefix)
    if place in _kept:
        return
    prefix = f"{work.settings.state_prefix}claims/"
    rule = {
        "ID": ID,
        "Filter": {"Prefix": prefix},
        "Status": "Enabled",
        "Expiration": {"Days": str(DAYS)},
    }
    try:
        rules = work.cos.lifecycle_rules(work.bucket)
        if not any(_covers(other, prefix) for other in rules):
            rules = [other for other in rules if other.get("ID") != ID]
            work.cos.set_lifecycle_rules(work.bucket, [*rules, rule])
            work.count("lifecycle")
    except CloudError as error:
        work.counts["lifecycle_error"] = str(error)
        return
    _kept.add(place)


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
