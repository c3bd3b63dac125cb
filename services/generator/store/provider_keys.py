"""The statements of accounts' own provider keys, which rest sealed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from asyncpg import Connection

from generator.keyring import Envelope
from servicekit.database import Database

CHANNEL = "generator_provider_keys"
"""Where replicas are told whose keys have changed: the payload is the account's id."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """An account's key for a provider; `masked` is what may be shown of it."""

    account_id: str
    provider: str
    envelope: Envelope
    masked: str
    created_at: datetime


_PUT = """
WITH put AS (
    INSERT INTO provider_keys (account_id, provider, key_id, sealed, masked, created_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (account_id, provider) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed,
        masked = excluded.masked, created_at = excluded.created_at
    RETURNING account_id
)
SELECT pg_notify($7, account_id) FROM put
"""


async def put(connection: Connection, key: StoredKey) -> None:
    """Store a key, in the place of the one that stood there, and tell every replica."""
    await connection.execute(
        _PUT,
        key.account_id,
        key.provider,
        key.envelope.key_id,
        key.envelope.sealed,
        key.masked,
        key.created_at,
        CHANNEL,
    )


_FIELDS = "account_id, provider, key_id, sealed, masked, created_at"
_DELETE = f"""
WITH gone AS (DELETE FROM provider_keys WHERE account_id = $1 AND provider = $2 RETURNING {_FIELDS})
SELECT gone.*, pg_notify($3, account_id) FROM gone
"""


async def delete(database: Database, account_id: str, provider: str) -> StoredKey | None:
    """Forget a key and tell every replica; returns what was forgotten."""
    row = await database.fetchrow(_DELETE, account_id, provider, CHANNEL)
    return None if row is None else _key(row)


async def of_accounts(database: Database, account_ids: Sequence[str]) -> list[StoredKey]:
    """Read all keys of these accounts."""
    rows = await database.fetch(
        f"SELECT {_FIELDS} FROM provider_keys WHERE account_id = ANY($1::text[])", list(set(account_ids))
    )
    return [_key(row) for row in rows]


async def count_under(database: Database, key_id: str) -> int:
    """Count the keys that rest under one of the operator's keys."""
    return int(await database.fetchval("SELECT count(*) FROM provider_keys WHERE key_id = $1", key_id))


async def not_under(database: Database, key_id: str, *, after: tuple[str, str], limit: int) -> list[StoredKey]:
    """Read keys that rest under another of the operator's keys, in order, from behind (account id, provider)."""
    rows = await database.fetch(
        f"SELECT {_FIELDS} FROM provider_keys WHERE key_id <> $1 AND (account_id, provider) > ($2, $3)"
        " ORDER BY account_id, provider LIMIT $4",
        key_id,
        *after,
        limit,
    )
    return [_key(row) for row in rows]


_RESEAL = """
UPDATE provider_keys SET key_id = given.key_id, sealed = given.sealed
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bytea[]) AS given (account_id, provider, was, key_id, sealed)
WHERE provider_keys.account_id = given.account_id AND provider_keys.provider = given.provider
    AND provider_keys.sealed = given.was
"""


async def reseal(database: Database, changed: Sequence[tuple[StoredKey, Envelope]]) -> int:
    """Put keys into other envelopes; returns how many. One that was replaced meanwhile is left as it is."""
    tag = await database.execute(
        _RESEAL,
        [key.account_id for key, _ in changed],
        [key.provider for key, _ in changed],
        [key.envelope.sealed for key, _ in changed],
        [envelope.key_id for _, envelope in changed],
        [envelope.sealed for _, envelope in changed],
    )
    return int(tag.rpartition(" ")[2])


def _key(row: Any) -> StoredKey:
    return StoredKey(
        account_id=row["account_id"],
        provider=row["provider"],
        envelope=Envelope(row["key_id"], row["sealed"]),
        masked=row["masked"],
        created_at=row["created_at"],
    )
