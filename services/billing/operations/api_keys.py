"""Api keys are made, rotated and revoked; a secret leaves only in the answer that made it."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from asyncpg import Connection

from billing.checks import text, within
from billing.keys import ApiKey, check_prefix, check_secret, digest_of, mask, new_secret
from billing.operations.acts import act, fingerprint
from billing.store import api_keys as store
from billing.store import audit, requests, wallets
from billing.store.audit import Act
from servicekit.database import Database
from servicekit.faults import Conflict
from servicekit.ids import new_id

_LONGEST_OVERLAP_SECONDS = 604_800


@dataclass(frozen=True, slots=True)
class Made:
    """A key, and its secret if this very call made it."""

    key: ApiKey
    secret: str


class ApiKeys:
    """Makes, rotates, revokes and lists keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, account_id: str, name: str, prefix: str, secret: str, request_id: str) -> Made:
        """Make a key, with a given secret or a random one.

        Idempotent by request_id, and for an account's own given secret. Raises InvalidField, NotFound, Unavailable, and Conflict
        where the given secret opens another account's key.
        """
        text("name", name, longest=100)
        prefix = check_prefix(prefix)
        digest = digest_of(check_secret(secret)) if secret else b""
        contents = fingerprint(request_id, "CreateApiKey", account_id, name, prefix, digest.hex())
        now = act(request_id)
        secret = secret or new_secret(prefix)
        key = _new(account_id, name, prefix, secret, now.at)
        async with self._database.transaction() as connection:
            await wallets.lock_one(connection, account_id)
            if digest and (standing := await store.by_digest(connection, digest)):
                return Made(_own(standing, account_id), "")
            earlier = await requests.claim(connection, request_id, contents, key.id, now.at)
            if earlier is not None:
                return Made(await store.get(connection, account_id, earlier), "")
            if not await store.add(connection, key, digest_of(secret)):
                raise _taken(key.id)
            await _record(connection, now, "created", key, {"name": name})
            return Made(await store.get(connection, account_id, key.id), secret)

    async def rotate(self, account_id: str, api_key_id: str, overlap_seconds: int, request_id: str) -> Made:
        """Give a key a new secret; the old ones end after the overlap.

        Idempotent by request_id. Raises InvalidField, NotFound, Unavailable, and Conflict where the key was revoked.
        """
        within("overlap_seconds", overlap_seconds, 0, _LONGEST_OVERLAP_SECONDS)
        contents = fingerprint(request_id, "RotateApiKey", account_id, api_key_id, overlap_seconds)
        now = act(request_id)
        async with self._database.transaction() as connection:
            await wallets.lock_one(connection, account_id)
            key = await store.get(connection, account_id, api_key_id)
            if await requests.claim(connection, request_id, contents, api_key_id, now.at) is not None:
                return Made(key, "")
            if key.revoked_at is not None:
                raise Conflict("api_key", api_key_id, "revoked", "The key was revoked.")
            return await _rotate(connection, now, key, overlap_seconds)

    async def revoke(self, account_id: str, api_key_id: str) -> ApiKey:
        """End a key; a repeat changes nothing. An empty account means any. Raises NotFound, Unavailable."""
        now = act()
        async with self._database.transaction() as connection:
            key = await store.get(connection, account_id, api_key_id)
            if await store.revoke(connection, api_key_id, now.at):
                await _record(connection, now, "revoked", key, {"name": key.name})
            return await store.get(connection, account_id, api_key_id)

    async def listed(self, account_id: str) -> Sequence[ApiKey]:
        """Return an account's keys, oldest first. Raises NotFound, Unavailable."""
        async with self._database.connection() as connection:
            await wallets.balance(connection, account_id)
            return await store.listed(connection, account_id)


async def _rotate(connection: Connection, now: Act, key: ApiKey, overlap_seconds: int) -> Made:
    secret = new_secret(key.prefix)
    await store.expire_digests(connection, key.id, now.at + datetime.timedelta(seconds=overlap_seconds))
    if not await store.add_digest(connection, key.id, digest_of(secret)):
        raise _taken(key.id)
    masked = mask(secret, key.prefix)
    await store.set_mask(connection, key.id, masked)
    await _record(connection, now, "rotated", key, {"overlap_seconds": overlap_seconds})
    return Made(replace(key, masked=masked), secret)


async def _record(connection: Connection, now: Act, verb: str, key: ApiKey, detail: Mapping[str, object]) -> None:
    await audit.append(connection, now, f"api_key.{verb}", account_id=key.account_id, subject_id=key.id, detail=detail)


def _new(account_id: str, name: str, prefix: str, secret: str, now: datetime.datetime) -> ApiKey:
    """The number is given by the store, under the account's lock."""
    key_id = new_id("key", at_seconds=now.timestamp())
    return ApiKey(key_id, account_id, 0, name, prefix, mask(secret, prefix), now, None, None, 0)


def _own(key: ApiKey, account_id: str) -> ApiKey:
    if key.account_id != account_id:
        raise _taken(key.id)
    return key


def _taken(api_key_id: str) -> Conflict:
    return Conflict("api_key", api_key_id, "taken", "The secret opens another key.")
