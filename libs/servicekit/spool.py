"""The spool keeps bytes that are already paid for on the local disk, until the object store takes them again."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote, unquote

from servicekit import durable
from servicekit.direct import Buffer
from servicekit.objects import Objects, StoreUnavailable

_SCRATCH = ".incoming"
_ABANDONED_AFTER_SECONDS = 3600.0


class SpoolFull(Exception):
    """The spool holds its limit of bytes, or its disk is full or broken."""


class Spool:
    """Files of one local directory, each the bytes of one object key, kept over restarts of this replica.

    The directory belongs to one process; another replica cannot deliver what lies in it.
    """

    def __init__(self, directory: Path, objects: Objects, *, max_bytes: int = 4 << 30) -> None:
        self._directory = directory
        self._objects = objects
        self._max_bytes = max_bytes
        self._scratch = directory / _SCRATCH
        durable.make_directory(self._scratch)
        durable.sweep(self._scratch, older_than=time.time() - _ABANDONED_AFTER_SECONDS)
        waiting = sorted((file.stat().st_mtime_ns, file) for file in directory.iterdir() if file.is_file())
        self._sizes = {unquote(file.name): file.stat().st_size for _, file in waiting}
        self._delivering = asyncio.Lock()

    @property
    def keys(self) -> tuple[str, ...]:
        """The object keys that wait, in the order in which they came."""
        return tuple(self._sizes)

    @property
    def size_bytes(self) -> int:
        """The sum of the bytes that wait."""
        return sum(self._sizes.values())

    async def keep(self, key: str, buffers: Sequence[Buffer]) -> None:
        """Hold ``buffers`` durably until the store takes them under ``key``; the same key twice is kept once.

        Raises SpoolFull.
        """
        size_bytes = sum(len(buffer) for buffer in buffers)
        if key not in self._sizes and self.size_bytes + size_bytes > self._max_bytes:
            raise SpoolFull(f"the spool holds {self.size_bytes} of at most {self._max_bytes} bytes")
        try:
            await asyncio.to_thread(durable.create, self._file(key), buffers, scratch=self._scratch)
        except OSError as failure:
            raise SpoolFull(f"cannot spool below {self._directory}: {failure.strerror}") from failure
        if self._file(key).exists():  # else it was there before, and has just been delivered
            self._sizes.setdefault(key, size_bytes)

    async def deliver(self) -> int:
        """Put what waits into the store and forget it here; return how many objects; raises StoreUnavailable.

        Put again after a crash, an object that the store has already is simply forgotten here.
        """
        delivered = 0
        async with self._delivering:
            for key in self.keys:
                await self._objects.put_new(key, [await asyncio.to_thread(self._file(key).read_bytes)])
                self._file(key).unlink()
                self._sizes.pop(key)
                delivered += 1
        return delivered

    async def run(self, *, pause_seconds: float = 5.0) -> None:
        """Deliver for ever, trying again after ``pause_seconds``; ends when it is cancelled."""
        while True:
            with suppress(StoreUnavailable):  # still away: what waits is safe, and is tried again
                await self.deliver()
            await asyncio.sleep(pause_seconds)

    def _file(self, key: str) -> Path:
        return self._directory / quote(key, safe="")
