"""Retention forgets images whose time is over, and removes bytes that nothing refers to any more, in the same round."""

import asyncio
import contextlib
import datetime

from gallery.images import RENDITION_SIDES, rendition_key
from gallery.store import Store
from servicekit.faults import Unavailable
from servicekit.objects import Objects, ObjectsError

_BATCH = 200
_ERASED_KEEP = datetime.timedelta(days=1)


class Retention:
    """Runs rounds until cancelled; each replica may, rows being worked on by another are skipped."""

    def __init__(self, store: Store, objects: Objects, *, pause_seconds: float, unused_grace_seconds: float) -> None:
        self._store = store
        self._objects = objects
        self._pause_seconds = pause_seconds
        self._unused_grace = datetime.timedelta(seconds=unused_grace_seconds)

    async def run(self) -> None:
        """Run a round, wait, and so on; what fails in one is tried in the next."""
        while True:
            with contextlib.suppress(Unavailable, ObjectsError):
                await self.round(datetime.datetime.now(datetime.UTC))
            await asyncio.sleep(self._pause_seconds)

    async def round(self, now: datetime.datetime) -> None:
        """Forget everything that has expired by `now`, then erase what has been unused for the grace period."""
        while await self._store.forget_expired(now, limit=_BATCH) == _BATCH:
            pass
        while await self._store.erase_unused(self._unused_grace, self._erase, limit=_BATCH) == _BATCH:
            pass
        await self._store.drop_erased(now - _ERASED_KEEP)

    async def _erase(self, blob_key: str) -> None:
        for key in (blob_key, *(rendition_key(blob_key, name) for name in RENDITION_SIDES)):
            await self._objects.delete(key)
