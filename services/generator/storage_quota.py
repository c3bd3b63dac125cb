"""A purchase whose pictures stay is refused while its account's storage is full; what an account keeps is asked for seldom.

Source: contract.md, imagegen "Over the storage limit a new picture that would stay is 402 before it is bought". What the gallery
said counts for ten seconds, and all who ask meanwhile share one question. While the gallery cannot be asked, its last word counts
for a minute; after that the purchase is refused as UNAVAILABLE, since its picture could be neither signed nor written down: to
wait costs the caller nothing, to buy might.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from gesso.billing.v1.billing_pb2 import CallerClaims
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault, Unavailable

_FRESH_SECONDS = 10.0
_STALE_SECONDS = 60.0
_MOST_ACCOUNTS = 10_000
_MEGABYTE = 1 << 20


@dataclass(frozen=True, slots=True)
class _Known:
    used_bytes: int
    at: float

    def holds(self, now: float, seconds: float) -> bool:
        return now - self.at < seconds


class StorageQuota:
    """Holds purchases to the storage of their plans."""

    def __init__(
        self, used_bytes: Callable[[str], Awaitable[int]], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`used_bytes` asks the gallery what an account keeps; it raises Fault."""
        self._used_bytes = used_bytes
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[int]] = {}

    async def check(self, claims: CallerClaims, purchase: pb.Purchase) -> None:
        """Raise Fault STORAGE_EXCEEDED where the purchase would add to full storage, Unavailable where nobody knows."""
        if purchase.keep_seconds or not claims.storage_mb:
            return
        used_bytes = await self._used(claims.account_id)
        if used_bytes >= claims.storage_mb * _MEGABYTE:
            raise Fault(
                reasons.REASON_STORAGE_EXCEEDED,
                f"The account's storage of {claims.storage_mb} MB is full.",
                details={"limit_mb": str(claims.storage_mb), "used_mb": str(used_bytes // _MEGABYTE)},
            )

    async def _used(self, account_id: str) -> int:
        known = self._known.get(account_id)
        if known and known.holds(self._clock(), _FRESH_SECONDS):
            return known.used_bytes
        asking = self._asking.get(account_id)
        if asking is None:
            asking = self._asking[account_id] = asyncio.create_task(self._ask(account_id))
            asking.add_done_callback(lambda task: task.cancelled() or task.exception())  # its askers may all have left
        try:
            return await asyncio.shield(asking)
        except Fault as fault:
            if known and known.holds(self._clock(), _STALE_SECONDS):
                return known.used_bytes
            raise Unavailable("gallery service") from fault

    async def _ask(self, account_id: str) -> int:
        try:
            used_bytes = await self._used_bytes(account_id)
        finally:
            del self._asking[account_id]
        self._known.pop(account_id, None)
        self._known[account_id] = _Known(used_bytes, self._clock())
        while len(self._known) > _MOST_ACCOUNTS:
            del self._known[next(iter(self._known))]
        return used_bytes
