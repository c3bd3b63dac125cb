"""Picture bytes in flight are bounded for the whole process: who needs more than there is waits in line, and nobody for ever.

The one that has held bytes longest is always given more, even past the bound: so tasks that each hold a part of what they need
cannot wait for one another. The excess is at most what one task needs.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator


class PictureMemory:
    """The bound; `reserved` lends one task its part of it."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._used_bytes = 0
        self._holders: dict[Reservation, None] = {}
        self._waiting: deque[tuple[Reservation, int, asyncio.Future[None]]] = deque()

    @property
    def used_bytes(self) -> int:
        """What is reserved now."""
        return self._used_bytes

    @contextlib.contextmanager
    def reserved(self) -> "Iterator[Reservation]":
        """Lend a reservation that is empty at first; all of it comes back at the end of the block."""
        reservation = Reservation(self)
        try:
            yield reservation
        finally:
            reservation.release(reservation.byte_count)

    async def take(self, reservation: "Reservation", byte_count: int) -> None:
        """Give bytes to a reservation, in the order in which they were asked for."""
        if not self._waiting and self._fits(reservation, byte_count):
            self._give(reservation, byte_count)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (reservation, byte_count, turn)
        self._waiting.append(entry)
        self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                reservation.release(byte_count)
            elif entry in self._waiting:
                self._waiting.remove(entry)
                self._serve()
            raise

    def give_back(self, reservation: "Reservation", byte_count: int) -> None:
        """Take bytes back and serve who waits."""
        self._used_bytes -= byte_count
        reservation.byte_count -= byte_count
        if reservation.byte_count == 0:
            self._holders.pop(reservation, None)
        self._serve()

    def _fits(self, reservation: "Reservation", byte_count: int) -> bool:
        oldest = next(iter(self._holders), reservation)
        return self._used_bytes + byte_count <= self._limit_bytes or oldest is reservation

    def _give(self, reservation: "Reservation", byte_count: int) -> None:
        self._used_bytes += byte_count
        reservation.byte_count += byte_count
        self._holders.setdefault(reservation)

    def _serve(self) -> None:
        for entry in list(self._waiting):
            reservation, byte_count, turn = entry
            first = entry is self._waiting[0]
            oldest = next(iter(self._holders), reservation) is reservation
            if (first and self._fits(reservation, byte_count)) or oldest:
                self._waiting.remove(entry)
                if not turn.done():
                    self._give(reservation, byte_count)
                    turn.set_result(None)


class Reservation:
    """One task's part of the process's memory; a provider's `Memory`."""

    def __init__(self, memory: PictureMemory) -> None:
        self._memory = memory
        self.byte_count = 0

    async def reserve(self, byte_count: int) -> None:
        """Wait until so many more bytes may be held."""
        await self._memory.take(self, byte_count)

    def release(self, byte_count: int) -> None:
        """Give so many bytes back before the task ends."""
        if byte_count := min(byte_count, self.byte_count):
            self._memory.give_back(self, byte_count)

    def portion(self) -> "Portion":
        """A part of it that is given back on its own."""
        return Portion(self)


class Portion:
    """What one step of a task holds; a provider's `Memory`. The task stays the holder: its portions wait for no other's."""

    def __init__(self, reservation: Reservation) -> None:
        self._reservation = reservation
        self._byte_count = 0

    async def reserve(self, byte_count: int) -> None:
        """Wait until so many more bytes may be held."""
        await self._reservation.reserve(byte_count)
        self._byte_count += byte_count

    def release(self, byte_count: int) -> None:
        """Give so many bytes back."""
        byte_count = min(byte_count, self._byte_count)
        self._byte_count -= byte_count
        self._reservation.release(byte_count)

    def give_back(self) -> None:
        """Give all of it back."""
        self.release(self._byte_count)
