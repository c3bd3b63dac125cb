"""The statements of a whole job: written, accepted, refused, ended, and found again by its idempotency key."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from generator.records import JobRecord
from gesso.errors.v1.reason_pb2 import Fault as FaultMessage
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.crashpoints import crashpoint
from servicekit.database import Database

KEY_LIFE_HOURS = 24
JOIN_MINUTES = 15
_RETRY_MARK = "\n"
"""Begins the keys that retries are given here: no header can bear it."""


class Written(enum.Enum):
    """What became of a job that was to be written."""

    NEW = "new"
    TAKEN = "taken"
    """Its idempotency key, or its own id, stands already."""
    CROWDED = "crowded"
    """As many jobs of the account run as its plan allows."""


@dataclass(frozen=True, slots=True)
class Inserted:
    """What became of a job that was to be written; `number` is a new one's, 0 for others."""

    written: Written
    number: int


@dataclass(frozen=True, slots=True)
class Insertion:
    """A job to write, ADMITTING and leased; `most_open` bounds the running jobs of its account, 0 for no bound."""

    job: JobRecord
    lease_owner: str
    most_open: int


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A job whose hold stands: it may be answered for. The tasks of `queued` are given to whoever claims them first.

    `available_micros` is the account's available balance after the hold.
    """

    job_id: str
    lease_token: int
    available_micros: int
    queued: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A job that ends before it began, by whoever leased its tasks; its key is free again.

    `settled` says that billing never made its hold.
    """

    job_id: str
    lease_token: int
    fault: FaultMessage
    settled: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """A job that has ended and been settled; `event` goes to the outbox, empty for nobody."""

    job_id: str
    state: int
    charge_micros: int
    available_micros: int
    fault: FaultMessage | None
    finished_at: datetime
    frees_key: bool
    event: bytes


_INSERT = """
WITH given AS (
    SELECT * FROM unnest(
        $1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::bytea[], $9::bigint[],
        $10::integer[], $11::timestamptz[], $12::timestamptz[], $13::integer[], $21::integer[], $22::smallint[]
    ) WITH ORDINALITY AS given (
        id, account_id, api_key_id, dialect, route, idempotency_key, fingerprint, purchase, hold_micros,
        retention_days, created_at, deadline_at, most_open, markup_percent, operation, turn
    )
), crowd AS (
    -- A job that was answered for counts no more, though the ledger has not followed yet.
    SELECT account_id, count(*) AS open FROM jobs
    WHERE finished_at IS NULL AND account_id = ANY (SELECT account_id FROM given WHERE most_open > 0)
        AND EXISTS (SELECT FROM tasks WHERE tasks.job_id = jobs.id AND tasks.ended_at IS NULL)
    GROUP BY account_id
), judged AS (
    SELECT given.*, most_open > 0 AND most_open < coalesce(crowd.open, 0)
        + row_number() OVER (PARTITION BY given.account_id ORDER BY turn) AS crowded
    FROM given LEFT JOIN crowd USING (account_id)
), inserted AS (
    INSERT INTO jobs (
        id, account_id, api_key_id, dialect, route, idempotency_key, fingerprint, purchase, state, hold_micros,
        retention_days, created_at, deadline_at, markup_percent, operation
    )
    SELECT id, account_id, api_key_id, dialect, route, idempotency_key, fingerprint, purchase, 1, hold_micros,
        retention_days, created_at, deadline_at, markup_percent, operation
    FROM judged WHERE NOT crowded ORDER BY account_id, dialect, route, idempotency_key
    ON CONFLICT DO NOTHING
    RETURNING id, account_id, number
), tasked AS (
    INSERT INTO tasks (
        job_id, idx, account_id, state, price_micros, price_rule, holds_secret, lease_owner, lease_token, model,
        own_key
    )
    SELECT job_id, idx, account_id, 1, price_micros, price_rule, holds_secret, $20, lease_token, model, own_key
    FROM unnest(
        $14::text[], $15::integer[], $16::bigint[], $17::text[], $18::boolean[], $19::bigint[], $23::text[], $24::boolean[]
    ) AS task (job_id, idx, price_micros, price_rule, holds_secret, lease_token, model, own_key)
    JOIN inserted ON inserted.id = task.job_id
)
SELECT judged.crowded, inserted.number
FROM judged LEFT JOIN inserted USING (id) ORDER BY turn
"""


