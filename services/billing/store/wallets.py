"""Wallets: the accounts' rows, locked in the order of their ids before anything about their money is read or written."""

from collections.abc import Iterable, Mapping

from asyncpg import Connection

from billing.accounts import AccountState
from billing.holds import Balance, Wallet
from servicekit.faults import NotFound

_LOCK = """
SELECT id, state, posted_micros, held_micros, budgets FROM accounts
WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE
"""
_BALANCE = "SELECT posted_micros, held_micros FROM accounts WHERE id = $1"
_POST = "UPDATE accounts SET posted_micros = posted_micros + $2 WHERE id = $1"
_COUNT_BUDGETS = """
UPDATE accounts SET budgets = (SELECT count(*) FROM budgets WHERE account_id = $1) WHERE id = $1
"""


async def lock(connection: Connection, account_ids: Iterable[str]) -> dict[str, Wallet]:
    """Lock the wallets that exist of these accounts, until the transaction ends."""
    rows = await connection.fetch(_LOCK, list(account_ids))
    return {
        row["id"]: Wallet(
            row["id"], AccountState(row["state"]), row["posted_micros"], row["held_micros"], row["budgets"] > 0
        )
        for row in rows
    }


async def lock_one(connection: Connection, account_id: str) -> Wallet:
    """Lock one wallet. Raises NotFound."""
    found = await lock(connection, (account_id,))
    if account_id not in found:
        raise NotFound("account", account_id)
    return found[account_id]


async def balance(connection: Connection, account_id: str) -> Balance:
    """Return what an account has, without locking it. Raises NotFound."""
    row = await connection.fetchrow(_BALANCE, account_id)
    if row is None:
        raise NotFound("account", account_id)
    return Balance(account_id, row["posted_micros"], row["held_micros"])


async def post(connection: Connection, account_id: str, amount_micros: int) -> None:
    """Add to the posted balance of a locked wallet."""
    await connection.execute(_POST, account_id, amount_micros)


async def count_budgets(connection: Connection, account_id: str) -> None:
    """Note on a locked wallet how many budgets there are."""
    await connection.execute(_COUNT_BUDGETS, account_id)


def columns(amounts: Mapping[str, int]) -> tuple[list[str], list[int]]:
    """Return account ids and amounts as two arrays, without those that do not move."""
    moved = {account: amount for account, amount in amounts.items() if amount}
    return list(moved), list(moved.values())
