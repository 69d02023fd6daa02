"""What uploads cost: requests of each kind, and the money at the prices of prices.json."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backfill_look import needs_headers

from shared.pic_operations import MAX_RULES
from shared.pipelines import Pipeline, Pipelines

FILE = Path(__file__).parent / "prices.json"
KINDS = ("cos_requests", "ci_gigabytes", "ci_advanced", "scf_invocations", "scf_gigabyte_seconds")
_ASSUMED = ("function_gigabytes", "function_seconds")
_GIGABYTE = 1024**3
_ADVANCED = ("format/avif", "format/heif", "format/tpg")
# Of the requests in a log line's `calls`, those that COS bills as its own.
CI_CALLS = ("ImageProcess", "CreateInventoryTriggerJob", "DescribeInventoryTriggerJob",
            "ListInventoryTriggerJobs", "ListPicJobs", "DescribePicQueues")  # fmt: skip
NOT_COS = (*CI_CALLS, "Invoke")


class PricesError(ValueError):
    """prices.json has problems; each names the field, its value and what is expected."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Price:
    """`price` for `per` units; the first `free` units of a month cost nothing."""

    price: float
    per: float
    free: float


@dataclass(frozen=True)
class Prices:
    currency: str
    prices: Mapping[str, Price]
    assumed: Mapping[str, float]

    def money(self, amounts: Mapping[str, float]) -> dict[str, float]:
        """What each amount costs, and the `total`, without what other uses leave of the free."""
        told = {}
        for kind, amount in amounts.items():
            price = self.prices[kind]
            told[kind] = round(max(0.0, amount - price.free) / price.per * price.price, 6)
        return {**told, "total": round(sum(told.values()), 6)}


def load(path: Path = FILE) -> Prices:
    """The prices. Raises `PricesError` with all problems at once."""
    name = path.name
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise PricesError([f"{name} cannot be read: {error}"]) from None
    problems: list[str] = []

    def number(where: str, holder: Any, field: str, least: float, default: Any = None) -> float:
        value = holder.get(field, default) if isinstance(holder, dict) else None
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= least:
            return float(value)
        problems.append(f"{name}: {where}.{field} is {value!r}: a number from {least:g} on")
        return 1.0

    def text(where: str, holder: Any, field: str) -> str:
        value = holder.get(field) if isinstance(holder, dict) else None
        if not isinstance(value, str) or not value:
            problems.append(f"{name}: {where}{field} is {value!r}: text is expected")
        return str(value)

    document = document if isinstance(document, dict) else {}
    entries = document.get("prices")
    entries = entries if isinstance(entries, dict) else {}
    problems += [
        f"{name}: prices.{kind} is not known: allowed are {', '.join(KINDS)}"
        for kind in entries
        if kind not in KINDS
    ]
    prices = {}
    for kind in KINDS:
        entry, where = entries.get(kind), f"prices.{kind}"
        if not isinstance(entry, dict):
            problems.append(f"{name}: {where} is missing: price, per, free, source, date")
            continue
        prices[kind] = Price(
            number(where, entry, "price", 0),
            number(where, entry, "per", 1),
            number(where, entry, "free", 0, 0),
        )
        text(f"{where}.", entry, "source")
        text(f"{where}.", entry, "date")
    assumed = {each: number("assumed", document.get("assumed"), each, 0) for each in _ASSUMED}
    currency = text("", document, "currency")
    if problems:
        raise PricesError(problems)
    return Prices(currency, prices, assumed)


def requests(pipeline: Pipeline, *, way: str) -> Counter[str]:
    """The requests that one upload takes in a pipeline, by the names that log lines have.

    `way` is `invoke` or `batch`. For `invoke` without the Invoke itself: several pipelines of a
    function share it. Nothing fails and nobody else works on the upload.
    """
    found: Counter[str] = Counter(PutObject=1)  # the record
    if pipeline.tags:
        found.update(GetObjectTagging=1, PutObjectTagging=1)
    if way == "invoke":
        found["PutObject"] += 2  # claim and close
        found["ImageProcess"] = -(-len(pipeline.outputs) // MAX_RULES)
        if pipeline.needs_etag:
            found["HeadObject"] = 1
    return found


def own_requests(pipeline: Pipeline) -> Counter[str]:
    """Those with which the backfill looks at an object: its record, and maybe its headers."""
    found: Counter[str] = Counter(GetObject=1)
    if needs_headers(pipeline):
        found["HeadObject"] += 1
    return found


def amounts(
    pipeline: Pipeline, *, objects: int, size: int, way: str, prices: Prices
) -> dict[str, float]:
    """What `objects` of together `size` bytes take of each kind of price, the look included."""
    sent = requests(pipeline, way=way) + own_requests(pipeline)
    of_cos = sum(number for name, number in sent.items() if name not in NOT_COS)
    seconds = prices.assumed["function_seconds"] if way == "invoke" else 0.0
    return {
        # CI writes each result with a request of its own.
        "cos_requests": objects * (of_cos + len(pipeline.outputs)),
        "ci_gigabytes": size * len(pipeline.outputs) / _GIGABYTE,
        "ci_advanced": objects * sum(_is_advanced(output.rule, output.auto)
                                     for output in pipeline.outputs),
        "scf_invocations": objects if way == "invoke" else 0,
        "scf_gigabyte_seconds": objects * seconds * prices.assumed["function_gigabytes"],
    }  # fmt: skip


def estimate(seen: Mapping[str, Mapping[str, Any]], pipelines: Pipelines) -> dict[str, Any]:
    """What a run costs that met the objects and bytes of `seen`, by pipeline: amounts, requests and
    money. Raises `PricesError`."""
    prices = load()
    total: Counter[str] = Counter()
    told = {}
    for pipeline in pipelines.entries:
        mine = seen[pipeline.name]
        way, objects = mine["way"], mine["objects"]
        total.update(amounts(pipeline, objects=objects, size=mine["bytes"], way=way, prices=prices))
        told[pipeline.name] = {
            "objects": objects,
            "bytes": mine["bytes"],
            "requests": {
                kind: number * objects
                for kind, number in sorted(requests(pipeline, way=way).items())
            },
            "unpriced": unpriced(pipeline) if objects else [],
        }
    return {
        "currency": prices.currency,
        "pipelines": told,
        "amounts": dict(total),
        "money": prices.money(total),
    }


def unpriced(pipeline: Pipeline) -> list[str]:
    """What an upload takes that no price is known of."""
    found = []
    if any(output.blind_text or "watermark/3" in output.rule for output in pipeline.outputs):
        found.append("blind watermarks")
    return found


def _is_advanced(rule: str, auto: tuple[str, ...]) -> bool:
    return "avif" in auto or any(word in rule for word in _ADVANCED)