async def insert(database: Database, items: Sequence[Insertion]) -> list[Inserted]:
    """Step 1: write jobs and tasks. One flusher per replica; rows of one key are locked in the same order by all."""
    jobs = [item.job for item in items]
    purchases = [job.purchase for job in jobs]
    tasks = [task for job in jobs for task in job.tasks]
    rows = await database.fetch(
        _INSERT,
        [job.id for job in jobs],
        [job.account_id for job in jobs],
        [job.api_key_id for job in jobs],
        [purchase.dialect for purchase in purchases],
        [purchase.route for purchase in purchases],
        [purchase.idempotency_key or None for purchase in purchases],
        [purchase.fingerprint for purchase in purchases],
        [purchase.SerializeToString() for purchase in purchases],
        [job.hold_micros for job in jobs],
        [job.retention_days for job in jobs],
        [job.created_at for job in jobs],
        [job.deadline_at for job in jobs],
        [item.most_open for item in items],
        [task.job_id for task in tasks],
        [task.index for task in tasks],
        [task.price_micros for task in tasks],
        [task.price_rule for task in tasks],
        [task.holds_secret for task in tasks],
        [task.lease_token for task in tasks],
        items[0].lease_owner,
        [job.markup_percent for job in jobs],
        [purchase.draws[0].operation for purchase in purchases],
        [draw.model for purchase in purchases for draw in purchase.draws],
        [task.own_key for task in tasks],
    )
    return [_inserted(row["number"], crowded=row["crowded"]) for row in rows]


def _inserted(number: int | None, *, crowded: bool) -> Inserted:
    if number is not None:
        return Inserted(Written.NEW, number)
    return Inserted(Written.CROWDED if crowded else Written.TAKEN, 0)


_ACCEPT = """
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS given (job_id, lease_token, available_micros)
), accepted AS (
    UPDATE jobs SET state = 3, available_micros = given.available_micros, revision = revision + 1
    FROM given WHERE jobs.id = given.job_id AND jobs.state = 1 AND EXISTS (
        SELECT FROM tasks WHERE tasks.job_id = given.job_id AND tasks.lease_token = given.lease_token
    )
    RETURNING jobs.id
), queued AS (
    UPDATE tasks SET lease_owner = NULL, lease_token = NULL, queued_at = now()
    FROM unnest($4::text[], $5::integer[], $6::bigint[]) AS task (job_id, idx, lease_token)
    JOIN accepted ON accepted.id = task.job_id
    WHERE tasks.job_id = task.job_id AND tasks.idx = task.idx AND tasks.lease_token = task.lease_token
)
SELECT id FROM accepted
"""


async def accept(database: Database, items: Sequence[Acceptance]) -> list[bool]:
    """Say of held jobs that they will run. False where another replica has taken the job over."""
    queued = [(item, index) for item in items for index in item.queued]
    rows = await database.fetch(
        _ACCEPT,
        [item.job_id for item in items],
        [item.lease_token for item in items],
        [item.available_micros for item in items],
        [item.job_id for item, _ in queued],
        [index for _, index in queued],
        [item.lease_token for item, _ in queued],
    )
    accepted = {row["id"] for row in rows}
    return [item.job_id in accepted for item in items]


# The state stands in the job's own row, so that an order which another replica sets out to place at this moment is seen: of a job
# whose queue was given away only what nobody has begun is refused. A claim that comes too late finds its task ended.
_REFUSE = """
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::boolean[])
        AS given (job_id, lease_token, fault, settled)
), refused AS (
    UPDATE jobs SET state = 2, idempotency_key = NULL, fault = given.fault, settled = given.settled,
        finished_at = now(), revision = revision + 1
    FROM given WHERE jobs.id = given.job_id AND jobs.finished_at IS NULL AND (jobs.state IN (1, 3) OR NOT EXISTS (
        SELECT FROM tasks WHERE tasks.job_id = given.job_id AND tasks.lease_token IS DISTINCT FROM given.lease_token
    ))
    RETURNING jobs.id
), cancelled AS (
    UPDATE tasks SET state = 6, ended_at = now(), lease_owner = NULL, lease_token = NULL, queued_at = NULL
    FROM refused WHERE tasks.job_id = refused.id
)
SELECT id FROM refused
"""


