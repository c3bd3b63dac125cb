"""Windows: requests counted by subject, dialect and UTC window, calls by UTC hour; by the database's clock, in one statement."""

from collections.abc import Mapping, Sequence

from asyncpg import Connection

from billing.windows import HOUR_SECONDS, Counted, Key
from servicekit.database import Database

# Rows are taken in the order of the arrays, which is the same on every replica, so that none wait for each other in a ring.
# The commit does not wait for the disk: a crash of the database may forget the last fraction of a second.
_WINDOWS = """
WITH asked AS (
    SELECT (floor(extract(epoch FROM now()) / seconds) * seconds)::bigint AS starts_at, seconds, subject, dialect, requests
    FROM unnest($1::text[], $2::text[], $3::integer[], $4::bigint[]) AS asked (subject, dialect, seconds, requests)
), short AS (
    INSERT INTO windows AS w SELECT * FROM asked WHERE seconds < 86400
    ON CONFLICT (starts_at, seconds, subject, dialect) DO UPDATE SET requests = w.requests + EXCLUDED.requests
    RETURNING *
), daily AS (
    INSERT INTO day_windows AS w SELECT * FROM asked WHERE seconds = 86400
    ON CONFLICT (starts_at, seconds, subject, dialect) DO UPDATE SET requests = w.requests + EXCLUDED.requests
    RETURNING *
)"""
_CALLED = f""", called AS (
    INSERT INTO call_hours AS c (account_id, dialect, starts_at, calls)
    SELECT account_id, dialect, (floor(extract(epoch FROM now()) / {HOUR_SECONDS}) * {HOUR_SECONDS})::bigint, calls
    FROM unnest($5::text[], $6::text[], $7::bigint[]) AS more (account_id, dialect, calls)
    ON CONFLICT (account_id, dialect, starts_at) DO UPDATE SET calls = c.calls + EXCLUDED.calls
)"""
_COUNTED = """
SELECT subject, dialect, seconds, starts_at, requests FROM (SELECT * FROM short UNION ALL SELECT * FROM daily) AS counted
WHERE (SELECT set_config('synchronous_commit', 'off', true)) IS NOT NULL
"""
_COUNT = _WINDOWS + _COUNTED
_COUNT_WITH_CALLS = _WINDOWS + _CALLED + _COUNTED
_CALLS = """
SELECT starts_at, calls FROM call_hours
WHERE account_id = $1 AND dialect = $2 AND ($3::bigint IS NULL OR starts_at >= $3)
    AND ($4::bigint IS NULL OR starts_at < $4)
ORDER BY starts_at
"""
_FORGET = """
WITH short AS (DELETE FROM windows WHERE starts_at < extract(epoch FROM now()) - 3 * 3600)
DELETE FROM day_windows WHERE starts_at < extract(epoch FROM now()) - 2 * 86400
"""


async def count(
    database: Database, asked: Mapping[Key, int], calls: Mapping[tuple[str, str], int]
) -> dict[Key, Counted]:
    """Add requests to windows, and calls to their accounts' hours; return each window's start and its requests afterwards."""
    keys: Sequence[Key] = sorted(asked)
    arguments: list[object] = [
        [key.subject for key in keys],
        [key.dialect for key in keys],
        [key.seconds for key in keys],
        [asked[key] for key in keys],
    ]
    if calls:
        callers = sorted(calls)
        arguments += [[account for account, _ in callers], [dialect for _, dialect in callers]]
        arguments.append([calls[caller] for caller in callers])
    rows = await database.fetch(_COUNT_WITH_CALLS if calls else _COUNT, *arguments)
    return {Key(row[0], row[1], row[2]): Counted(row[3], row[4]) for row in rows}


async def calls_by_hour(
    connection: Connection, account_id: str, dialect: str, since: int | None, until: int | None
) -> list[tuple[int, int]]:
    """Return (start, calls) of the hours that had calls and began in since <= start < until, in Unix seconds; None for any."""
    rows = await connection.fetch(_CALLS, account_id, dialect, since, until)
    return [(row["starts_at"], row["calls"]) for row in rows]


async def forget(database: Database) -> None:
    """Delete windows that ended long ago."""
    await database.execute(_FORGET)
