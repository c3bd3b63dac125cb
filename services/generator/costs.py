"""What an order costs the platform: what its vendor says, else its usage at the vendor's rates, else the catalogue's estimate.

Source: design.md and the README of upstreams, "Billing truth". Pure functions; money is int64 micros, a fraction is rounded up.
"""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from functools import lru_cache
from typing import Any

import msgspec

from generator.providers.base import Drawn
from generator.public_models import AUTO_SIZE, CostRule, UpstreamCost
from generator.sizes import Size, parse_size, requested_size
from gesso.generator.v1.generator_pb2 import Draw
from servicekit.faults import InvalidField

_MICROS_PER_USD = 1_000_000
_PIXELS_PER_MEGAPIXEL = 1024 * 1024


class Source(enum.StrEnum):
    """How a cost is known."""

    VENDOR = "vendor"
    """The vendor said what it charges."""
    USAGE = "usage"
    """The vendor said what it measured; the rates are the catalogue's."""
    ESTIMATE = "estimate"
    """The catalogue says what such pictures cost."""
    OWN_KEY = "own_key"
    """The vendor bills the account, by its own key: it costs the platform nothing."""
    UNKNOWN = "unknown"
    """The catalogue knows no cost of this upstream: nothing is booked."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What an order costs; `estimate_micros` is what the catalogue says of it, None where it says nothing."""

    micros: int
    source: Source
    estimate_micros: int | None = None


OWN_KEY = Cost(0, Source.OWN_KEY)
NOTHING = Cost(0, Source.VENDOR)


@dataclass(slots=True)
class Bill:
    """What one order of a task costs, from the moment it is placed: until more is known, all of it may have been sold."""

    number: int
    """The attempt that it belongs to."""
    positions: tuple[int, ...]
    provider: str
    upstream_model: str
    cost: Cost
    sold_count: int
    """Pictures that the vendor charges for, or may."""
    kept_count: int = 0
    """Pictures that were kept in time, and are charged to the customer."""
    is_free: bool = False
    """Whether an engine of our own draws it: nothing of it is ever lost."""

    @property
    def lost_count(self) -> int:
        """Pictures that the platform may have paid for and no customer got."""
        return 0 if self.is_free else max(self.sold_count - self.kept_count, 0)

    def sold_nothing(self) -> None:
        """Note that its vendor certainly charges nothing."""
        self.cost, self.sold_count = NOTHING, 0


@dataclass(frozen=True, slots=True)
class OrderCost:
    """What is booked of one order: its row. `paid_micros` is its share of what the customer paid for the task."""

    number: int
    position: int
    provider: str
    upstream_model: str
    model: str
    """The public name."""
    dialect: str
    picture_count: int
    cost_micros: int
    source: Source
    estimate_micros: int | None
    paid_micros: int
    lost_micros: int
    """What of its cost no customer pays: the share of pictures that nobody got."""
    outcome: str
    """`kept`, or the name of the reason for which pictures of it were lost."""


KEPT = "kept"


