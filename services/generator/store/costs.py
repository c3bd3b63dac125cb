"""The statements of what orders cost: rows are written with their task's end, and summed for the operator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from generator.costs import OrderCost

COLUMNS = """
    job_id, idx, number, position, provider, upstream_model, model, dialect, picture_count, cost_micros, source,
    estimate_micros, paid_micros, outcome, day
"""
_TYPES = (
    *("text[]", "integer[]", "integer[]", "integer[]", "text[]", "text[]", "text[]", "text[]", "integer[]"),
    *("bigint[]", "text[]", "bigint[]", "bigint[]", "text[]", "date[]"),
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
        [one.cost.outcome for one in bookings],
        [one.ended_at.astimezone(UTC).date() for one in bookings],
    ]
