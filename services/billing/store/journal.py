"""The journal: balanced entries that are written once. Captures are booked where holds end."""

import datetime

from asyncpg import Connection

from billing.holds import Hold

_GRANT = """
INSERT INTO journal_entries (kind, debit, credit, amount_micros, account_id, request_id, occurred_at)
VALUES ('grant', 'grants', 'wallet', $2, $1, $3, $4)
"""
_REFUND = """
INSERT INTO journal_entries (kind, debit, credit, amount_micros, account_id, hold_id, request_id, occurred_at)
VALUES ('refund', 'refunds', 'wallet', $2, $1, $3, $4, $5)
"""


async def grant(
    connection: Connection, account_id: str, amount_micros: int, *, request_id: str, now: datetime.datetime
) -> None:
    """Book money that the platform gives to an account."""
    await connection.execute(_GRANT, account_id, amount_micros, request_id, now)


async def refund(
    connection: Connection, hold: Hold, amount_micros: int, *, request_id: str, now: datetime.datetime
) -> None:
    """Book captured money that goes back to its account."""
    await connection.execute(_REFUND, hold.account_id, amount_micros, hold.id, request_id, now)
