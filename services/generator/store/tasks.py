"""The statements of one task: begun, submitted, ended, salvaged, queued again, cancelled; each guarded by its lease's token."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from generator.costs import OrderCost
from generator.store import costs
from generator.store.costs import Booking
from gesso.errors.v1.reason_pb2 import Fault as FaultMessage
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database
from servicekit.ids import new_id

_LONGEST_QUEUED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Lease:
    """Whose a task is: should the owner die, another replica takes it over."""

    owner: str
    token: int


@dataclass(frozen=True, slots=True)
class Beginning:
    """The intent to place an order: attempt `number` of a task, on one route.

    `available_micros` is the account's available balance after the job's hold; the job's first intent writes it down.
    """

    job_id: str
    index: int
    lease_token: int
    number: int
    provider: str
    upstream_model: str
    replica: str
    started_at: datetime
    available_micros: int


@dataclass(frozen=True, slots=True)
class Submission:
    """What the vendor calls the orders of a task: all that is needed to collect them."""

    job_id: str
    index: int
    lease_token: int
    tickets: bytes


@dataclass(frozen=True, slots=True)
class Conclusion:
    """How a task ended and what it owes; `costs` are what its orders cost."""

    job_id: str
    index: int
    lease_token: int
    state: int
    provider: str
    upstream_model: str
    result: pb.Task
    charge_micros: int
    ended_at: datetime
    costs: tuple[OrderCost, ...] = ()
    late_from: datetime | None = None
    """When to begin to look after its orders, whose pictures may yet come, and until when; None for never."""
    late_until: datetime | None = None


_BEGIN = """
WITH given AS (
    SELECT * FROM unnest(
        $1::text[], $2::integer[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
        $9::bigint[]
    ) AS given (job_id, idx, lease_token, number, provider, upstream_model, replica, started_at, available_micros)
), begun AS (
    UPDATE tasks SET state = 2, attempt_count = number, provider = given.provider,
        upstream_model = given.upstream_model, revision = revision + 1
    FROM given
    WHERE tasks.job_id = given.job_id AND tasks.idx = given.idx AND tasks.lease_token = given.lease_token
        AND tasks.ended_at IS NULL
    RETURNING tasks.job_id, tasks.idx, tasks.price_rule
), running AS (
    UPDATE jobs SET state = 4, started_at = given.started_at, available_micros = given.available_micros,
        revision = revision + 1
    FROM (
        SELECT job_id, min(started_at) AS started_at, min(available_micros) AS available_micros
        FROM given JOIN begun USING (job_id, idx) GROUP BY job_id
    ) AS given
    WHERE jobs.id = given.job_id AND jobs.state IN (1, 3)
), noted AS (
    INSERT INTO attempts (job_id, idx, number, provider, upstream_model, price_rule, replica, started_at)
    SELECT job_id, idx, number, provider, upstream_model, price_rule, replica, started_at
    FROM given JOIN begun USING (job_id, idx)
    ON CONFLICT DO NOTHING
)
SELECT job_id, idx FROM begun
"""


async def begin(database: Database, items: Sequence[Beginning]) -> list[bool]:
    """Step 3: write the intent before the act. False where the lease is lost or the task was cancelled."""
    rows = await database.fetch(
        _BEGIN,
        [item.job_id for item in items],
        [item.index for item in items],
        [item.lease_token for item in items],
        [item.number for item in items],
        [item.provider for item in items],
        [item.upstream_model for item in items],
        [item.replica for item in items],
        [item.started_at for item in items],
        [item.available_micros for item in items],
    )
    return _moved(items, rows)


_SUBMIT = """
UPDATE tasks SET state = CASE WHEN ended_at IS NULL THEN 3 ELSE state END, tickets = given.tickets, revision = revision + 1
FROM unnest($1::text[], $2::integer[], $3::bigint[], $4::bytea[]) AS given (job_id, idx, lease_token, tickets)
WHERE tasks.job_id = given.job_id AND tasks.idx = given.idx AND tasks.lease_token = given.lease_token
RETURNING tasks.job_id, tasks.idx
"""


async def submit(database: Database, items: Sequence[Submission]) -> list[bool]:
    """Step 4: keep the vendor's ids, also of a task that ended meanwhile: their pictures are still taken in. False where the lease
    is lost. One flusher, so that of two items of a task the later stands.
    """
    latest = {(item.job_id, item.index): item for item in items}
    rows = await database.fetch(
        _SUBMIT,
        [item.job_id for item in latest.values()],
        [item.index for item in latest.values()],
        [item.lease_token for item in latest.values()],
        [item.tickets for item in latest.values()],
    )
    return _moved(items, rows)


_TICKETED = """
SELECT DISTINCT name FROM unnest($1::text[]) AS name JOIN tasks
    ON tasks.job_id >= $3 AND tasks.provider = $2 AND position(convert_to(name, 'UTF8') IN tasks.tickets) > 0
"""


async def ticketed(database: Database, provider: str, names: Sequence[str], since: datetime) -> set[str]:
    """Which of a vendor's names of orders stand in the tickets of tasks of jobs that were made up to an hour before `since`."""
    oldest = new_id("job", at_seconds=(since - _LONGEST_QUEUED).timestamp())
    rows = await database.fetch(_TICKETED, list(names), provider, oldest)
    return {row["name"] for row in rows}


_CONCLUDE = f"""
WITH given AS (
    SELECT * FROM unnest(
        $1::text[], $2::integer[], $3::bigint[], $4::smallint[], $5::text[], $6::text[], $7::bytea[], $8::bigint[],
        $9::timestamptz[], $10::integer[], $11::timestamptz[], $12::timestamptz[]
    ) AS given (
        job_id, idx, lease_token, state, provider, upstream_model, result, charge_micros, ended_at, picture_count, late_from,
        late_until
    )
), ended AS (
    UPDATE tasks SET state = given.state, provider = given.provider, upstream_model = given.upstream_model,
        result = given.result, charge_micros = given.charge_micros, ended_at = given.ended_at,
        picture_count = given.picture_count, revision = revision + 1
    FROM given
    WHERE tasks.job_id = given.job_id AND tasks.idx = given.idx AND tasks.lease_token = given.lease_token
    RETURNING tasks.job_id, tasks.idx
), late AS (
    INSERT INTO late_orders (job_id, idx, due_at, until)
    SELECT job_id, idx, late_from, late_until FROM given JOIN ended USING (job_id, idx) WHERE late_from IS NOT NULL
    ON CONFLICT DO NOTHING
), booked AS (
    INSERT INTO costs ({costs.COLUMNS})
    SELECT {costs.COLUMNS} FROM {costs.given(13)} JOIN ended USING (job_id, idx)
    ON CONFLICT DO NOTHING
)
SELECT job_id, idx FROM ended
"""


async def conclude(database: Database, items: Sequence[Conclusion]) -> list[bool]:
    """Step 6: freeze what was delivered and is owed, or why nothing was. False where the lease is lost."""
    rows = await database.fetch(
        _CONCLUDE,
        [item.job_id for item in items],
        [item.index for item in items],
        [item.lease_token for item in items],
        [item.state for item in items],
        [item.provider for item in items],
        [_words(item.upstream_model) for item in items],
        [item.result.SerializeToString() for item in items],
        [item.charge_micros for item in items],
        [item.ended_at for item in items],
        [len(item.result.pictures) for item in items],
        [item.late_from for item in items],
        [item.late_until for item in items],
        *costs.columns(_bookings(items)),
    )
    return _moved(items, rows)


_CORRECT = f"""
WITH ended AS (
    SELECT job_id, idx FROM tasks WHERE job_id = $1 AND idx = $2 AND lease_token = $3 AND ended_at IS NOT NULL
)
INSERT INTO costs ({costs.COLUMNS})
SELECT {costs.COLUMNS} FROM {costs.given(4)} JOIN ended USING (job_id, idx)
ON CONFLICT (job_id, idx, number, position) DO UPDATE SET picture_count = excluded.picture_count,
    cost_micros = excluded.cost_micros, source = excluded.source, estimate_micros = excluded.estimate_micros,
    lost_micros = excluded.lost_micros, outcome = excluded.outcome
"""


async def correct(database: Database, item: Conclusion) -> None:
    """Put what is known by now of the costs of an ended task in the place of what was expected."""
    columns = costs.columns(_bookings([item]))
    await database.execute(_CORRECT, item.job_id, item.index, item.lease_token, *columns)


async def note_fault(database: Database, job_id: str, index: int, number: int, fault: FaultMessage) -> None:
    """Say of an attempt that another follows it, and why."""
    await database.execute(
        "UPDATE attempts SET fault = $4 WHERE job_id = $1 AND idx = $2 AND number = $3",
        job_id,
        index,
        number,
        fault.SerializeToString(),
    )


async def salvage(database: Database, job_id: str, index: int, lease_token: int, result: pb.Task) -> None:
    """Put pictures that came too late onto their task; nothing is owed for them."""
    await database.execute(
        "UPDATE tasks SET result = $4, revision = revision + 1"
        " WHERE job_id = $1 AND idx = $2 AND lease_token = $3 AND ended_at IS NOT NULL",
        job_id,
        index,
        lease_token,
        result.SerializeToString(),
    )


async def requeue(
    database: Database, job_id: str, index: int, lease_token: int, *, state: int, attempts: int = 0
) -> None:
    """Give a leased task to whoever claims it first, with so many attempts more to its name."""
    await database.execute(
        "UPDATE tasks SET state = $4, queued_at = now(), lease_owner = NULL, lease_token = NULL,"
        " attempt_count = attempt_count + $5, revision = revision + 1"
        " WHERE job_id = $1 AND idx = $2 AND lease_token = $3 AND ended_at IS NULL",
        job_id,
        index,
        lease_token,
        state,
        attempts,
    )


async def cancel(database: Database, lease: Lease, account_id: str, job_id: str, at: datetime) -> list[int]:
    """End the tasks of an accepted job that have not begun; returns which. They are leased until their job has ended."""
    rows = await database.fetch(
        "UPDATE tasks SET state = 6, ended_at = $3, queued_at = NULL, lease_owner = $4, lease_token = $5,"
        " revision = tasks.revision + 1 FROM jobs"
        " WHERE tasks.job_id = $2 AND tasks.state = 1 AND jobs.id = tasks.job_id AND jobs.account_id = $1"
        " AND jobs.state IN (3, 4) RETURNING tasks.idx",
        account_id,
        job_id,
        at,
        lease.owner,
        lease.token,
    )
    return sorted(row["idx"] for row in rows)


async def time_out_queued(database: Database, lease: Lease, result: pb.Task, at: datetime, limit: int) -> list[str]:
    """Fail tasks that were still queued, unbought, at their job's deadline; returns the ids of their jobs.

    They are leased until their job has ended.
    """
    rows = await database.fetch(
        "UPDATE tasks SET state = 5, result = $1, ended_at = $2, queued_at = NULL, lease_owner = $4, lease_token = $5,"
        " revision = tasks.revision + 1"
        " FROM (SELECT tasks.job_id, tasks.idx FROM tasks JOIN jobs ON jobs.id = tasks.job_id"
        " WHERE tasks.queued_at IS NOT NULL AND tasks.state = 1 AND jobs.deadline_at < now()"
        " LIMIT $3 FOR UPDATE OF tasks SKIP LOCKED) AS late"
        " WHERE tasks.job_id = late.job_id AND tasks.idx = late.idx RETURNING tasks.job_id",
        result.SerializeToString(),
        at,
        limit,
        lease.owner,
        lease.token,
    )
    return sorted({row["job_id"] for row in rows})


def _bookings(items: Sequence[Conclusion]) -> list[Booking]:
    return [Booking(item.job_id, item.index, item.ended_at, cost) for item in items for cost in item.costs]


def _words(text: str) -> str:
    """A vendor's words as a text column can hold them: PostgreSQL has no NUL."""
    return text.replace("\0", "")


def _moved(items: Sequence[Beginning | Submission | Conclusion], rows: Sequence[object]) -> list[bool]:
    moved = {(row["job_id"], row["idx"]) for row in rows}  # type: ignore[index]  # asyncpg's records are not typed
    return [(item.job_id, item.index) in moved for item in items]
