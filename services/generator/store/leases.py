"""The statements of leases: a replica says that it lives, claims what is queued, and takes over from those that died."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from servicekit.database import Database

QUEUE_CHANNEL = "generator_queue"
"""Where queueing replicas wake the others."""
QUEUE_COUNTED = 1000


async def register(database: Database, replica: str, lease_seconds: float) -> None:
    """Begin to live."""
    await database.execute(
        "INSERT INTO replicas (id, alive_until) VALUES ($1, now() + make_interval(secs => $2))", replica, lease_seconds
    )


async def renew(database: Database, replica: str, lease_seconds: float) -> bool:
    """Live on; all leases of the replica with it. False where its time was over: then others may have its tasks."""
    async with database.transaction(durable=False) as connection:
        renewed = await connection.fetchval(
            "UPDATE replicas SET alive_until = now() + make_interval(secs => $2)"
            " WHERE id = $1 AND alive_until > now() RETURNING true",
            replica,
            lease_seconds,
        )
    return bool(renewed)


async def is_alive(database: Database, replica: str) -> bool:
    """Whether a replica's time is not over."""
    return bool(await database.fetchval("SELECT true FROM replicas WHERE id = $1 AND alive_until > now()", replica))


@dataclass(frozen=True, slots=True)
class Pulse:
    """What a replica looks up each second."""

    paused: bool
    retry_after_seconds: int
    queued_count: int
    """Tasks that are queued, counted as far as QUEUE_COUNTED."""
    dead_count: int
    """Replicas whose time was over lately."""


async def pulse(database: Database) -> Pulse:
    """Look whether there is anything to do."""
    row = await database.fetchrow(
        "SELECT paused, retry_after_seconds,"
        " (SELECT count(*) FROM (SELECT FROM tasks WHERE queued_at IS NOT NULL LIMIT $1) AS queue) AS queued_count,"
        " (SELECT count(*) FROM replicas WHERE alive_until <= now()) AS dead_count FROM maintenance",
        QUEUE_COUNTED,
    )
    assert row is not None, "the first migration wrote the row"
    return Pulse(row["paused"], row["retry_after_seconds"], row["queued_count"], row["dead_count"])


async def wake_others(database: Database) -> None:
    """Tell the other replicas that something is queued."""
    await database.execute(f"NOTIFY {QUEUE_CHANNEL}")


# Each account's queue is read at its head; a task's turn is its place there, so accounts take turns whatever their queues'
# lengths; of equal turns the account comes first that was served longest ago.
_CLAIM = """
WITH RECURSIVE account (id) AS (
    (SELECT account_id FROM tasks WHERE queued_at IS NOT NULL ORDER BY account_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT account_id FROM tasks WHERE queued_at IS NOT NULL AND account_id > account.id ORDER BY account_id LIMIT 1
    ) FROM account WHERE account.id IS NOT NULL
), candidate AS (
    SELECT head.job_id, head.idx, head.turn, coalesce(served.at, 0) AS served_at, head.queued_at
    FROM account LEFT JOIN unnest($4::text[], $5::bigint[]) AS served (id, at) ON served.id = account.id
    CROSS JOIN LATERAL (
        SELECT job_id, idx, queued_at, row_number() OVER (ORDER BY queued_at, job_id, idx) AS turn
        FROM tasks WHERE account_id = account.id AND queued_at <= now()
        ORDER BY queued_at, job_id, idx LIMIT $3
    ) AS head
    ORDER BY head.turn, served_at, head.queued_at LIMIT $3 * 4
), claimed AS (
    SELECT tasks.job_id, tasks.idx FROM tasks JOIN candidate USING (job_id, idx)
    WHERE tasks.queued_at IS NOT NULL
        AND EXISTS (SELECT FROM replicas WHERE replicas.id = $1 AND replicas.alive_until > now())
    ORDER BY candidate.turn, candidate.served_at, candidate.queued_at LIMIT $3
    FOR UPDATE OF tasks SKIP LOCKED
)
UPDATE tasks SET queued_at = NULL, lease_owner = $1, lease_token = $2
FROM claimed WHERE tasks.job_id = claimed.job_id AND tasks.idx = claimed.idx
RETURNING tasks.job_id, tasks.idx, tasks.account_id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task that was queued and is leased now."""

    job_id: str
    index: int
    account_id: str


