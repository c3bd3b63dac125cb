"""The webhooks service's SQL: events, deliveries with their attempts, and signing secrets."""

import datetime
from collections.abc import Sequence

import asyncpg

from gesso.webhooks.v1 import webhooks_pb2 as pb
from servicekit.database import Database
from servicekit.ids import derived_id
from webhooks.deliveries import Attempt, Delivery, Event

_PUBLISH_EVENTS = """
INSERT INTO events (id, account_id, type, occurred_at, data)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bytea[]) ON CONFLICT (id) DO NOTHING
"""
_PUBLISH_DELIVERIES = """
INSERT INTO deliveries (id, account_id, event_id, url, next_attempt_at)
SELECT *, now() FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) ON CONFLICT (id) DO NOTHING
"""
_COLUMNS = """
    deliveries.id, deliveries.account_id, event_id, events.type AS event_type, endpoint_id, url, state, deliveries.created_at,
    attempt_count, next_attempt_at
"""
# A running attempt is a delivery whose next attempt lies in the future: a replica that dies leaves it to be due again.
_TAKE = f"""
WITH due AS (
    SELECT id FROM deliveries WHERE state = 1 AND next_attempt_at <= $1
    ORDER BY next_attempt_at LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE deliveries SET next_attempt_at = $2 FROM due, events
WHERE deliveries.id = due.id AND events.id = deliveries.event_id
RETURNING {_COLUMNS}, events.occurred_at, events.data
"""
_FINISH = """
UPDATE deliveries SET state = $2, attempt_count = $3, next_attempt_at = $4 WHERE id = $1 AND state = 1 AND attempt_count = $3 - 1
"""
_ADD_ATTEMPT = """
INSERT INTO attempts (delivery_id, number, started_at, duration_ms, status_code, error) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT DO NOTHING
"""
_COUNT_WAITING = "SELECT count(*) AS waiting FROM deliveries WHERE state = 1"
_NEXT_DUE = "SELECT min(next_attempt_at) FROM deliveries WHERE state = 1"
_LIST = f"""
SELECT {_COLUMNS} FROM deliveries JOIN events ON events.id = event_id
WHERE deliveries.account_id = $1 AND ($2 = '' OR endpoint_id = $2)
  AND ($3 = '' OR (deliveries.created_at, deliveries.id) < (SELECT created_at, id FROM deliveries WHERE id = $3))
ORDER BY deliveries.created_at DESC, deliveries.id DESC LIMIT $4
"""
_GET = f"""
SELECT {_COLUMNS} FROM deliveries JOIN events ON events.id = event_id WHERE deliveries.account_id = $1 AND deliveries.id = $2
"""
_ATTEMPTS = "SELECT * FROM attempts WHERE delivery_id = ANY($1::text[]) ORDER BY delivery_id, number"
_REDELIVER = """
INSERT INTO deliveries (id, account_id, event_id, endpoint_id, url, next_attempt_at)
SELECT $3, account_id, event_id, endpoint_id, url, now() FROM deliveries WHERE account_id = $1 AND id = $2
ON CONFLICT (id) DO NOTHING
"""
_SECRETS = """
SELECT sealed, created_at FROM signing_secrets WHERE account_id = $1 AND (retired_at IS NULL OR retired_at > now())
ORDER BY retired_at IS NULL DESC, id DESC
"""
_RETIRE = "UPDATE signing_secrets SET retired_at = now() + $2 WHERE account_id = $1 AND retired_at IS NULL"
_INSERT_SIGNING = """
INSERT INTO signing_secrets (account_id, sealed, request_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""
_EXPIRE = "DELETE FROM deliveries WHERE state <> 1 AND created_at < $1"
_EXPIRE_EVENTS = """
DELETE FROM events WHERE created_at < $1 AND NOT EXISTS (SELECT FROM deliveries WHERE event_id = events.id)
"""


class Store:
    """Events, deliveries and secrets in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, events: Sequence[Event]) -> None:
        """Write events down with a delivery for each address; those that are known already stay as they are."""
        direct = [event for event in events if event.direct_url]
        async with self._database.transaction() as connection:
            await connection.execute(
                _PUBLISH_EVENTS,
                [event.id for event in events],
                [event.account_id for event in events],
                [event.type for event in events],
                [event.occurred_at for event in events],
                [event.data for event in events],
            )
            await connection.execute(
                _PUBLISH_DELIVERIES,
                [derived_id("dlv", event.id, event.direct_url) for event in direct],
                [event.account_id for event in direct],
                [event.id for event in direct],
                [event.direct_url for event in direct],
            )

    async def take_due(
        self, now: datetime.datetime, *, lease_until: datetime.datetime, limit: int
    ) -> list[tuple[Delivery, Event]]:
        """Take deliveries that are due; they are due again at `lease_until` unless `finish` says otherwise."""
        rows = await self._database.fetch(_TAKE, now, lease_until, limit)
        return [(_delivery(row, ()), _event(row)) for row in rows]

    async def finish(
        self,
        delivery: Delivery,
        attempt: Attempt,
        state: pb.Delivery.State.ValueType,
        next_attempt_at: datetime.datetime | None,
    ) -> None:
        """Write an attempt down with what follows from it; of two replicas that made the same attempt the first is heard."""
        async with self._database.transaction() as connection:
            await connection.execute(_FINISH, delivery.id, state, attempt.number, next_attempt_at)
            await connection.execute(
                _ADD_ATTEMPT,
                delivery.id,
                attempt.number,
                attempt.started_at,
                attempt.duration_ms,
                attempt.status_code,
                attempt.error,
            )

    async def next_due(self) -> datetime.datetime | None:
        """When the next delivery is due, or None."""
        due: datetime.datetime | None = await self._database.fetchval(_NEXT_DUE)
        return due

    async def count_waiting(self) -> int:
        """Deliveries that have not ended."""
        row = await self._database.fetchrow(_COUNT_WAITING)
        assert row is not None, "an aggregate has a row"
        return int(row["waiting"])

    async def list_deliveries(self, account_id: str, *, endpoint_id: str, after: str, limit: int) -> list[Delivery]:
        """An account's deliveries with their attempts, newest first, those behind the delivery `after`."""
        return await self._with_attempts(await self._database.fetch(_LIST, account_id, endpoint_id, after, limit))

    async def get(self, account_id: str, delivery_id: str) -> Delivery | None:
        """One delivery of an account, or None."""
        found = await self._with_attempts(await self._database.fetch(_GET, account_id, delivery_id))
        return found[0] if found else None

    async def redeliver(self, account_id: str, delivery_id: str, *, request_id: str) -> Delivery | None:
        """Queue the same event for the same address again, once per request id; None where there is no such delivery."""
        new_id = derived_id("dlv", delivery_id, request_id)
        await self._database.execute(_REDELIVER, account_id, delivery_id, new_id)
        return await self.get(account_id, new_id)

    async def secrets(self, account_id: str) -> list[tuple[bytes, datetime.datetime]]:
        """The account's sealed secrets that sign now, the current one first."""
        return [(row["sealed"], row["created_at"]) for row in await self._database.fetch(_SECRETS, account_id)]

    async def add_secret(self, account_id: str, sealed: bytes, *, request_id: str, overlap: datetime.timedelta) -> None:
        """Make a secret the current one, once per request id; the one before it signs on for the overlap."""
        async with self._database.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('signing-secret-' || $1))", account_id)
            known = "SELECT 1 FROM signing_secrets WHERE account_id = $1 AND request_id = $2"
            if await connection.fetchval(known, account_id, request_id) is None:
                await connection.execute(_RETIRE, account_id, overlap)
                await connection.execute(_INSERT_SIGNING, account_id, sealed, request_id)

    async def expire(self, before: datetime.datetime) -> None:
        """Remove ended deliveries and their events from before then."""
        await self._database.execute(_EXPIRE, before)
        await self._database.execute(_EXPIRE_EVENTS, before)

    async def _with_attempts(self, rows: "Sequence[asyncpg.Record]") -> list[Delivery]:
        attempts: dict[str, list[Attempt]] = {row["id"]: [] for row in rows}
        for row in await self._database.fetch(_ATTEMPTS, list(attempts)):
            attempts[row["delivery_id"]].append(
                Attempt(row["number"], row["started_at"], row["duration_ms"], row["status_code"], row["error"])
            )
        return [_delivery(row, tuple(attempts[row["id"]])) for row in rows]


def _delivery(row: "asyncpg.Record", attempts: tuple[Attempt, ...]) -> Delivery:
    return Delivery(
        id=row["id"],
        account_id=row["account_id"],
        event_id=row["event_id"],
        event_type=row["event_type"],
        endpoint_id=row["endpoint_id"],
        url=row["url"],
        state=row["state"],
        created_at=row["created_at"],
        attempt_count=row["attempt_count"],
        next_attempt_at=row["next_attempt_at"],
        attempts=attempts,
    )


def _event(row: "asyncpg.Record") -> Event:
    return Event(row["event_id"], row["account_id"], row["event_type"], row["occurred_at"], bytes(row["data"]))
