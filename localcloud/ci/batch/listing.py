"""What a listing of jobs asks for, and its pages (CI manual 004:69530 and 004:93596)."""

from __future__ import annotations

from localcloud.ci.batch.table import STATES, Job, Wanted
from localcloud.ci.job_errors import parse_time, refusal
from localcloud.cloud import Cloud
from localcloud.cos import xml
from localcloud.http import Request

_MAX_PAGE = 100


def read(request: Request, kind: str) -> Wanted:
    """The parameters that both listings have. Raises `ServiceError` InvalidArgument."""
    order = request.get("orderByTime") or "Desc"
    if order not in ("Desc", "Asc"):
        raise refusal("InvalidArgument", f"orderByTime is {order[:50]!r}: Desc or Asc")
    token = request.get("nextToken")
    if not (token.isascii() and token.isdigit() and len(token) < 19) and token:
        raise refusal("InvalidArgument", f"nextToken is {token[:50]!r}: none of an answer before")
    times = {
        name: parse_time(name, text) if (text := request.get(name)) else None
        for name in ("startCreationTime", "endCreationTime")
    }
    return Wanted(
        kind,
        request.bucket,
        states=_states(request.get("states") or "All"),
        since=times["startCreationTime"],
        until=times["endCreationTime"],
        newest_first=order == "Desc",
        token=int(token or 0),
    )


def page(cloud: Cloud, request: Request, wanted: Wanted) -> tuple[list[Job], list[str]]:
    """One page of jobs, and `NextToken` where there are more.

    Raises `ServiceError` InvalidArgument for a `size` out of range.
    """
    size = request.number("size", 10, 1, _MAX_PAGE)
    found = cloud.jobs.table.list(wanted, size + 1)
    more = [xml.element("NextToken", found[size - 1].sequence)] if len(found) > size else []
    return found[:size], more


def _states(text: str) -> tuple[str, ...]:
    wanted = text.split(",")
    for each in wanted:
        if each not in ("All", *STATES):
            raise refusal(
                "InvalidArgument",
                f"states has {each[:50]!r}: allowed are All, {', '.join(STATES)}",
            )
    return STATES if "All" in wanted else tuple(dict.fromkeys(wanted))
