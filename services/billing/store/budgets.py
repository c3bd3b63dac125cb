"""Budgets: read and written under the lock of their account's wallet, so that absolute figures can be stored."""

import datetime
from collections.abc import Iterable

from asyncpg import Connection, Record

from billing.budgets import Budget, Period

_FIELDS = """account_id, api_key_id, period, limit_micros, alert_at_percent, starts_at, spent_micros, held_micros,
    alerted_percent"""
_READ = f"""
SELECT {_FIELDS} FROM budgets WHERE account_id = ANY($1::text[]) ORDER BY account_id, api_key_id, period
"""
_WRITE = """
UPDATE budgets SET starts_at = new.starts_at, spent_micros = new.spent_micros, held_micros = new.held_micros,
    alerted_percent = new.alerted_percent
FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::integer[])
    AS new (account_id, api_key_id, period, starts_at, spent_micros, held_micros, alerted_percent)
WHERE (budgets.account_id, budgets.api_key_id, budgets.period) = (new.account_id, new.api_key_id, new.period)
"""
_SET = f"""
INSERT INTO budgets ({_FIELDS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (account_id, api_key_id, period) DO UPDATE SET
    limit_micros = EXCLUDED.limit_micros, alert_at_percent = EXCLUDED.alert_at_percent,
    starts_at = EXCLUDED.starts_at, spent_micros = EXCLUDED.spent_micros, held_micros = EXCLUDED.held_micros,
    alerted_percent = EXCLUDED.alerted_percent
"""
_REMOVE = "DELETE FROM budgets WHERE account_id = $1 AND api_key_id = $2 AND period = $3"
_SPENDING = """
SELECT coalesce(sum(captured_micros - refunded_micros), 0)::bigint AS spent_micros,
    coalesce(sum(amount_micros) FILTER (WHERE state = 'open'), 0)::bigint AS held_micros
FROM holds WHERE account_id = $1 AND created_at >= $2 AND ($3 = '' OR api_key_id = $3)
"""
_LATEST_HOLD = "SELECT max(created_at) FROM holds WHERE account_id = $1"


async def read(connection: Connection, account_ids: Iterable[str]) -> dict[str, list[Budget]]:
    """Return the budgets of these accounts, for those that have any."""
    found: dict[str, list[Budget]] = {}
    for row in await connection.fetch(_READ, list(account_ids)):
        found.setdefault(row["account_id"], []).append(_budget(row))
    return found


async def write(connection: Connection, changed: Iterable[Budget]) -> None:
    """Store what is spent and held of budgets that exist."""
    rows = list(changed)
    await connection.execute(
        _WRITE,
        [b.account_id for b in rows],
        [b.api_key_id for b in rows],
        [b.period for b in rows],
        [b.starts_at for b in rows],
        [b.spent_micros for b in rows],
        [b.held_micros for b in rows],
        [b.alerted_percent for b in rows],
    )


async def put(connection: Connection, budget: Budget) -> None:
    """Set one budget, whether it exists or not."""
    await connection.execute(
        _SET,
        budget.account_id,
        budget.api_key_id,
        budget.period,
        budget.limit_micros,
        list(budget.alert_at_percent),
        budget.starts_at,
        budget.spent_micros,
        budget.held_micros,
        budget.alerted_percent,
    )


async def remove(connection: Connection, account_id: str, api_key_id: str, period: Period) -> None:
    """Remove one budget, if there is such."""
    await connection.execute(_REMOVE, account_id, api_key_id, period)


async def spending(
    connection: Connection, account_id: str, api_key_id: str, since: datetime.datetime
) -> tuple[int, int]:
    """Return what is (spent, held) of the holds placed since a moment; an empty key means all of the account's."""
    row = await connection.fetchrow(_SPENDING, account_id, since, api_key_id)
    return row["spent_micros"], row["held_micros"]


async def latest_hold(connection: Connection, account_id: str) -> datetime.datetime | None:
    """Return when the account's latest hold counts as placed, if there is any."""
    found: datetime.datetime | None = await connection.fetchval(_LATEST_HOLD, account_id)
    return found


def _budget(row: Record) -> Budget:
    fields = dict(row)
    fields["period"] = Period(fields["period"])
    fields["alert_at_percent"] = tuple(fields["alert_at_percent"])
    return Budget(**fields)
