"""Holds: placed, read, ended and listed. Writers have locked the accounts' wallets."""

import datetime
from collections.abc import Iterable

from asyncpg import Connection, Record

from billing.admission import Admitted
from billing.holds import Hold, HoldState, Settlement
from billing.settlement import Settled
from billing.store.wallets import columns

_FIELDS = """id, account_id, api_key_id, job_id, state, amount_micros, captured_micros, refunded_micros,
    created_at, review_at, settled_at"""
_PLACE = """
WITH placed AS (
    INSERT INTO holds (id, account_id, api_key_id, job_id, state, amount_micros, created_at, review_at)
    SELECT id, account_id, api_key_id, job_id, 'open', amount_micros, created_at, review_at
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::timestamptz[])
        AS new (id, account_id, api_key_id, job_id, amount_micros, created_at, review_at)
    ON CONFLICT (id) DO NOTHING RETURNING id
), moved AS (
    UPDATE accounts SET held_micros = accounts.held_micros + more.held_micros
    FROM unnest($8::text[], $9::bigint[]) AS more (id, held_micros) WHERE accounts.id = more.id
)
SELECT count(*) FROM placed
"""
_END = """
WITH ended AS (
    UPDATE holds SET captured_micros = capture.amount_micros, settled_at = $3,
        state = CASE WHEN capture.amount_micros > 0 THEN 'captured' ELSE 'released' END
    FROM unnest($1::text[], $2::bigint[]) AS capture (id, amount_micros)
    WHERE holds.id = capture.id AND holds.state = 'open'
    RETURNING holds.id, holds.account_id, holds.captured_micros
), booked AS (
    INSERT INTO journal_entries (kind, debit, credit, amount_micros, account_id, hold_id, occurred_at)
    SELECT 'capture', 'wallet', 'revenue', captured_micros, account_id, id, $3 FROM ended WHERE captured_micros > 0
), moved AS (
    UPDATE accounts SET posted_micros = accounts.posted_micros - less.posted_micros,
        held_micros = accounts.held_micros - less.held_micros
    FROM unnest($4::text[], $5::bigint[], $6::bigint[]) AS less (id, posted_micros, held_micros)
    WHERE accounts.id = less.id
)
SELECT count(*) FROM ended
"""
_BURY = """
INSERT INTO holds (id, account_id, api_key_id, job_id, state, amount_micros, created_at, review_at, settled_at)
SELECT id, account_id, '', job_id, 'released', 0, $4, $4, $4
FROM unnest($1::text[], $2::text[], $3::text[]) AS new (id, account_id, job_id)
ON CONFLICT (id) DO NOTHING
"""
_READ = f"SELECT {_FIELDS} FROM holds WHERE id = ANY($1::text[])"
_GET = f"SELECT {_FIELDS} FROM holds WHERE account_id = $1 AND id = $2"
_REFUND = "UPDATE holds SET refunded_micros = refunded_micros + $2 WHERE id = $1"
_LIST = f"""
SELECT {_FIELDS} FROM holds
WHERE (created_at, id) > ($1, $2)
    AND ($3::text IS NULL OR state = $3) AND ($4::timestamptz IS NULL OR review_at <= $4)
    AND ($5::text IS NULL OR account_id = $5)
ORDER BY created_at, id LIMIT $6
"""
_LIST_OPEN = f"""
SELECT {_FIELDS} FROM holds
WHERE state = 'open' AND (created_at, id) > ($1, $2)
    AND ($3::timestamptz IS NULL OR review_at <= $3) AND ($4::text IS NULL OR account_id = $4)
ORDER BY created_at, id LIMIT $5
"""
_COUNT_OPEN = "SELECT count(*) FROM holds WHERE state = 'open'"


async def place(connection: Connection, admitted: Admitted) -> bool:
    """Write the holds and what their wallets hold more; False where an id was taken already, and all must be rolled back."""
    placed = admitted.placed
    count = await connection.fetchval(
        _PLACE,
        [p.admission.hold_id for p in placed],
        [p.admission.account_id for p in placed],
        [p.admission.api_key_id for p in placed],
        [p.admission.job_id for p in placed],
        [p.admission.amount_micros for p in placed],
        [p.placed_at for p in placed],
        [p.admission.review_at for p in placed],
        *columns(admitted.held),
    )
    return bool(count == len(placed))


async def end(connection: Connection, settled: Settled, now: datetime.datetime) -> None:
    """Write the captures and releases, their journal entries, and what their wallets have and hold less."""
    accounts = list(settled.held)
    count = await connection.fetchval(
        _END,
        [hold.id for hold, _ in settled.ended],
        [captured for _, captured in settled.ended],
        now,
        accounts,
        [settled.posted[account] for account in accounts],
        [settled.held[account] for account in accounts],
    )
    assert count == len(settled.ended), "a hold of a locked wallet cannot end beside us"


async def bury(connection: Connection, tombstones: Iterable[Settlement], now: datetime.datetime) -> bool:
    """Write released holds that stop late ones; False where an id was taken already, and all must be rolled back."""
    found = list(tombstones)
    tag = await connection.execute(
        _BURY, [t.hold_id for t in found], [t.account_id for t in found], [t.job_id for t in found], now
    )
    return bool(tag == f"INSERT 0 {len(found)}")


async def read(connection: Connection, hold_ids: Iterable[str]) -> dict[str, Hold]:
    """Return the holds that exist under these ids, whoever's they are."""
    return {row["id"]: _hold(row) for row in await connection.fetch(_READ, list(hold_ids))}


async def get(connection: Connection, account_id: str, hold_id: str) -> Hold | None:
    """Return one hold of an account."""
    row = await connection.fetchrow(_GET, account_id, hold_id)
    return None if row is None else _hold(row)


async def refund(connection: Connection, hold_id: str, amount_micros: int) -> None:
    """Count a refund on its hold."""
    await connection.execute(_REFUND, hold_id, amount_micros)


async def listed(
    connection: Connection,
    *,
    after: tuple[datetime.datetime, str],
    state: HoldState | None,
    review_before: datetime.datetime | None,
    account_id: str | None,
    limit: int,
) -> list[Hold]:
    """Return holds, oldest first, that come after a place in that order."""
    if state is HoldState.OPEN:
        rows = await connection.fetch(_LIST_OPEN, *after, review_before, account_id, limit)
    else:
        rows = await connection.fetch(_LIST, *after, state, review_before, account_id, limit)
    return [_hold(row) for row in rows]


async def count_open(connection: Connection) -> int:
    """Return how many holds are open."""
    return int(await connection.fetchval(_COUNT_OPEN))


def _hold(row: Record) -> Hold:
    fields = dict(row)
    fields["state"] = HoldState(fields["state"])
    return Hold(**fields)