def estimate_micros(cost: UpstreamCost, *, quality: str, size: Size | None, count: int) -> int:
    """What the catalogue says of `count` pictures of a quality and size; the last of its rules covers every order."""
    rule = next(rule for rule in cost.prices if _covers(rule, quality, size))
    if rule.usd is not None:
        return _micros(rule.usd * count)
    assert rule.usd_per_megapixel is not None, "the catalogue's reader checked it"
    megapixels = 1 if size is None else -(-size.pixel_count // _PIXELS_PER_MEGAPIXEL)
    return _micros(rule.usd_per_megapixel * megapixels * count)


def usage_micros(cost: UpstreamCost, usage_json: bytes, metered: Mapping[str, float]) -> int | None:
    """What a vendor's usage object, or what it metered, comes to at the catalogue's rates.

    None where there is no rate, or not all of its numbers.
    """
    if not cost.usage or not (usage_json or metered):
        return None
    try:
        usage = msgspec.json.decode(usage_json) if usage_json else metered
    except msgspec.DecodeError:
        return None
    total = Decimal(0)
    for path, rate in cost.usage.items():
        units = _number(usage, path)
        if units is None:
            return None
        total += rate * (units if isinstance(units, int) else Decimal(str(units)))
    return _micros(total / cost.usage_per)


def best_known(
    cost: UpstreamCost | None,
    expected: int | None,
    said_micros: int | None,
    usage_json: bytes,
    metered: Mapping[str, float],
) -> Cost:
    """What an order costs by the best that is known: the vendor's word, its measured usage at our rates, what was `expected`."""
    if said_micros is not None:
        return Cost(said_micros, Source.VENDOR, expected)
    measured = None if cost is None else usage_micros(cost, usage_json, metered)
    if measured is not None:
        return Cost(measured, Source.USAGE, expected)
    return Cost(0, Source.UNKNOWN) if expected is None else Cost(expected, Source.ESTIMATE, expected)


class CostBook:
    """The catalogue's costs, by provider and upstream model."""

    def __init__(self, costs: Mapping[str, UpstreamCost]) -> None:
        self._costs = costs
        self._estimate_micros = lru_cache(maxsize=4096)(self._uncached_micros)  # customers ask for the same few

    def expected(self, provider: str, upstream_model: str, draw: Draw, *, quality: str, count: int) -> Cost:
        """What `count` pictures of a draw cost by what was asked alone; `quality` is as the upstream is asked for it."""
        expected = self._estimate_micros(f"{provider}/{upstream_model}", quality, _asked(draw), count)
        return best_known(None, expected, None, b"", {})

    def told(self, provider: str, upstream_model: str, draw: Draw, drawn: Drawn, *, quality: str, count: int) -> Cost:
        """What an order cost of which the vendor sold `count` pictures, by what it says."""
        upstream, size = f"{provider}/{upstream_model}", _said(drawn) or _asked(draw)
        expected = self._estimate_micros(upstream, drawn.echoed.get("quality", quality), size, count)
        return best_known(self._costs.get(upstream), expected, drawn.cost_micros, drawn.usage_json, drawn.metered)

    def _uncached_micros(self, upstream: str, quality: str, size: Size | None, count: int) -> int | None:
        cost = self._costs.get(upstream)
        return None if cost is None else estimate_micros(cost, quality=quality, size=size, count=count)


def booked(
    bills: Sequence[Bill], *, model: str, dialect: str, charge_micros: int, is_paid: bool, reason_name: str
) -> tuple[OrderCost, ...]:
    """The rows of a task that has ended: of the orders that cost something, or may have.

    Its charge is shared by the kept pictures; where nothing was kept (tokens that were captured at the start), the last bears it.
    `is_paid` says that the customer pays for pictures that he did not get, too.
    """
    sold = [bill for bill in bills if bill.sold_count]
    shares = _shared(charge_micros, [bill.kept_count for bill in sold])
    return tuple(
        OrderCost(
            number=bill.number,
            position=bill.positions[0],
            provider=bill.provider,
            upstream_model=bill.upstream_model,
            model=model,
            dialect=dialect,
            picture_count=bill.kept_count,
            cost_micros=bill.cost.micros,
            source=bill.cost.source,
            estimate_micros=bill.cost.estimate_micros,
            paid_micros=share,
            lost_micros=0 if is_paid else _lost_micros(bill),
            outcome=KEPT if bill.kept_count >= bill.sold_count else reason_name or KEPT,
        )
        for bill, share in zip(sold, shares, strict=True)
    )


def _lost_micros(bill: Bill) -> int:
    return -(-bill.cost.micros * bill.lost_count // bill.sold_count)


def _covers(rule: CostRule, quality: str, size: Size | None) -> bool:
    if rule.qualities and quality not in rule.qualities:
        return False
    if rule.sizes:
        return (AUTO_SIZE if size is None else str(size)) in rule.sizes
    if rule.up_to:
        return size is not None and size.pixel_count <= parse_size(rule.up_to).pixel_count
    return True


def _asked(draw: Draw) -> Size | None:
    try:
        return requested_size(draw)
    except InvalidField:  # admission refuses it: only a draw of another version can say it
        return None


def _said(drawn: Drawn) -> Size | None:
    try:
        return parse_size(drawn.echoed.get("size", ""))
    except ValueError:
        return None


def _number(usage: Any, path: str) -> int | float | None:
    for name in path.split("."):
        usage = usage.get(name) if isinstance(usage, Mapping) else None
    known = isinstance(usage, int | float) and not isinstance(usage, bool) and usage >= 0
    return usage if known else None


def _shared(amount: int, weights: Sequence[int]) -> list[int]:
    """Cut an amount by weights, nothing lost to rounding; all of it is the last one's where no weight is more than 0."""
    total, given, shares = sum(weights), 0, list[int]()
    for index in range(len(weights)):
        due = amount * sum(weights[: index + 1]) // total if total else amount * (index + 1 == len(weights))
        shares.append(due - given)
        given = due
    return shares


def _micros(usd: Decimal) -> int:
    return int((usd * _MICROS_PER_USD).to_integral_value(ROUND_CEILING))
