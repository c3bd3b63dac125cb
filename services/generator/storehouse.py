"""Where pictures are put: the object store, and the local spool while it is away; and whether it is."""

import asyncio
import time
from collections.abc import Sequence

from pictures.facts import Buffer
from servicekit.faults import Unavailable
from servicekit.objects import Objects, StoreUnavailable
from servicekit.spool import Spool, SpoolFull

_COMPONENT = "object store"
_PROBE_SECONDS = 1.0
_IDLE_SECONDS = 15.0


class Storehouse:
    """Keeps bytes that are paid for, whether or not the object store is there; new purchases wait until it is."""

    def __init__(self, objects: Objects, spool: Spool) -> None:
        self._objects = objects
        self._spool = spool
        self._away = False
        self._last_seen_at = 0.0

    def check(self) -> None:
        """Raise Unavailable while the object store takes nothing."""
        if self._away:
            raise Unavailable(_COMPONENT)

    async def put(self, key: str, buffers: Sequence[Buffer]) -> None:
        """Put bytes into the store, or keep them here until it takes them. Raises Unavailable where neither can be done."""
        try:
            await self._objects.put_new(key, buffers)
        except StoreUnavailable:
            self._away = True
            await self._keep_here(key, buffers)
        else:
            self._away = False
            self._last_seen_at = time.monotonic()

    async def probe(self) -> None:
        """Find out whether the store is there, for ever: each second while it is away, seldom while puts say that it is there."""
        while True:
            if self._away or time.monotonic() - self._last_seen_at >= _IDLE_SECONDS:
                await self._look()
            await asyncio.sleep(_PROBE_SECONDS)

    async def _look(self) -> None:
        try:
            await self._objects.check()
        except StoreUnavailable:
            self._away = True
        else:
            self._away = False
            self._last_seen_at = time.monotonic()

    async def _keep_here(self, key: str, buffers: Sequence[Buffer]) -> None:
        try:
            await self._spool.keep(key, buffers)
        except SpoolFull as full:
            raise Unavailable(_COMPONENT) from full
