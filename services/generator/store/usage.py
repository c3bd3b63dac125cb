"""The statement that sums what an account's jobs did: only the jobs of the asked time are read, by account and time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from servicekit.database import Database


@dataclass(frozen=True, slots=True)
class Sums:
    """What some jobs or tasks come to; tasks that have not ended are neither succeeded nor failed."""

    jobs: int = 0
    tasks: int = 0
    succeeded_tasks: int = 0
    failed_tasks: int = 0
    images: int = 0
    charge_micros: int = 0


@dataclass(frozen=True, slots=True)
class Usage:
    """Sums in all, by the beginning of their hour or day (oldest first), and by public model (most tasks first)."""

    total: Sums
    buckets: tuple[tuple[datetime, Sums], ...]
    models: tuple[tuple[str, Sums], ...]


# States as in gesso.generator.v1: a job that is ADMITTING (1) or REFUSED (2) was never bought; a task ends KEPT (4), FAILED (5) or
# CANCELLED (6). Charges are frozen with the task: refunds are in them. Where the version before 0005 wrote a task, its model stands
# behind the price book in the rule, and its pictures are counted by their ids in the serialized result.
_USAGE = """
WITH drawn AS (
    SELECT CASE WHEN $5 <> '' THEN date_trunc($5, jobs.created_at, 'UTC') END AS start,
        coalesce(model, substr(split_part(price_rule, ' ', 1), strpos(price_rule, '/') + 1)) AS model,
        CASE WHEN tasks.state = 4
            THEN coalesce(picture_count, regexp_count(encode(result, 'escape'), 'img_[0-9a-z]{26}')) END AS pictures,
        tasks.idx, tasks.state, tasks.charge_micros
    FROM jobs JOIN tasks ON tasks.job_id = jobs.id
    WHERE jobs.account_id = $1 AND ($2 = '' OR jobs.dialect = $2) AND jobs.state NOT IN (1, 2)
        AND jobs.created_at >= coalesce($3::timestamptz, '-infinity')
        AND jobs.created_at < coalesce($4::timestamptz, 'infinity')
)
SELECT grouping(start) = 0 AS is_bucket, grouping(model) = 0 AS is_model, start, model,
    count(*) FILTER (WHERE idx = 0) AS jobs, count(*) AS tasks, count(*) FILTER (WHERE state = 4) AS succeeded_tasks,
    count(*) FILTER (WHERE state IN (5, 6)) AS failed_tasks, coalesce(sum(pictures), 0)::bigint AS images,
    coalesce(sum(charge_micros), 0)::bigint AS charge_micros
FROM drawn GROUP BY GROUPING SETS ((), (start), (model))
ORDER BY start, tasks DESC, model
"""


async def usage(
    database: Database, account_id: str, *, dialect: str, since: datetime | None, until: datetime | None, step: str
) -> Usage:
    """Sum an account's jobs that were created from `since` on and before `until`; of every dialect where none is named.

    `step` is `hour` or `day` in UTC, or empty for no sums by time. Jobs are counted at their time, not by model.
    """
    rows = await database.fetch(_USAGE, account_id, dialect, since, until, step)
    total = next(_sums(row) for row in rows if not (row["is_bucket"] or row["is_model"]))
    buckets = tuple((row["start"], _sums(row)) for row in rows if row["is_bucket"] and step)
    models = tuple((row["model"], _sums(row, counts_jobs=False)) for row in rows if row["is_model"])
    return Usage(total, buckets, models)


def _sums(row: Any, *, counts_jobs: bool = True) -> Sums:
    return Sums(
        jobs=row["jobs"] if counts_jobs else 0,
        tasks=row["tasks"],
        succeeded_tasks=row["succeeded_tasks"],
        failed_tasks=row["failed_tasks"],
        images=row["images"],
        charge_micros=row["charge_micros"],
    )
