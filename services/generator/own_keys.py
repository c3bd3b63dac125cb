"""Accounts' own provider keys: kept sealed in the database, known by provider in memory, and opened only where an order is placed.

A purchase is routed by what is known here, which is at most 5 s old, and usually as new as the last notification; an account
without keys costs it nothing but that. An order reads the key itself as it stands at that moment: none is placed with a key that
was deleted before, on whichever replica.
"""

import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from asyncpg import Connection

from generator.keyring import CannotOpen, Keyring, purpose_of
from generator.providers.base import Bought, UpstreamFault
from generator.store import creations, provider_keys
from generator.store.provider_keys import StoredKey
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1.generator_pb2 import ProviderKey
from servicekit.coalescer import Coalescer
from servicekit.database import Database
from servicekit.faults import InvalidField, NotFound
from servicekit.timestamps import to_timestamp

KNOWN_SECONDS = 5.0
"""How long a replica that hears no notifications may route by a key that another one has deleted."""
_MOST_KNOWN_ACCOUNTS = 10_000
_KEY_FORM = re.compile(r"[!-~]{8,500}")
_SHOWN_FIRST, _SHOWN_LAST = 6, 4


@dataclass(frozen=True, slots=True)
class _Known:
    """The providers that an account has keys for, as of up to `until` (monotonic seconds)."""

    providers: frozenset[str]
    until: float


class OwnKeys:
    """The accounts' keys, as one replica sees them."""

    def __init__(
        self,
        database: Database,
        keyring: Keyring,
        *,
        takes_keys: Callable[[str], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`takes_keys` says for which providers keys are stored."""
        self._database = database
        self._keyring = keyring
        self._takes_keys = takes_keys
        self._clock = clock
        self._reads: Coalescer[str, Mapping[str, StoredKey]] = Coalescer(self._read)
        self._known: dict[str, _Known] = {}
        self._change_count = 0

    async def put(self, account_id: str, provider: str, secret: str, *, request_id: str = "") -> ProviderKey:
        """Store a key, in the place of the last one; a repeat of the request within a day has the first's answer, and stores none.

        Raises InvalidField naming `provider` or `api_key`, Fault IDEMPOTENCY_MISMATCH for a repeat with another key, Unavailable.
        """
        if not self._takes_keys(provider):
            raise InvalidField("provider", "`provider` must be one that takes keys of your own.")
        if not _KEY_FORM.fullmatch(secret):
            raise InvalidField("api_key", "`api_key` must have 8 to 500 printable ASCII characters and no spaces.")
        purpose = purpose_of(account_id, provider)
        key = StoredKey(account_id, provider, self._keyring.seal(secret, purpose), masked(secret), datetime.now(UTC))
        try:
            async with self._database.transaction() as connection:
                return await _put_once(connection, key, request_id, self._keyring.digest(secret, purpose))
        finally:
            self.changed(account_id)

    async def delete(self, account_id: str, provider: str) -> StoredKey:
        """Forget a key: from here on no order is placed with it. Raises NotFound, Unavailable."""
        try:
            gone = await provider_keys.delete(self._database, account_id, provider)
        finally:
            self.changed(account_id)
        if gone is None:
            raise NotFound("provider key", provider)
        return gone

    async def stored(self, account_id: str) -> Mapping[str, StoredKey]:
        """The account's keys by provider, as they stand now. Raises Unavailable."""
        return await self._reads.submit(account_id)

    async def providers(self, account_id: str) -> Collection[str]:
        """The providers that the account has keys for, as they stood at most 5 s ago. Raises Unavailable."""
        known = self._known.get(account_id)
        if known is not None and self._clock() < known.until:
            return known.providers
        change_count, until = self._change_count, self._clock() + KNOWN_SECONDS
        providers = frozenset(await self.stored(account_id))
        if change_count == self._change_count:  # else what was read may be older than what was said meanwhile
            self._remember(account_id, _Known(providers, until))
        return providers

    async def secret(self, account_id: str, provider: str) -> str:
        """The key to place an order with, as it stands now. Raises UpstreamFault UPSTREAM_DENIED without one, Unavailable."""
        key = (await self.stored(account_id)).get(provider)
        if key is None:
            raise _denied(provider, f"The account's own key for {provider} was deleted.")
        try:
            return self._keyring.open(key.envelope, purpose_of(account_id, provider))
        except CannotOpen:
            raise _denied(
                provider, f"The account's own key for {provider} can no longer be read; store it again."
            ) from None

    def changed(self, account_id: str) -> None:
        """An account's keys have changed, here or elsewhere."""
        self._change_count += 1
        self._known.pop(account_id, None)

    def forget_known(self) -> None:
        """Notifications may have been missed."""
        self._change_count += 1
        self._known.clear()

    def _remember(self, account_id: str, known: _Known) -> None:
        self._known.pop(account_id, None)
        self._known[account_id] = known
        if len(self._known) > _MOST_KNOWN_ACCOUNTS:
            del self._known[next(iter(self._known))]

    async def _read(self, account_ids: list[str]) -> Sequence[Mapping[str, StoredKey]]:
        found: dict[str, dict[str, StoredKey]] = {account_id: {} for account_id in account_ids}
        for key in await provider_keys.of_accounts(self._database, account_ids):
            found[key.account_id][key.provider] = key
        return [found[account_id] for account_id in account_ids]


async def _put_once(connection: Connection, key: StoredKey, request_id: str, fingerprint: bytes) -> ProviderKey:
    if request_id and (earlier := await creations.first(connection, request_id, fingerprint)) is not None:
        answer = ProviderKey.FromString(earlier)
        answer.replayed = True
        return answer
    await provider_keys.put(connection, key)
    answer = shown(key)
    if request_id:
        await creations.answered(connection, request_id, answer.SerializeToString())
    return answer


def shown(key: StoredKey) -> ProviderKey:
    """A key as its account is told of it."""
    return ProviderKey(
        provider=key.provider,
        masked=key.masked,
        created_at=to_timestamp(key.created_at),
        key_id=key.envelope.key_id,
    )


def masked(secret: str) -> str:
    """What may be shown of a key: at most its first 6 and last 4 characters, and under 24 characters fewer."""
    first, last = min(_SHOWN_FIRST, len(secret) // 4), min(_SHOWN_LAST, len(secret) // 6)
    return f"{secret[:first]}...{secret[-last:]}"


def _denied(provider: str, message: str) -> UpstreamFault:
    """Another of the account's own keys may serve; never the platform's."""
    details = {"provider": provider}
    return UpstreamFault(reasons.REASON_UPSTREAM_DENIED, message, bought=Bought.NO, retryable=True, details=details)
