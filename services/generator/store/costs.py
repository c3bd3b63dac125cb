"""The statements of what orders cost: rows are written with their task's end, and summed for the operator."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from generator.costs import OrderCost
from servicekit.database import Database

COLUMNS = """
    job_id, idx, number, position, provider, upstream_model, model, dialect, picture_count, cost_micros, source,
    estimate_micros, paid_micros, lost_micros, outcome, day
"""
_TYPES = (
    *("text[]", "integer[]", "integer[]", "integer[]", "text[]", "text[]", "text[]", "text[]", "integer[]"),
    *("bigint[]", "text[]", "bigint[]", "bigint[]", "bigint[]", "text[]", "date[]"),
)


@dataclass(frozen=True, slots=True)
class Booking:
    """What an order of a task cost, and when the task ended."""

    job_id: str
    index: int
    ended_at: datetime
    cost: OrderCost


def given(first: int) -> str:
    """The bookings as a table of a statement: its parameters are `columns`, from the number `first` on."""
    parameters = ", ".join(f"${number}::{kind}" for number, kind in enumerate(_TYPES, first))
    return f"unnest({parameters}) AS cost ({COLUMNS})"


def columns(bookings: Sequence[Booking]) -> list[list[Any]]:
    """The values of the columns, in their order."""
    return [
        [one.job_id for one in bookings],
        [one.index for one in bookings],
        [one.cost.number for one in bookings],
        [one.cost.position for one in bookings],
        [one.cost.provider for one in bookings],
        [one.cost.upstream_model for one in bookings],
        [one.cost.model for one in bookings],
        [one.cost.dialect for one in bookings],
        [one.cost.picture_count for one in bookings],
        [one.cost.cost_micros for one in bookings],
        [one.cost.source.value for one in bookings],
        [one.cost.estimate_micros for one in bookings],
        [one.cost.paid_micros for one in bookings],
        [one.cost.lost_micros for one in bookings],
        [one.cost.outcome for one in bookings],
        [one.ended_at.astimezone(UTC).date() for one in bookings],
    ]


Key = Literal["model", "provider", "day"]


@dataclass(frozen=True, slots=True)
class Days:
    """A range of UTC days, both included; None for no bound."""

    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Sums:
    """What some orders come to."""

    orders: int = 0
    pictures: int = 0
    paid_micros: int = 0
    cost_micros: int = 0
    estimated_micros: int = 0
    unknown_orders: int = 0
    own_key_orders: int = 0


@dataclass(frozen=True, slots=True)
class Loss:
    """What may have been bought that no customer pays for."""

    provider: str
    cause: str
    tasks: int
    amount_micros: int


@dataclass(frozen=True, slots=True)
class Compared:
    """Orders of one upstream, and what they were expected to cost, or brought in. `model` and `dialect` where they are one."""

    provider: str
    upstream_model: str
    orders: int
    expected_micros: int
    cost_micros: int
    model: str = ""
    dialect: str = ""


_WITHIN = "day BETWEEN coalesce($1::date, '-infinity') AND coalesce($2::date, 'infinity')"
_ORDERS: Mapping[Key, str] = {"model": "paid_micros DESC, key", "provider": "paid_micros DESC, key", "day": "key"}


def _sums(key: Key) -> str:
    return f"""
SELECT grouping({key}) = 1 AS is_total, {key}::text AS key, count(*) AS orders, coalesce(sum(picture_count), 0)::bigint AS pictures,
    coalesce(sum(costs.paid_micros), 0)::bigint AS paid_micros, coalesce(sum(cost_micros), 0)::bigint AS cost_micros,
    coalesce(sum(cost_micros) FILTER (WHERE source = 'estimate'), 0)::bigint AS estimated_micros,
    count(*) FILTER (WHERE source = 'unknown') AS unknown_orders, count(*) FILTER (WHERE source = 'own_key') AS own_key_orders
