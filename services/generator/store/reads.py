"""The statements that only read: jobs with their tasks, pages of them, and what they owe."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from generator.records import JobRecord, TaskRecord
from generator.store import partials
from gesso.errors.v1.reason_pb2 import Fault as FaultMessage
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database

_JOBS = """
SELECT id, account_id, api_key_id, purchase, state, hold_micros, charge_micros, available_micros, settled, fault,
    revision, retention_days, markup_percent, created_at, deadline_at, started_at, finished_at, number
FROM jobs WHERE id = ANY($1::text[])
"""
_TASKS = """
SELECT job_id, idx, state, price_micros, price_rule, holds_secret, own_key, lease_owner, lease_token, attempt_count, provider,
    upstream_model, tickets, result, charge_micros, ended_at, revision
FROM tasks WHERE job_id = ANY($1::text[]) ORDER BY job_id, idx
"""


async def jobs(database: Database, job_ids: Sequence[str], *, replica: str = "") -> dict[str, JobRecord]:
    """Read jobs by id; tasks show their lease's token only where `replica` holds it."""
    async with database.connection() as connection:
        # The job first: what its tasks say can then only be newer than its state, never older.
        job_rows = await connection.fetch(_JOBS, list(job_ids))
        task_rows = await connection.fetch(_TASKS, list(job_ids))
    tasks: dict[str, list[TaskRecord]] = {}
    for row in task_rows:
        tasks.setdefault(row["job_id"], []).append(_task(row, replica))
    return await _with_partials(database, {row["id"]: _job(row, tasks.get(row["id"], [])) for row in job_rows})


async def _with_partials(database: Database, found: dict[str, JobRecord]) -> dict[str, JobRecord]:
    """The jobs with the unfinished pictures of those that asked for some: few do."""
    asking = [job.id for job in found.values() if any(draw.partial_images for draw in job.purchase.draws)]
    shown = await partials.of_jobs(database, asking) if asking else {}
    for (job_id, index), pictures in shown.items():
        job = found[job_id]
        found[job_id] = job.with_task(replace(job.tasks[index], partials=pictures))
    return found


async def job(database: Database, job_id: str, *, replica: str = "") -> JobRecord | None:
    """Read one job."""
    return (await jobs(database, [job_id], replica=replica)).get(job_id)


_BY_NUMBER = "SELECT id FROM jobs WHERE number = $1 AND ($2::text IS NULL OR account_id = $2)"


async def id_of_number(database: Database, account_id: str | None, number: int) -> str:
    """The id of an account's job that has this number, or of anybody's where `account_id` is None; empty where none has."""
    found: str | None = await database.fetchval(_BY_NUMBER, number, account_id)
    return found or ""


# States as in gesso.generator.v1: what was REFUSED (2) was never told to its owner as a job.
_PAGE = """
SELECT id FROM jobs
WHERE account_id = $1 AND state <> 2 AND ($2 = '' OR id < $2) AND ($3 = '' OR dialect = $3)
    AND ($4::smallint[] = '{}' OR coalesce(operation, 1) = ANY($4::smallint[]))
ORDER BY id DESC LIMIT $5
"""


async def page(
    database: Database, account_id: str, *, before: str, dialect: str, operations: Sequence[int], limit: int
) -> tuple[list[JobRecord], bool]:
    """Read an account's jobs, newest first, from behind the id `before`, and whether more follow.

    They are of any dialect or operation where none is named. Those that were refused are not among them: a page is as long as
    `limit` while there is more.
    """
    rows = await database.fetch(_PAGE, account_id, before, dialect, list(operations), limit + 1)
    ids = [row["id"] for row in rows[:limit]]
    found = await jobs(database, ids)
    return [found[job_id] for job_id in ids], len(rows) > limit


async def oldest(database: Database, *, after: str, limit: int) -> list[JobRecord]:
    """Read every account's jobs, oldest first, from behind the id `after`."""
    rows = await database.fetch("SELECT id FROM jobs WHERE id > $1 ORDER BY id LIMIT $2", after, limit)
    found = await jobs(database, [row["id"] for row in rows])
    return [found[row["id"]] for row in rows]


_REVISIONS = """
SELECT jobs.id, jobs.revision + coalesce(sum(tasks.revision), 0) AS revision
FROM jobs LEFT JOIN tasks ON tasks.job_id = jobs.id WHERE jobs.id = ANY($1::text[]) GROUP BY jobs.id
"""


async def revisions(database: Database, job_ids: Sequence[str]) -> dict[str, int]:
    """Read how often each job has changed."""
    rows = await database.fetch(_REVISIONS, list(job_ids))
    return {row["id"]: int(row["revision"]) for row in rows}


def _job(row: Any, tasks: Sequence[TaskRecord]) -> JobRecord:
    return JobRecord(
        id=row["id"],
        account_id=row["account_id"],
        api_key_id=row["api_key_id"],
        purchase=pb.Purchase.FromString(row["purchase"]),
        state=row["state"],
        hold_micros=row["hold_micros"],
        retention_days=row["retention_days"],
        markup_percent=row["markup_percent"],
        created_at=row["created_at"],
        deadline_at=row["deadline_at"],
        tasks=tuple(tasks),
        charge_micros=row["charge_micros"],
        available_micros=row["available_micros"],
        settled=row["settled"],
        fault=FaultMessage.FromString(row["fault"]) if row["fault"] is not None else None,
        revision=row["revision"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        number=row["number"],
    )


def _task(row: Any, replica: str) -> TaskRecord:
    return TaskRecord(
        job_id=row["job_id"],
        index=row["idx"],
        state=row["state"],
        price_micros=row["price_micros"],
        price_rule=row["price_rule"],
        holds_secret=row["holds_secret"],
        own_key=row["own_key"],
        lease_token=row["lease_token"] if replica and row["lease_owner"] == replica else None,
        attempt_count=row["attempt_count"],
        provider=row["provider"],
        upstream_model=row["upstream_model"],
        tickets=row["tickets"] or b"",
        result=pb.Task.FromString(row["result"]) if row["result"] is not None else None,
        charge_micros=row["charge_micros"],
        ended_at=row["ended_at"],
        revision=row["revision"],
    )
