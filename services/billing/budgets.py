"""A budget bounds what an account or one of its keys may spend in a UTC day or month; what is held counts as spent.

A hold belongs to the period in which it was placed, whenever it is captured: so the sums follow from the holds alone.
"""

import dataclasses
import datetime
from collections.abc import Iterable
from enum import StrEnum

from gesso.errors.v1 import reason_pb2 as pb
from servicekit.faults import Fault


class Period(StrEnum):
    """The span of a budget, aligned to UTC."""

    DAY = "day"
    MONTH = "month"


@dataclasses.dataclass(frozen=True, slots=True)
class Budget:
    """One budget in the period that began at `starts_at`; `api_key_id` is empty for the whole account.

    `alerted_percent` is the highest alert that was raised in this period.
    """

    account_id: str
    api_key_id: str
    period: Period
    limit_micros: int
    alert_at_percent: tuple[int, ...]
    starts_at: datetime.datetime
    spent_micros: int = 0
    held_micros: int = 0
    alerted_percent: int = 0

    @property
    def key(self) -> tuple[str, str, Period]:
        """What tells it from others."""
        return self.account_id, self.api_key_id, self.period

    @property
    def used_micros(self) -> int:
        """What is spent and held."""
        return self.spent_micros + self.held_micros

    def bounds(self, api_key_id: str) -> bool:
        """Say whether a hold of this key counts."""
        return self.api_key_id in {"", api_key_id}


@dataclasses.dataclass(frozen=True, slots=True)
class Alert:
    """A budget's use has come to `percent` of its limit."""

    budget: Budget
    percent: int


def start_of(period: Period, moment: datetime.datetime) -> datetime.datetime:
    """Return the UTC midnight at which the period of this moment began."""
    day = moment.astimezone(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day.replace(day=1) if period is Period.MONTH else day


def moment_of_hold(now: datetime.datetime, budgets: Iterable[Budget]) -> datetime.datetime:
    """Return the time at which a hold counts as placed: now, yet never before a period that another replica has begun."""
    return max((now, *(budget.starts_at for budget in budgets)))


def at(budget: Budget, moment: datetime.datetime) -> Budget:
    """Return the budget as it stands at a moment: a new period begins with nothing spent."""
    starts_at = start_of(budget.period, moment)
    if starts_at <= budget.starts_at:
        return budget
    return dataclasses.replace(budget, starts_at=starts_at, spent_micros=0, held_micros=0, alerted_percent=0)


def reserve(budget: Budget, amount_micros: int) -> Budget | Fault:
    """Return the budget with the amount held, or BUDGET_EXCEEDED where its limit does not cover that."""
    if amount_micros > 0 and budget.used_micros + amount_micros > budget.limit_micros:
        return _exceeded(budget)
    return dataclasses.replace(budget, held_micros=budget.held_micros + amount_micros)


def alerted(budget: Budget) -> tuple[Budget, tuple[Alert, ...]]:
    """Return the alerts that its use has newly reached, each once in a period, and the budget that remembers them."""
    reached = [
        percent
        for percent in budget.alert_at_percent
        if percent > budget.alerted_percent and budget.used_micros * 100 >= budget.limit_micros * percent
    ]
    if not reached:
        return budget, ()
    budget = dataclasses.replace(budget, alerted_percent=max(reached))
    return budget, tuple(Alert(budget, percent) for percent in sorted(reached))


def replacing(budget: Budget, before: Budget | None) -> Budget:
    """Return a budget that is set in the place of another: an alert at the same amount in the same period is not raised again."""
    if before is None or (before.starts_at, before.limit_micros) != (budget.starts_at, budget.limit_micros):
        return budget
    return dataclasses.replace(budget, alerted_percent=before.alerted_percent)


def settle(budget: Budget, placed_at: datetime.datetime, held_micros: int, captured_micros: int) -> Budget:
    """Return the budget after a hold ended; one of an earlier period no longer counts."""
    if start_of(budget.period, placed_at) != budget.starts_at:
        return budget
    return dataclasses.replace(
        budget,
        held_micros=budget.held_micros - held_micros,
        spent_micros=budget.spent_micros + captured_micros,
    )


def _exceeded(budget: Budget) -> Fault:
    scope = "api_key" if budget.api_key_id else "account"
    return Fault(
        pb.REASON_BUDGET_EXCEEDED,
        f"The {budget.period} budget of the {scope.replace('_', ' ')} does not cover the request.",
        details={
            "scope": scope,
            "period": str(budget.period),
            "limit_micros": str(budget.limit_micros),
            "spent_micros": str(budget.used_micros),
        },
    )