FROM costs WHERE {_WITHIN} GROUP BY GROUPING SETS ((), ({key})) ORDER BY {_ORDERS[key]}
"""


async def sums(database: Database, days: Days, by: Key) -> tuple[Sums, Sequence[tuple[str, Sums]]]:
    """Sum the orders of those days: in all, and by the key (days in their order, else what brought in most first)."""
    rows = await database.fetch(_sums(by), days.since, days.until)
    total = next(_sums_of(row) for row in rows if row["is_total"])
    return total, [(row["key"], _sums_of(row)) for row in rows if not row["is_total"]]


_LOSSES = f"""
SELECT provider, outcome AS cause, count(DISTINCT (job_id, idx)) AS tasks, sum(lost_micros)::bigint AS amount_micros
FROM costs WHERE {_WITHIN} AND outcome <> 'kept' AND source <> 'own_key' AND (lost_micros > 0 OR source = 'unknown')
GROUP BY provider, outcome ORDER BY amount_micros DESC, provider, cause
"""


async def losses(database: Database, days: Days) -> list[Loss]:
    """Sum the losses of those days by provider and cause, the largest first."""
    rows = await database.fetch(_LOSSES, days.since, days.until)
    return [Loss(row["provider"], row["cause"], row["tasks"], row["amount_micros"]) for row in rows]


_DRIFTED = f"""
SELECT provider, upstream_model, '' AS model, '' AS dialect, count(*) AS orders,
    sum(estimate_micros)::bigint AS expected_micros, sum(cost_micros)::bigint AS cost_micros
FROM costs WHERE {_WITHIN} AND source IN ('vendor', 'usage') AND outcome = 'kept' AND estimate_micros IS NOT NULL
GROUP BY provider, upstream_model HAVING abs(sum(cost_micros) - sum(estimate_micros)) * 10 > sum(estimate_micros)
ORDER BY provider, upstream_model
"""
_BELOW_COST = f"""
SELECT provider, upstream_model, model, dialect, count(*) AS orders, sum(paid_micros)::bigint AS expected_micros,
    sum(cost_micros)::bigint AS cost_micros
FROM costs WHERE {_WITHIN} AND outcome = 'kept'
GROUP BY provider, upstream_model, model, dialect HAVING sum(cost_micros) > sum(paid_micros)
ORDER BY sum(paid_micros) - sum(cost_micros), provider, upstream_model, model, dialect
"""
_UNKNOWN = f"""
SELECT provider, upstream_model, '' AS model, '' AS dialect, count(*) AS orders, 0::bigint AS expected_micros,
    0::bigint AS cost_micros
FROM costs WHERE {_WITHIN} AND source = 'unknown' GROUP BY provider, upstream_model ORDER BY provider, upstream_model
"""


async def drifted(database: Database, days: Days) -> list[Compared]:
    """Upstreams that charged more than a tenth more or less than the catalogue expects, of orders that were kept whole."""
    return [_compared(row) for row in await database.fetch(_DRIFTED, days.since, days.until)]


async def below_cost(database: Database, days: Days) -> list[Compared]:
    """Models whose kept orders cost more than was paid for them, by upstream and price book; the worst first."""
    return [_compared(row) for row in await database.fetch(_BELOW_COST, days.since, days.until)]


async def unknown(database: Database, days: Days) -> list[Compared]:
    """Upstreams that were bought from and of whose cost the catalogue says nothing."""
    return [_compared(row) for row in await database.fetch(_UNKNOWN, days.since, days.until)]


def _sums_of(row: Any) -> Sums:
    return Sums(
        orders=row["orders"],
        pictures=row["pictures"],
        paid_micros=row["paid_micros"],
        cost_micros=row["cost_micros"],
        estimated_micros=row["estimated_micros"],
        unknown_orders=row["unknown_orders"],
        own_key_orders=row["own_key_orders"],
    )


def _compared(row: Any) -> Compared:
    return Compared(
        row["provider"],
        row["upstream_model"],
        row["orders"],
        row["expected_micros"],
        row["cost_micros"],
        model=row["model"],
        dialect=row["dialect"],
    )
