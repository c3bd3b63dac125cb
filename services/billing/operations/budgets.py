"""Budgets are set and shown; what is already spent and held in the period counts from the start."""

import datetime
from collections.abc import Sequence
from dataclasses import replace

from billing import budgets as rules
from billing.budgets import Budget, Period
from billing.checks import MOST_MICROS, within
from billing.operations.acts import act
from billing.store import api_keys, audit, budgets, wallets
from servicekit.database import Database
from servicekit.faults import InvalidField

_MOST_ALERTS = 10


class Budgets:
    """Sets and shows budgets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(
        self, account_id: str, api_key_id: str, period: Period, limit_micros: int, alert_at_percent: Sequence[int]
    ) -> Budget:
        """Set one budget, or remove it by a limit of 0. Raises InvalidField, NotFound, Unavailable."""
        within("limit_micros", limit_micros, 0, MOST_MICROS)
        alerts = _checked(alert_at_percent)
        now = act()
        async with self._database.transaction() as connection:
            await wallets.lock_one(connection, account_id)
            # The clock was read before the lock was had, and another replica's may be ahead: a hold may lie in a later period.
            moment = max(now.at, await budgets.latest_hold(connection, account_id) or now.at)
            budget = Budget(account_id, api_key_id, period, limit_micros, alerts, rules.start_of(period, moment))
            if api_key_id:
                await api_keys.get(connection, account_id, api_key_id)
            spent, held = await budgets.spending(connection, account_id, api_key_id, budget.starts_at)
            budget = replace(budget, spent_micros=spent, held_micros=held)
            if limit_micros:
                budget, _ = rules.alerted(budget)
                await budgets.put(connection, budget)
            else:
                await budgets.remove(connection, account_id, api_key_id, period)
            await wallets.count_budgets(connection, account_id)
            detail = {"period": period, "limit_micros": limit_micros, "alert_at_percent": alerts}
            await audit.append(
                connection,
                now,
                "budget.set",
                account_id=account_id,
                subject_id=api_key_id or account_id,
                detail=detail,
            )
        return budget

    async def of(self, account_id: str) -> Sequence[Budget]:
        """Return an account's budgets as they stand now. Raises NotFound, Unavailable."""
        now = datetime.datetime.now(datetime.UTC)
        async with self._database.connection() as connection:
            await wallets.balance(connection, account_id)
            standing = await budgets.read(connection, (account_id,))
        return [rules.at(budget, now) for budget in standing.get(account_id, ())]


def _checked(alert_at_percent: Sequence[int]) -> tuple[int, ...]:
    if len(alert_at_percent) > _MOST_ALERTS:
        raise InvalidField("alert_at_percent", f"alert_at_percent takes at most {_MOST_ALERTS} figures.")
    return tuple(sorted({within("alert_at_percent", percent, 1, 100) for percent in alert_at_percent}))
