"""Accounts: made, changed, read and listed."""

import datetime
import json
from collections.abc import Mapping

from asyncpg import Connection, Record

from billing.accounts import Account, AccountState
from billing.preferences import PLATFORMS_OWN, Preferences
from servicekit.faults import NotFound

_FIELDS = """id, name, plan, state, limits, subscription_active, renews_at, created_at, email, preferences, safety,
    posted_micros, held_micros"""
_ADD = """
INSERT INTO accounts (id, name, plan, subscription_active, renews_at, created_at, email)
VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_GET = f"SELECT {_FIELDS} FROM accounts WHERE id = $1"
_CHANGE = """
UPDATE accounts SET plan = $2, state = $3, limits = $4, subscription_active = $5, renews_at = $6, email = $7,
    preferences = $8, safety = $9
WHERE id = $1
"""
_LIST = f"SELECT {_FIELDS} FROM accounts WHERE id > $1 ORDER BY id LIMIT $2"
_POLICIES = "SELECT id, plan, limits FROM accounts WHERE id = ANY($1::text[])"
_PLANS = "SELECT DISTINCT plan FROM accounts"
_DUE = """
SELECT id FROM accounts WHERE subscription_active AND state = 'active' AND renews_at <= $1 ORDER BY renews_at LIMIT 100
"""


async def add(connection: Connection, account: Account) -> None:
    """Write a new account, its balance 0."""
    await connection.execute(
        _ADD,
        account.id,
        account.name,
        account.plan,
        account.subscription_active,
        account.renews_at,
        account.created_at,
        account.email,
    )


async def get(connection: Connection, account_id: str) -> Account:
    """Return one account. Raises NotFound."""
    row = await connection.fetchrow(_GET, account_id)
    if row is None:
        raise NotFound("account", account_id)
    return _account(row)


async def change(connection: Connection, account: Account) -> None:
    """Write what can change of a locked account, but for its money."""
    await connection.execute(
        _CHANGE,
        account.id,
        account.plan,
        account.state,
        json.dumps(dict(account.limits)),
        account.subscription_active,
        account.renews_at,
        account.email,
        json.dumps(account.preferences.present()),
        json.dumps(dict(account.safety)),
    )


async def listed(connection: Connection, *, after: str, limit: int) -> list[Account]:
    """Return accounts, oldest first (their ids sort by age), that come after an id."""
    return [_account(row) for row in await connection.fetch(_LIST, after, limit)]


async def policies(connection: Connection, account_ids: list[str]) -> dict[str, tuple[str, Mapping[str, int]]]:
    """Return plan and limit overrides of these accounts."""
    rows = await connection.fetch(_POLICIES, account_ids)
    return {row["id"]: (row["plan"], limits_of(row["limits"])) for row in rows}


async def plans_in_use(connection: Connection) -> list[str]:
    """Return the names of the plans that accounts have."""
    return [row["plan"] for row in await connection.fetch(_PLANS)]


async def due(connection: Connection, now: datetime.datetime) -> list[str]:
    """Return accounts whose subscription renews now, the longest due first; at most 100."""
    return [row["id"] for row in await connection.fetch(_DUE, now)]


def limits_of(text: str) -> Mapping[str, int]:
    """Read the overrides of a row; most accounts have none."""
    return {} if text == "{}" else json.loads(text)


def preferences_of(text: str) -> Preferences:
    """Read the preferences of a row; most accounts have none."""
    return PLATFORMS_OWN if text == "{}" else Preferences(**json.loads(text))


def safety_of(text: str) -> Mapping[str, str]:
    """Read the prompt policy of a row; most accounts have none."""
    return {} if text == "{}" else json.loads(text)


def _account(row: Record) -> Account:
    fields = dict(row)
    fields["state"] = AccountState(fields["state"])
    fields["limits"] = limits_of(fields["limits"])
    fields["preferences"] = preferences_of(fields["preferences"])
    fields["safety"] = safety_of(fields["safety"])
    return Account(**fields)
