"""Api keys are made, rotated and revoked; a secret leaves only in the answer that made it, and for a day in its repeats."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from asyncpg import Connection

from billing.checks import text, within
from billing.keys import (
    ApiKey,
    check_prefix,
    check_secret,
    derived_secret,
    deriving_key,
    digest_of,
    mask,
    new_salt,
)
from billing.operations.acts import act, fingerprint
from billing.operations.usage import Usage
from billing.store import api_keys as store
from billing.store import audit, requests, wallets
from billing.store.audit import Act
from billing.store.requests import Noted
from gesso.errors.v1 import reason_pb2 as pb
from servicekit.database import Database
from servicekit.faults import Conflict, Fault, NotFound
from servicekit.ids import new_id

_LONGEST_OVERLAP_SECONDS = 604_800
_REPEATABLE = datetime.timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Made:
    """A key and its secret; `replayed` where an earlier call made it."""

    key: ApiKey
    secret: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class _Order:
    """What a secret is made for: the operation, and the request_id by which its account repeats it."""

    operation: str
    account_id: str
    request_id: str


class ApiKeys:
    """Makes, rotates, revokes and lists keys.

    Both `create` and `rotate` are idempotent by request_id for 24 hours; then a repeat is a Conflict, and other contents are
    always Fault IDEMPOTENCY_MISMATCH.
    """

    def __init__(self, database: Database, usage: Usage, caller_token_key: bytes) -> None:
        self._database = database
        self._usage = usage
        self._key = deriving_key(caller_token_key)

    async def create(self, account_id: str, name: str, prefix: str, secret: str, request_id: str) -> Made:
        """Make a key, with a given secret or one of our own.

        A given secret that opens a key of the account already is that key. Raises InvalidField, NotFound, Unavailable, Conflict
        where the given secret opens another account's key, and as the class says.
        """
        text("name", name, longest=100)
        prefix = check_prefix(prefix)
        digest = digest_of(check_secret(secret)) if secret else b""
        contents = fingerprint(request_id, "CreateApiKey", account_id, name, prefix, digest.hex())
        now, order, salt = act(request_id), _Order("CreateApiKey", account_id, request_id), new_salt()
        secret = secret or self._secret(order, prefix, salt)
        key = _new(account_id, name, prefix, secret, now.at)
        async with self._database.transaction() as connection:
            await wallets.lock_one(connection, account_id)
            if digest and (standing := await store.by_digest(connection, digest)):
                return Made(_own(standing, account_id), secret, replayed=True)
            noted = Noted(contents, key.id, now.at, salt)
            if (first := await requests.note(connection, request_id, noted)) is not None:
                return await self._again(connection, order, noted, first)
            if not await store.add(connection, key, digest_of(secret)):
                raise _taken(key.id)
            await _record(connection, now, "created", key, {"name": name})
            return Made(await store.get(connection, account_id, key.id), secret)

    async def rotate(self, account_id: str, api_key_id: str, overlap_seconds: int, request_id: str) -> Made:
        """Give a key a new secret; the old ones end after the overlap.

        Raises InvalidField, NotFound, Unavailable, Conflict where the key was revoked, and as the class says.
        """
        within("overlap_seconds", overlap_seconds, 0, _LONGEST_OVERLAP_SECONDS)
        contents = fingerprint(request_id, "RotateApiKey", account_id, api_key_id, overlap_seconds)
        now, order, salt = act(request_id), _Order("RotateApiKey", account_id, request_id), new_salt()
        noted = Noted(contents, api_key_id, now.at, salt)
        async with self._database.transaction() as connection:
            await wallets.lock_one(connection, account_id)
            key = await store.get(connection, account_id, api_key_id)
            if (first := await requests.note(connection, request_id, noted)) is not None:
                return await self._again(connection, order, noted, first)
            if key.revoked_at is not None:
                raise Conflict("api_key", api_key_id, "revoked", "The key was revoked.")
            return await _rotate(connection, now, key, self._secret(order, key.prefix, salt), overlap_seconds)

    async def forget(self) -> None:
        """Let no secret be shown again that is older than a day. Raises Unavailable."""
        async with self._database.connection() as connection:
            await requests.forget_salts(connection, act().at - _REPEATABLE)

    def _secret(self, order: _Order, prefix: str, salt: bytes) -> str:
        return derived_secret(prefix, self._key, salt, order.operation, order.account_id, order.request_id)

    async def _again(self, connection: Connection, order: _Order, noted: Noted, first: Noted) -> Made:
        """Answer as the first time, by the secret that proves itself by still being the digest of one of the key's."""
        if first.fingerprint != noted.fingerprint:
            raise Fault(pb.REASON_IDEMPOTENCY_MISMATCH, "This idempotency key was used with other content.")
        key = await store.get(connection, order.account_id, first.subject_id)
        if first.salt is not None and noted.created_at - first.created_at < _REPEATABLE:
            secret = self._secret(order, key.prefix, first.salt)
            opened = await store.by_digest(connection, digest_of(secret))
            if opened is not None and opened.id == key.id:
                return Made(replace(key, masked=mask(secret, key.prefix)), secret, replayed=True)
        raise Conflict(
            "request", order.request_id, "used", "The request_id was used before; its key is not shown again."
        )

    async def revoke(self, account_id: str, api_key_id: str, digest: bytes = b"") -> ApiKey:
        """End a key, named by its id or by a secret's digest; a repeat changes nothing. An empty account means any.

        Raises NotFound, Unavailable.
        """
        now = act()
        async with self._database.transaction() as connection:
            key = await store.get(connection, account_id, api_key_id or await _id_of(connection, digest))
            if await store.revoke(connection, key.id, now.at):
                await _record(connection, now, "revoked", key, {"name": key.name})
            return await store.get(connection, account_id, key.id)

    async def listed(self, account_id: str) -> Sequence[ApiKey]:
        """Return an account's keys, oldest first, with their use up to now. Raises NotFound, Unavailable."""
        await self._usage.write()
        async with self._database.connection() as connection:
            await wallets.balance(connection, account_id)
            return await store.listed(connection, account_id)


async def _id_of(connection: Connection, digest: bytes) -> str:
    """The id of the key that a secret opens or opened. Raises NotFound, which names the digest."""
    found = await store.by_digest(connection, digest)
    if found is None:
        raise NotFound("api_key", f"sha256:{digest.hex()}")
    return found.id


async def _rotate(connection: Connection, now: Act, key: ApiKey, secret: str, overlap_seconds: int) -> Made:
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