async def claim(
    database: Database, replica: str, lease_token: int, limit: int, served: Mapping[str, int]
) -> list[Claimed]:
    """Lease up to `limit` queued tasks, fair between accounts; several replicas claim side by side.

    None where the replica's own time is over: what it still works on may have been queued again by another.
    `served` says of accounts when they were served last, as a number that grows.
    """
    rows = await database.fetch(_CLAIM, replica, lease_token, limit, list(served), list(served.values()))
    return [Claimed(row["job_id"], row["idx"], row["account_id"]) for row in rows]


_TAKE_OVER = """
WITH dead AS (
    SELECT tasks.job_id, tasks.idx FROM tasks JOIN jobs ON jobs.id = tasks.job_id
    WHERE jobs.finished_at IS NULL AND tasks.lease_owner IS NOT NULL
        AND EXISTS (SELECT FROM replicas WHERE replicas.id = $1 AND replicas.alive_until > now()) AND (
        NOT EXISTS (
            SELECT FROM replicas WHERE replicas.id = tasks.lease_owner AND replicas.alive_until > now()
        )
        OR (tasks.lease_owner = $1 AND (tasks.job_id, tasks.idx) IN (
            SELECT * FROM unnest($4::text[], $5::integer[])
        ))
    )
    ORDER BY tasks.job_id, tasks.idx LIMIT $3
    FOR UPDATE OF tasks SKIP LOCKED
)
UPDATE tasks SET lease_owner = $1, lease_token = $2
FROM dead WHERE tasks.job_id = dead.job_id AND tasks.idx = dead.idx
RETURNING tasks.job_id, tasks.idx
"""


async def take_over(
    database: Database, replica: str, lease_token: int, limit: int, strays: Sequence[tuple[str, int]] = ()
) -> list[tuple[str, int]]:
    """Lease tasks of unended jobs whose replica has died, and our own `strays` anew: older writes fail from now on.

    None where the replica's own time is over: it may be at work on them.
    """
    job_ids, indexes = [job_id for job_id, _ in strays], [index for _, index in strays]
    rows = await database.fetch(_TAKE_OVER, replica, lease_token, limit, job_ids, indexes)
    return [(row["job_id"], row["idx"]) for row in rows]


async def held(database: Database, replica: str) -> list[tuple[str, int]]:
    """The tasks that a replica leases and that something is left to do for: its own work, or its job's end."""
    rows = await database.fetch(
        "SELECT tasks.job_id, tasks.idx FROM jobs JOIN tasks ON tasks.job_id = jobs.id"
        " WHERE jobs.finished_at IS NULL AND tasks.lease_owner = $1 AND (tasks.ended_at IS NULL OR NOT EXISTS ("
        " SELECT FROM tasks AS other WHERE other.job_id = jobs.id AND other.ended_at IS NULL))",
        replica,
    )
    return [(row["job_id"], row["idx"]) for row in rows]


async def forget_dead(database: Database) -> None:
    """Forget replicas that died long ago: whatever statement of theirs was on its way has arrived since."""
    await database.execute("DELETE FROM replicas WHERE alive_until < now() - interval '5 minutes'")


_HAND_OVER = """
UPDATE tasks SET queued_at = now(), lease_owner = NULL, lease_token = NULL, revision = tasks.revision + 1,
    state = CASE WHEN tasks.state = 2 THEN 1 ELSE tasks.state END
FROM jobs
WHERE jobs.id = tasks.job_id AND jobs.state IN (3, 4) AND tasks.lease_owner = $1 AND NOT tasks.holds_secret
    AND (tasks.state IN (1, 3) OR (tasks.state = 2 AND tasks.provider = ANY($2::text[])))
"""


async def hand_over(database: Database, replica: str, free_providers: Sequence[str]) -> None:
    """Die in good order: queue what any worker can go on with, and leave the rest to recovery at once."""
    async with database.transaction() as connection:
        await connection.execute(_HAND_OVER, replica, list(free_providers))
        await connection.execute("UPDATE replicas SET alive_until = now() WHERE id = $1", replica)
        await connection.execute(f"NOTIFY {QUEUE_CHANNEL}")
