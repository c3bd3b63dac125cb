"""What orders take is counted here as they deliver, shared with the other replicas each minute, and told of the last 24 hours.

A sample is a task that one order, or several side by side, delivered. What another process had ordered, before it died or handed
over, is none: how long that took is not known. A replica that dies loses the samples of a minute.
"""

import asyncio
import contextlib
from collections.abc import Collection
from datetime import timedelta

from generator.runs import Run
from generator.store import measurements
from generator.store.measurements import Measured, Slot
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database
from servicekit.faults import Unavailable

_EXCHANGE_SECONDS = 60.0
_SLOT_MINUTES = 10


class Measurements:
    """Counts orders of the public models; an account's own models are not among them."""

    def __init__(self, database: Database, models: Collection[str]) -> None:
        self._database = database
        self._models = frozenset(models)
        self._fresh: dict[Slot, Measured] = {}
        self._known: dict[str, Measured] = {}

    def delivered(self, run: Run) -> None:
        """Count a run whose task is kept."""
        begun_at, kept_at, model = run.begun_at, run.task.ended_at, run.draw.model
        if begun_at is None or kept_at is None or model not in self._models:
            return
        into_slot = timedelta(
            minutes=kept_at.minute % _SLOT_MINUTES, seconds=kept_at.second, microseconds=kept_at.microsecond
        )
        took, waited = kept_at - begun_at, begun_at - run.job.created_at
        # Clocks of two replicas may differ where one admitted and the other drew.
        one = Measured(1, max(took.total_seconds(), 0.0), max(waited.total_seconds(), 0.0))
        slot = (kept_at - into_slot, model)
        self._fresh[slot] = one.plus(self._fresh.get(slot, Measured()))

    def performance(self, model: str) -> pb.Model.Performance:
        """What is known of a model: of all replicas as of the last exchange, and of this one until now."""
        known = self._known.get(model, Measured())
        for (_, name), measured in self._fresh.items():
            if name == model:
                known = known.plus(measured)
        if not known.samples:
            return pb.Model.Performance()
        return pb.Model.Performance(
            samples=known.samples,
            average_seconds=known.seconds / known.samples,
            queue_seconds=known.queue_seconds / known.samples,
        )

    async def exchange(self) -> None:
        """Share what was measured here, and learn what others measured. Raises Unavailable: then the next one shares it."""
        sent, self._fresh = self._fresh, {}
        try:
            self._known = await measurements.exchange(self._database, sent)
        except Unavailable:
            for slot, measured in sent.items():
                self._fresh[slot] = measured.plus(self._fresh.get(slot, Measured()))
            raise

    async def run(self) -> None:
        """Exchange for ever."""
        while True:
            with contextlib.suppress(Unavailable):
                await self.exchange()
            await asyncio.sleep(_EXCHANGE_SECONDS)
