"""The statements of late orders: those of ended tasks, which are leased anew by whoever looks after them."""

from servicekit.database import Database

_CLAIM = """
WITH due AS (
    SELECT late.job_id, late.idx FROM late_orders AS late JOIN jobs ON jobs.id = late.job_id
    WHERE late.due_at <= now() AND late.until > now() AND jobs.finished_at IS NOT NULL
    ORDER BY late.due_at LIMIT $3
    FOR UPDATE OF late SKIP LOCKED
), noted AS (
    UPDATE late_orders AS late SET try_count = try_count + 1,
        due_at = now() + make_interval(secs => $4::double precision * (1 << least(try_count, 5)))
    FROM due WHERE late.job_id = due.job_id AND late.idx = due.idx
)
UPDATE tasks SET lease_owner = $1, lease_token = $2
FROM due WHERE tasks.job_id = due.job_id AND tasks.idx = due.idx AND tasks.ended_at IS NOT NULL
RETURNING tasks.job_id, tasks.idx
"""


async def claim(
    database: Database, replica: str, lease_token: int, limit: int, again_seconds: float
) -> list[tuple[str, int]]:
    """Lease up to `limit` ended tasks whose orders are due; each is due again after `again_seconds`, and ever later."""
    rows = await database.fetch(_CLAIM, replica, lease_token, limit, again_seconds)
    return [(row["job_id"], row["idx"]) for row in rows]


async def forget(database: Database, job_id: str, index: int) -> None:
    """Look no more after a task's orders: what could come has come."""
    await database.execute("DELETE FROM late_orders WHERE job_id = $1 AND idx = $2", job_id, index)


async def forget_over(database: Database) -> None:
    """Look no more after orders whose time is over."""
    await database.execute("DELETE FROM late_orders WHERE until <= now()")
