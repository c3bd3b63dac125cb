"""Invariants of the books as queries: each returns the account, the subject and the figures of what breaks it.

Balanced entries, and amounts within their bounds, are also constraints of the schema; they are asked again here because a
restored or edited database is what an operator verifies.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from asyncpg import Connection

_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_COUNTS = """
SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM journal_entries), (SELECT count(*) FROM holds)
"""
_MOST_PER_INVARIANT = 100

# name -> query of (account_id, subject_id, detail)
_INVARIANTS: Mapping[str, str] = {
    "entry_balanced": """
        SELECT min(account_id), entry_id::text, 'postings sum to ' || sum(amount_micros)
        FROM postings GROUP BY entry_id HAVING sum(amount_micros) <> 0 OR count(*) < 2
    """,
    "posted_is_sum_of_postings": """
        SELECT id, id, 'posted ' || posted_micros || ', postings sum to ' || coalesce(total, 0)
        FROM accounts LEFT JOIN (
            SELECT account_id, sum(amount_micros) AS total FROM postings WHERE ledger = 'wallet' GROUP BY account_id
        ) AS booked ON booked.account_id = id
        WHERE posted_micros <> coalesce(total, 0)
    """,
    "held_is_sum_of_open_holds": """
        SELECT id, id, 'held ' || held_micros || ', open holds sum to ' || coalesce(total, 0)
        FROM accounts LEFT JOIN (
            SELECT account_id, sum(amount_micros) AS total FROM holds WHERE state = 'open' GROUP BY account_id
        ) AS open ON open.account_id = id
        WHERE held_micros <> coalesce(total, 0)
    """,
    "available_not_negative": """
        SELECT id, id, 'posted ' || posted_micros || ', held ' || held_micros
        FROM accounts WHERE posted_micros < held_micros OR held_micros < 0
    """,
    "captured_within_hold": """
        SELECT account_id, id, 'captured ' || captured_micros || ' of ' || amount_micros
        FROM holds WHERE captured_micros NOT BETWEEN 0 AND amount_micros
    """,
    "refunded_within_capture": """
        SELECT account_id, id, 'refunded ' || refunded_micros || ' of ' || captured_micros
        FROM holds WHERE refunded_micros NOT BETWEEN 0 AND captured_micros
    """,
    "hold_has_account": """
        SELECT account_id, id, 'no such account' FROM holds
        WHERE NOT EXISTS (SELECT FROM accounts WHERE accounts.id = holds.account_id)
    """,
    "one_capture_per_captured_hold": """
        SELECT coalesce(holds.account_id, booked.account_id), coalesce(id, hold_id),
            'hold captured ' || coalesce(captured_micros, 0) || ', journal ' || coalesce(total, 0)
            || ' in ' || coalesce(entries, 0) || ' entries'
        FROM (SELECT * FROM holds WHERE captured_micros > 0) AS holds FULL JOIN (
            SELECT hold_id, min(account_id) AS account_id, sum(amount_micros) AS total, count(*) AS entries
            FROM journal_entries WHERE kind = 'capture' GROUP BY hold_id
        ) AS booked ON hold_id = id AND booked.account_id = holds.account_id
        WHERE captured_micros IS DISTINCT FROM total OR entries IS DISTINCT FROM 1
    """,
    "refunds_are_booked": """
        SELECT coalesce(holds.account_id, booked.account_id), coalesce(id, hold_id),
            'hold refunded ' || coalesce(refunded_micros, 0) || ', journal ' || coalesce(total, 0)
        FROM (SELECT * FROM holds WHERE refunded_micros > 0) AS holds FULL JOIN (
            SELECT hold_id, min(account_id) AS account_id, sum(amount_micros) AS total
            FROM journal_entries WHERE kind = 'refund' GROUP BY hold_id
        ) AS booked ON hold_id = id AND booked.account_id = holds.account_id
        WHERE refunded_micros IS DISTINCT FROM total
    """,
    "budget_counts_its_holds": """
        SELECT b.account_id, b.account_id || '/' || b.api_key_id || '/' || b.period,
            'spent ' || b.spent_micros || ', holds say ' || used.spent || '; held ' || b.held_micros || ', holds say ' || used.held
        FROM budgets AS b CROSS JOIN LATERAL (
            SELECT coalesce(sum(captured_micros - refunded_micros), 0) AS spent,
                coalesce(sum(amount_micros) FILTER (WHERE state = 'open'), 0) AS held
            FROM holds AS h
            WHERE h.account_id = b.account_id AND b.api_key_id IN ('', h.api_key_id) AND h.created_at >= b.starts_at
        ) AS used
        WHERE b.spent_micros <> used.spent OR b.held_micros <> used.held
    """,
    "budgets_are_counted": """
        SELECT id, id, 'account counts ' || budgets || ' budgets, there are ' || coalesce(standing, 0)
        FROM accounts LEFT JOIN (
            SELECT account_id, count(*) AS standing FROM budgets GROUP BY account_id
        ) AS found ON found.account_id = id
        WHERE budgets <> coalesce(standing, 0)
    """,
}


@dataclass(frozen=True, slots=True)
class Breach:
    """One invariant that does not hold for one subject."""

    invariant: str
    account_id: str
    subject_id: str
    detail: str


async def begin_snapshot(connection: Connection) -> None:
    """Let the transaction see the books as they are at its first query; must be its first statement."""
    await connection.execute(_SNAPSHOT)


async def counts(connection: Connection) -> tuple[int, int, int]:
    """Return how many accounts, journal entries and holds there are."""
    row = await connection.fetchrow(_COUNTS)
    return row[0], row[1], row[2]


async def breaches(connection: Connection) -> list[Breach]:
    """Return what breaks an invariant, at most 100 of each."""
    return [
        Breach(name, *row)
        for name, query in _INVARIANTS.items()
        for row in await connection.fetch(f"{query} LIMIT {_MOST_PER_INVARIANT}")
    ]
