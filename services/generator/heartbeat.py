"""A replica says each third of a lease that it lives, and looks each second for what there is to do."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from generator.gate import Gate
from generator.replica import Replica
from generator.steps import passes, persist
from generator.store import leases
from generator.store.operations import Maintenance
from servicekit.database import Database
from servicekit.faults import Fault, Unavailable

_PULSE_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Heartbeat:
    """Keeps this process's leases, and tells when they are lost: then `lost` must stop everything that runs under them."""

    def __init__(
        self, database: Database, replica: Replica, *, lease_seconds: float, lost: Callable[[], Awaitable[None]]
    ) -> None:
        self._database = database
        self._replica = replica
        self._lease_seconds = lease_seconds
        self._lost = lost
        self._held_until = 0.0

    async def begin(self) -> None:
        """Begin to live. Raises Unavailable."""
        asked_at = time.monotonic()
        await leases.register(self._database, self._replica.id, self._lease_seconds)
        self._held_until = asked_at + self._lease_seconds

    async def run(self) -> None:
        """Live on, for ever."""
        while True:
            await asyncio.sleep(self._lease_seconds / 3)
            if not await self._renewed():
                _log.warning("replica %s could not renew its leases in time and begins anew", self._replica.id)
                await self._lost()
                self._replica.renew_identity()
                await persist(self.begin)

    async def _renewed(self) -> bool:
        """Renew, and try again for as long as the last renewal holds."""
        while (left := self._held_until - time.monotonic()) > 0:
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(left):
                    renewed = await leases.renew(self._database, self._replica.id, self._lease_seconds)
            except (Unavailable, TimeoutError):
                await asyncio.sleep(min(0.2, self._lease_seconds / 10))
            else:
                self._held_until = asked_at + self._lease_seconds
                return renewed
        return False


class Pulse:
    """Looks for queued tasks, dead replicas and the operator's pause, in one statement."""

    def __init__(
        self,
        database: Database,
        gate: Gate,
        *,
        queued: Callable[[], None],
        died: Callable[[], Awaitable[bool]],
        seconds: float = _PULSE_SECONDS,
    ) -> None:
        """`died` deals with what dead replicas leave, and says whether it could."""
        self._database = database
        self._gate = gate
        self._queued = queued
        self._died = died
        self._seconds = seconds
        self._dead_count = 0
        self.queued_count = 0
        """Tasks that were queued when last looked."""

    async def run(self) -> None:
        """Look for ever."""
        while True:
            try:
                await self.look()
            except Fault as fault:  # the next pulse looks again
                if not passes(fault):
                    raise
            await asyncio.sleep(self._seconds)

    async def look(self) -> None:
        """Look once. Raises Unavailable."""
        told_count = self._gate.told_count
        found = await leases.pulse(self._database)
        if self._gate.told_count == told_count:  # else what was read may be older than what the operator said meanwhile
            self._gate.maintain(Maintenance(found.paused, found.retry_after_seconds))
        self.queued_count = found.queued_count
        if found.queued_count:
            self._queued()
        if found.dead_count != self._dead_count and await self._died():
            self._dead_count = found.dead_count