async def refuse(database: Database, items: Sequence[Refusal]) -> list[bool]:
    """End jobs of which nothing was ordered but by the lease that gives them up, and free their keys. False for all others."""
    rows = await database.fetch(
        _REFUSE,
        [item.job_id for item in items],
        [item.lease_token for item in items],
        [item.fault.SerializeToString() for item in items],
        [item.settled for item in items],
    )
    refused = {row["id"] for row in rows}
    return [item.job_id in refused for item in items]


_FINISH = """
WITH given AS (
    SELECT * FROM unnest(
        $1::text[], $2::smallint[], $3::bigint[], $4::bigint[], $5::bytea[], $6::timestamptz[], $7::boolean[], $8::bytea[]
    ) AS given (job_id, state, charge_micros, available_micros, fault, finished_at, frees_key, event)
), ended AS (
    UPDATE jobs SET state = given.state, charge_micros = given.charge_micros, settled = true,
        available_micros = given.available_micros, fault = given.fault, finished_at = given.finished_at,
        idempotency_key = CASE WHEN given.frees_key THEN NULL ELSE jobs.idempotency_key END, revision = revision + 1
    FROM given WHERE jobs.id = given.job_id AND jobs.finished_at IS NULL
    RETURNING jobs.id
), told AS (
    INSERT INTO outbox (payload) SELECT event FROM given JOIN ended ON ended.id = given.job_id WHERE event <> ''
)
SELECT id FROM ended
"""


async def finish(database: Database, items: Sequence[Ending]) -> list[bool]:
    """Step 8: end jobs and write their events, in one statement. False where the job had ended already."""
    crashpoint("generator.before_finish_commit")
    rows = await database.fetch(
        _FINISH,
        [item.job_id for item in items],
        [item.state for item in items],
        [item.charge_micros for item in items],
        [item.available_micros for item in items],
        [item.fault.SerializeToString() if item.fault else None for item in items],
        [item.finished_at for item in items],
        [item.frees_key for item in items],
        [item.event for item in items],
    )
    ended = {row["id"] for row in rows}
    return [item.job_id in ended for item in items]


async def mark_settled(database: Database, job_ids: Sequence[str]) -> None:
    """Note that the holds of refused jobs have been released."""
    await database.execute("UPDATE jobs SET settled = true WHERE id = ANY($1::text[]) AND NOT settled", list(job_ids))


_BY_KEY = """
SELECT id, created_at < now() - make_interval(mins => $6) AS outdated FROM jobs
WHERE id = $1 OR (account_id = $2 AND dialect = $3 AND route = $4 AND idempotency_key = $5)
ORDER BY id = $1 DESC LIMIT 1
"""


async def holder_of_key(
    database: Database, account_id: str, purchase: pb.Purchase, *, job_id: str = ""
) -> "tuple[str, bool] | None":
    """Find the job that has a purchase's key, or this very id: its id, and whether it is too old to be replayed."""
    key = purchase.idempotency_key or None
    minutes = JOIN_MINUTES if is_retry_key(purchase.idempotency_key) else KEY_LIFE_HOURS * 60
    row = await database.fetchrow(_BY_KEY, job_id, account_id, purchase.dialect, purchase.route, key, minutes)
    return None if row is None else (row["id"], row["outdated"])


async def free_key(database: Database, job_id: str) -> None:
    """Take the idempotency key from a job that is too old to be replayed."""
    await database.execute("UPDATE jobs SET idempotency_key = NULL WHERE id = $1", job_id)


_RECENT = """
SELECT id FROM jobs
WHERE fingerprint = $1 AND account_id = $2 AND api_key_id = $3 AND dialect = $4 AND route = $5 AND state <> 2
    AND created_at > now() - make_interval(mins => $6)
ORDER BY id DESC LIMIT 1
"""


def retry_key(api_key_id: str, purchase: pb.Purchase) -> str:
    """The key for a client's own retry that came without one: of many at once one becomes a job, which the others join."""
    return f"{_RETRY_MARK}{api_key_id} {purchase.fingerprint.hex()}"


def is_retry_key(key: str) -> bool:
    """Whether a key was made by `retry_key`: its job is joined, running or not, for `JOIN_MINUTES`."""
    return key.startswith(_RETRY_MARK)


async def recent(database: Database, account_id: str, api_key_id: str, purchase: pb.Purchase) -> str | None:
    """Find the job that a client's own retry joins: the newest with the same content, of the same api key."""
    found: str | None = await database.fetchval(
        _RECENT, purchase.fingerprint, account_id, api_key_id, purchase.dialect, purchase.route, JOIN_MINUTES
    )
    return found
