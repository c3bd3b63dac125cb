"""The outbox: events that leave by the webhooks service, written in the transaction of what they tell."""

from collections.abc import Iterable

from asyncpg import Connection

_ADD = "INSERT INTO outbox (payload) SELECT unnest($1::bytea[])"
_COUNT = "SELECT count(*) FROM outbox"


async def add(connection: Connection, payloads: Iterable[bytes]) -> None:
    """Write serialized events."""
    await connection.execute(_ADD, list(payloads))


async def count(connection: Connection) -> int:
    """Return how many events wait."""
    return int(await connection.fetchval(_COUNT))
