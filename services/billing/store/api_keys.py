"""Api keys and the digests that open them."""

import datetime
from collections.abc import Mapping, Sequence

from asyncpg import Connection, Record

from billing.keys import ApiKey
from servicekit.faults import NotFound

_FIELDS = """id, account_id, number, name, prefix, masked, created_at, revoked_at, last_used_at, request_count"""
_ADD = """
INSERT INTO api_keys (id, account_id, number, name, prefix, masked, created_at)
VALUES ($1, $2, (SELECT coalesce(max(number), 0) + 1 FROM api_keys WHERE account_id = $2), $3, $4, $5, $6)
"""
_ADD_DIGEST = "INSERT INTO key_digests (digest, api_key_id) VALUES ($1, $2) ON CONFLICT (digest) DO NOTHING"
_GET = f"SELECT {_FIELDS} FROM api_keys WHERE id = $1 AND ($2 = '' OR account_id = $2)"
_BY_DIGEST = f"""
SELECT {_FIELDS} FROM api_keys WHERE id = (SELECT api_key_id FROM key_digests WHERE digest = $1)
"""
_LIST = f"SELECT {_FIELDS} FROM api_keys WHERE account_id = $1 ORDER BY number"
_EXPIRE = """
UPDATE key_digests SET expires_at = least(expires_at, $2) WHERE api_key_id = $1
"""
_MASK = "UPDATE api_keys SET masked = $2 WHERE id = $1"
_REVOKE = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL"
_USED = """
WITH used AS (SELECT * FROM unnest($1::text[], $2::bigint[], $3::timestamptz[]) AS used (id, requests, last_at)),
locked AS (SELECT id FROM api_keys WHERE id = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE)
UPDATE api_keys SET request_count = request_count + used.requests, last_used_at = greatest(last_used_at, used.last_at)
FROM used JOIN locked USING (id) WHERE api_keys.id = used.id
"""
_CREDENTIALS = """
SELECT digest, expires_at <= now() AS expired, api_keys.id AS api_key_id, revoked_at, account_id, plan, state, limits,
    subscription_active, renews_at, preferences, safety
FROM key_digests JOIN api_keys ON api_keys.id = api_key_id JOIN accounts ON accounts.id = account_id
WHERE digest = ANY($1::bytea[])
"""


async def add(connection: Connection, key: ApiKey, digest: bytes) -> bool:
    """Write a new key of a locked account under its next number; False where the digest opens another key already."""
    await connection.execute(_ADD, key.id, key.account_id, key.name, key.prefix, key.masked, key.created_at)
    return await add_digest(connection, key.id, digest)


async def add_digest(connection: Connection, api_key_id: str, digest: bytes) -> bool:
    """Let a secret open a key; False where it opens one already."""
    return bool(await connection.execute(_ADD_DIGEST, digest, api_key_id) == "INSERT 0 1")


async def get(connection: Connection, account_id: str, api_key_id: str) -> ApiKey:
    """Return one key; an empty account means any. Raises NotFound."""
    row = await connection.fetchrow(_GET, api_key_id, account_id)
    if row is None:
        raise NotFound("api_key", api_key_id)
    return _key(row)


async def by_digest(connection: Connection, digest: bytes) -> ApiKey | None:
    """Return the key that a secret opens or opened."""
    row = await connection.fetchrow(_BY_DIGEST, digest)
    return None if row is None else _key(row)


async def listed(connection: Connection, account_id: str) -> list[ApiKey]:
    """Return all keys of an account, oldest first."""
    return [_key(row) for row in await connection.fetch(_LIST, account_id)]


async def expire_digests(connection: Connection, api_key_id: str, at: datetime.datetime) -> None:
    """Let every secret of a key end at this time, or when it would have ended before."""
    await connection.execute(_EXPIRE, api_key_id, at)


async def set_mask(connection: Connection, api_key_id: str, masked: str) -> None:
    """Show a key's new secret, masked."""
    await connection.execute(_MASK, api_key_id, masked)


async def revoke(connection: Connection, api_key_id: str, now: datetime.datetime) -> bool:
    """End a key; False where it was revoked before."""
    return bool(await connection.execute(_REVOKE, api_key_id, now) == "UPDATE 1")


async def count_use(connection: Connection, used: Mapping[str, tuple[int, datetime.datetime]]) -> None:
    """Add requests and the time of the last one to keys; rows are locked in the order of their ids."""
    ids = sorted(used)
    await connection.execute(_USED, ids, [used[i][0] for i in ids], [used[i][1] for i in ids])


async def credentials(connection: Connection, digests: Sequence[bytes]) -> dict[bytes, Record]:
    """Return what stands behind each digest that is known."""
    return {row["digest"]: row for row in await connection.fetch(_CREDENTIALS, list(digests))}


def _key(row: Record) -> ApiKey:
    return ApiKey(*row)
