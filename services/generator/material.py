"""What an order is made of is at hand only while it is being sent: who waits for a turn or for pictures holds no bytes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from generator.inputs import Inputs
from generator.memory import Reservation
from generator.records import JobRecord
from gesso.generator.v1 import generator_pb2 as pb


@dataclass(frozen=True, slots=True)
class Pictures:
    """A task's inputs in order, and its mask, white where it is repainted."""

    inputs: Sequence[bytes] = ()
    mask: bytes | None = None


NOTHING = Pictures()


class Material:
    """A task's input pictures, read once for all orders that are sent side by side."""

    def __init__(self, inputs: Inputs, job: JobRecord, draw: pb.Draw, memory: Reservation) -> None:
        self._inputs = inputs
        self._job = job
        self._draw = draw
        self._memory = memory.portion()
        self._reading = asyncio.Lock()
        self._user_count = 0
        self._read: Pictures | None = None

    @asynccontextmanager
    async def at_hand(self) -> AsyncIterator[Pictures]:
        """The pictures, for the length of the block. Raises as `Inputs.read` does."""
        if not (self._draw.input_image_ids or self._draw.mask_image_id):
            yield NOTHING
            return
        self._user_count += 1
        try:
            yield await self._pictures()
        finally:
            self._user_count -= 1
            if not self._user_count:
                self._read = None
                self._memory.give_back()

    async def _pictures(self) -> Pictures:
        async with self._reading:
            if self._read is None:
                job = self._job
                read = await self._inputs.read(job.account_id, job.purchase.dialect, self._draw, self._memory)
                self._read = Pictures(*read)
            return self._read
