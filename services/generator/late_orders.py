"""What a vendor draws after its task has ended is fetched nevertheless: it is paid, and put onto the task, uncharged.

A run that was under way at its job's deadline goes on for a while by itself (worker.py); this looks after the rest: tasks whose
run has stopped since, or died, or that ended in doubt, as long as a vendor has their orders by name.
"""

import asyncio
import logging
import random
from dataclasses import replace

from generator import conclusions
from generator.drawing import Drawing
from generator.records import JobRecord, TaskRecord, image_id_of
from generator.replica import Replica, new_token
from generator.runs import Run
from generator.steps import passes, persist
from generator.store import late, reads, tasks
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database
from servicekit.faults import Fault

_BATCH = 16
_LOOK_SECONDS = 15.0
"""How long one look waits for a vendor that is not done."""
_log = logging.getLogger(__name__)


class LateOrders:
    """Looks in rounds; several replicas may do so side by side, for each task is leased to one of them."""

    def __init__(self, database: Database, drawing: Drawing, replica: Replica, *, pause_seconds: float) -> None:
        self._database = database
        self._drawing = drawing
        self._replica = replica
        self._pause_seconds = pause_seconds

    async def run(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(self._pause_seconds * random.uniform(0.8, 1.2))  # noqa: S311 - spreads rounds, guards nothing
            try:
                await self.look()
            except Fault as fault:  # the next round finds it again
                if not passes(fault):
                    _log.error("a round that looked for late pictures broke off: %r", fault)

    async def look(self) -> None:
        """Look once. Raises Unavailable."""
        await late.forget_over(self._database)
        again_seconds = _LOOK_SECONDS + self._pause_seconds
        due = await late.claim(self._database, self._replica.id, new_token(), _BATCH, again_seconds)
        jobs = await reads.jobs(self._database, [job_id for job_id, _ in due], replica=self._replica.id)
        await asyncio.gather(*(self._look_after(jobs[job_id], jobs[job_id].tasks[index]) for job_id, index in due))

    async def _look_after(self, job: JobRecord, task: TaskRecord) -> None:
        try:
            await self._collected(job, task)
        except Exception:  # noqa: BLE001 - the boundary of a look: one task keeps no other from being looked after
            _log.exception("the late orders of %s could not be looked after", task.id)

    async def _collected(self, job: JobRecord, task: TaskRecord) -> None:
        assert task.result is not None, "an ended task has a result"
        run = Run(job, task, began=lambda _run, _intent: None)
        wanted = range(job.purchase.draws[task.index].n)
        known = {picture.image_id: picture for picture in task.result.pictures}
        ids = {position: image_id_of(task, position) for position in wanted}
        have = {position: known[image_id] for position, image_id in ids.items() if image_id in known}
        run.tickets = [ticket for ticket in run.tickets if not have.keys() >= set(ticket.positions)]
        if run.tickets:
            await self._drawing.collect(run, _LOOK_SECONDS)
        if run.gathered.pictures:
            await self._put(run, {**have, **run.gathered.pictures})
        if all(fault.reason != reasons.REASON_TIMEOUT for fault in run.gathered.faults.values()):
            await late.forget(self._database, task.job_id, task.index)

    async def _put(self, run: Run, pictures: dict[int, pb.Picture]) -> None:
        task = run.task
        _log.info("%d late pictures are put onto %s", len(run.gathered.pictures), task.id)
        result = conclusions.salvaged(task, pictures)
        await persist(lambda: tasks.salvage(self._database, task.job_id, task.index, run.lease_token, result))
        costs = conclusions.conclusion(run.job, replace(task, result=result), run.lease_token, run.gathered.bills)
        await persist(lambda: tasks.correct(self._database, costs))
