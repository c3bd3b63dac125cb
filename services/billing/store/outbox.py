"""The outbox: events that leave by the webhooks service, written in the transaction of what they tell."""

from collections.abc import Iterable

from asyncpg import Connection

_ADD = "INSERT INTO outbox (payload) SELECT unnest($1::bytea[])"


async def add(connection: Connection, payloads: Iterable[bytes]) -> None:
    """Write serialized events."""
    await connection.execute(_ADD, list(payloads))
