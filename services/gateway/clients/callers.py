"""Who calls: api keys resolved by billing in gathered calls, and remembered by digest for at most 1 s.

Source: billing.proto, Authenticate, which allows 5 s: what an operator changes is to be seen by who asks right after.
"""

import asyncio
import contextlib
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from gateway.clients.memory import Memory
from gesso.billing.v1.billing_pb2 import AuthenticateRequest, AuthenticateResponse, Caller
from gesso.billing.v1.billing_pb2_grpc import CallersStub
from servicekit.coalescer import Coalescer
from servicekit.faults import Fault, from_proto
from servicekit.link import Link

KEPT_SECONDS = 1.0
REFUSAL_KEPT_SECONDS = 1.0
"""A key may be made, and an account reactivated, right after a refusal."""

_TELLING_SECONDS = 1.0
"""Between two looks for keys that have gone quiet with requests of theirs not told yet."""

Key = bytes
"""SHA-256 of an api key: the key itself goes nowhere."""


def digest(api_key: str) -> Key:
    """The name under which billing knows an api key."""
    return hashlib.sha256(api_key.encode(errors="surrogateescape")).digest()


class Callers:
    """Resolves api keys over the link to billing."""

    def __init__(self, link: Link, clock: Callable[[], float] = time.monotonic) -> None:
        self._link = link
        self._stub = CallersStub(link.channel)
        self._clock = clock
        self._asked: Coalescer[Key, Caller] = Coalescer(self._flush)
        self._known: Memory[Key, Caller | Fault] = Memory(clock)
        self._uncounted: Counter[Key] = Counter()

    async def caller(self, key: Key) -> Caller:
        """The caller behind a key's digest. Raises the Fault of a key or account that may not call, or of billing's absence."""
        self._uncounted[key] += 1
        known = self._known.get(key)
        if known is None:
            known = await self._ask(key)
        if isinstance(known, Fault):
            del self._uncounted[key]
            raise Fault(known.reason, known.message, details=known.details)
        return known

    def forget(self, account_id: str) -> None:
        """Ask anew for an account's callers: what a request has changed of it, or of its keys, holds from the next one on."""
        self._known.drop_where(lambda known: isinstance(known, Caller) and known.account_id == account_id)

    async def tell(self, account_id: str) -> None:
        """Have billing count what an account's keys have done by now. Raises the Fault of billing's absence."""
        await self._ask_all(
            key
            for key in self._uncounted
            if isinstance(known := self._known.get(key), Caller) and known.account_id == account_id
        )

    async def run(self) -> None:
        """For ever: have billing count the last requests of keys that are in use no more."""
        while True:
            await asyncio.sleep(_TELLING_SECONDS)
            with contextlib.suppress(Fault):
                await self._ask_all(key for key in self._uncounted if self._known.get(key) is None)

    async def _ask_all(self, keys: Iterable[Key]) -> None:
        await asyncio.gather(*map(self._ask, list(keys)))

    async def _ask(self, key: Key) -> Caller | Fault:
        asked_at = self._clock()
        try:
            caller = await self._asked.submit(key)
        except _Refused as refused:
            self._known.put(key, refused.fault, until=asked_at + REFUSAL_KEPT_SECONDS)
            return refused.fault
        self._known.put(key, caller, until=asked_at + KEPT_SECONDS)
        return caller

    async def _flush(self, keys: list[Key]) -> Sequence[Caller | Fault]:
        """Ask for each key once, with its requests since it was last asked for: billing counts them."""
        requests = {key: self._uncounted.pop(key, 1) for key in dict.fromkeys(keys)}
        credentials = [
            AuthenticateRequest.Credential(key_digest=key, requests=count) for key, count in requests.items()
        ]
        response = await self._link.call(self._stub.Authenticate, AuthenticateRequest(credentials=credentials))
        outcomes = dict(zip(requests, map(_outcome, response.results), strict=True))
        return [outcomes[key] for key in keys]


class _Refused(Fault):
    """Billing's own verdict on a key, which may be remembered; that billing cannot be reached may not."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason, fault.message)
        self.fault = fault


def _outcome(result: AuthenticateResponse.AuthenticateResult) -> Caller | Fault:
    return _Refused(from_proto(result.fault)) if result.HasField("fault") else result.caller
