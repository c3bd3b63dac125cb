"""Budgets: what an account may spend in a UTC day or month, over all APIs, always hard.

Source: contract.md, "imagegen", Account.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.desk import Desk
from gateway.money import MICROS_PER_USD, usd
from gateway.visitor import Visitor
from gateway.wire import Reply, json_reply
from gesso.billing.v1 import billing_pb2
from gesso.billing.v1.billing_pb2 import PERIOD_DAY, PERIOD_MONTH, Period


def _said(text: str) -> Meta:
    return Meta(description=text)


class Limit(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The budget of a period; null lifts it."""

    limit_usd: Annotated[
        Annotated[float, Meta(ge=0.000001, le=1_000_000_000)] | None, _said("In US dollars, to 6 decimals.")
    ] = None


_Percent = Annotated[int, Meta(ge=1, le=100)]


class BudgetChange(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """All budgets of the account: one that is absent is lifted."""

    day: Annotated[Limit | None, _said("From midnight to midnight, UTC.")] = None
    month: Annotated[Limit | None, _said("Of the calendar, UTC.")] = None
    alert_at_percent: Annotated[
        Annotated[list[_Percent], Meta(max_length=10)] | None,
        _said("Per cent of each limit at which the event `budget.alert` is raised."),
    ] = None


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """One budget, with what of it is used."""

    limit_usd: Annotated[float | None, _said("Null where nothing limits the period.")]
    spent_usd: Annotated[float | None, _said("What is spent and what running jobs may cost yet; null without a limit.")]
    remaining_usd: Annotated[float | None, _said("What is left of it; null without a limit.")]


class ShownBudget(msgspec.Struct, frozen=True, kw_only=True):
    """The account's budgets."""

    day: Spending
    month: Spending
    alert_at_percent: list[int]


async def show(desk: Desk, visitor: Visitor) -> Reply:
    """GET /api/v2/user/budget."""
    return json_reply(shown(await desk.budgets()))


async def change(desk: Desk, visitor: Visitor, wanted: BudgetChange) -> Reply:
    """PUT /api/v2/user/budget."""
    alerts = sorted(set(wanted.alert_at_percent or ()))
    for period, limit in ((PERIOD_DAY, wanted.day), (PERIOD_MONTH, wanted.month)):
        dollars = limit.limit_usd if limit else None
        limit_micros = 0 if dollars is None else round(dollars * MICROS_PER_USD)
        await desk.set_budget(period, limit_micros=limit_micros, alert_at_percent=alerts if limit_micros else ())
    return json_reply(shown(await desk.budgets()))


def shown(budgets: Sequence[billing_pb2.Budget]) -> ShownBudget:
    """The budgets of an account, those of both periods together."""
    by_period = {budget.period: budget for budget in budgets}
    alerts = {percent for budget in budgets for percent in budget.alert_at_percent}
    return ShownBudget(
        day=_spending(by_period, PERIOD_DAY), month=_spending(by_period, PERIOD_MONTH), alert_at_percent=sorted(alerts)
    )


def _spending(by_period: dict[Period.ValueType, billing_pb2.Budget], period: Period.ValueType) -> Spending:
    budget = by_period.get(period)
    if budget is None:
        return Spending(limit_usd=None, spent_usd=None, remaining_usd=None)
    used_micros = budget.spent_micros + budget.held_micros
    return Spending(
        limit_usd=usd(budget.limit_micros),
        spent_usd=usd(used_micros),
        remaining_usd=usd(max(budget.limit_micros - used_micros, 0)),
    )
