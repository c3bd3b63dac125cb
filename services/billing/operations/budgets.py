"""Budgets are set and shown; what is already spent and held in the period counts from the start."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import replace

from asyncpg import Connection

from billing import budgets as rules
from billing import events
from billing.budgets import Alert, Budget, Period
from billing.checks import MOST_MICROS, within
from billing.operations.acts import act
from billing.store import api_keys, audit, budgets, outbox, wallets
from billing.store.audit import Act
from servicekit.database import Database
from servicekit.faults import InvalidField

_MOST_ALERTS = 10


class Budgets:
    """Sets and shows budgets; `told` is called after a commit that wrote events."""

    def __init__(self, database: Database, told: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._told = told

    async def set(
        self, account_id: str, api_key_id: str, period: Period, limit_micros: int, alert_at_percent: Sequence[int]
    ) -> Budget:
        """Set one budget, or remove it by a limit of 0. What its use has reached already is alerted, too.

        Raises InvalidField, NotFound, Unavailable.
        """
        within("limit_micros", limit_micros, 0, MOST_MICROS)
        alert_at = _checked(alert_at_percent)
        now = act()
        async with self._database.transaction() as connection:
            await wallets.lock_one(connection, account_id)
            if api_key_id:
                await api_keys.get(connection, account_id, api_key_id)
            # The clock was read before the lock was had, and another replica's may be ahead: a hold may lie in a later period.
            moment = max(now.at, await budgets.latest_hold(connection, account_id) or now.at)
            wanted = Budget(account_id, api_key_id, period, limit_micros, alert_at, rules.start_of(period, moment))
            budget, alerts = rules.alerted(await _standing(connection, wanted)) if limit_micros else (wanted, ())
            await _write(connection, budget, alerts)
            await _record(connection, now, budget)
        if alerts:
            self._told()
        return budget

    async def of(self, account_id: str) -> Sequence[Budget]:
        """Return an account's budgets as they stand now. Raises NotFound, Unavailable."""
        now = datetime.datetime.now(datetime.UTC)
        async with self._database.connection() as connection:
            await wallets.balance(connection, account_id)
            standing = await budgets.read(connection, (account_id,))
        return [rules.at(budget, now) for budget in standing.get(account_id, ())]


async def _standing(connection: Connection, wanted: Budget) -> Budget:
    """Return the budget with what is spent and held, and alerted where it stood so before."""
    spent, held = await budgets.spending(connection, wanted.account_id, wanted.api_key_id, wanted.starts_at)
    before = await budgets.read(connection, (wanted.account_id,))
    replaced = [budget for budget in before.get(wanted.account_id, ()) if budget.key == wanted.key]
    return rules.replacing(replace(wanted, spent_micros=spent, held_micros=held), replaced[0] if replaced else None)


async def _write(connection: Connection, budget: Budget, alerts: Sequence[Alert]) -> None:
    if budget.limit_micros:
        await budgets.put(connection, budget)
    else:
        await budgets.remove(connection, *budget.key)
    await wallets.count_budgets(connection, budget.account_id)
    if alerts:
        await outbox.add(connection, [events.budget_alert(alert) for alert in alerts])


async def _record(connection: Connection, now: Act, budget: Budget) -> None:
    detail = {
        "period": budget.period,
        "limit_micros": budget.limit_micros,
        "alert_at_percent": budget.alert_at_percent,
    }
    subject_id = budget.api_key_id or budget.account_id
    await audit.append(
        connection, now, "budget.set", account_id=budget.account_id, subject_id=subject_id, detail=detail
    )


def _checked(alert_at_percent: Sequence[int]) -> tuple[int, ...]:
    if len(alert_at_percent) > _MOST_ALERTS:
        raise InvalidField("alert_at_percent", f"alert_at_percent takes at most {_MOST_ALERTS} figures.")
    return tuple(sorted({within("alert_at_percent", percent, 1, 100) for percent in alert_at_percent}))
