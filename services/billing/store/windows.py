"""Windows: requests counted by subject, dialect and UTC window, by the database's clock, in one statement."""

from collections.abc import Mapping, Sequence

from billing.windows import Counted, Key
from servicekit.database import Database

# Rows are taken in the order of the arrays, which is the same on every replica, so that none wait for each other in a ring.
# The commit does not wait for the disk: a crash of the database may forget the last fraction of a second.
_COUNT = """
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
)
SELECT subject, dialect, seconds, starts_at, requests FROM (SELECT * FROM short UNION ALL SELECT * FROM daily) AS counted
WHERE (SELECT set_config('synchronous_commit', 'off', true)) IS NOT NULL
"""
_FORGET = """
WITH short AS (DELETE FROM windows WHERE starts_at < extract(epoch FROM now()) - 3 * 3600)
DELETE FROM day_windows WHERE starts_at < extract(epoch FROM now()) - 2 * 86400
"""


async def count(database: Database, asked: Mapping[Key, int]) -> dict[Key, Counted]:
    """Add requests to windows and return each window's start and its requests afterwards."""
    keys: Sequence[Key] = sorted(asked)
    rows = await database.fetch(
        _COUNT,
        [key.subject for key in keys],
        [key.dialect for key in keys],
        [key.seconds for key in keys],
        [asked[key] for key in keys],
    )
    return {Key(row[0], row[1], row[2]): Counted(row[3], row[4]) for row in rows}


async def forget(database: Database) -> None:
    """Delete windows that ended long ago."""
    await database.execute(_FORGET)
