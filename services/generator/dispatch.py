"""A held job is taken on: what fits runs here at once, the rest is queued for any replica, and claimed fairly by all."""

import asyncio
import itertools

from generator.records import JobRecord
from generator.replica import Replica, new_token
from generator.settlement import Live
from generator.steps import Steps, passes, persist
from generator.store import leases, reads
from generator.store.jobs import Acceptance
from generator.watches import Watches
from generator.worker import Worker
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database
from servicekit.faults import Fault, Unavailable

_PATIENCE_SECONDS = 0.05
"""How long a job may wait for its provider before it is answered for as queued."""
_DIRECT_TASKS = 8
"""Tasks of one job that run here at once; the rest takes turns with other accounts' tasks in the queue."""

_REMEMBERED_ACCOUNTS = 1000


class Dispatch:
    """Hands tasks to the worker: from admission directly, from the queue as there is room."""

    def __init__(
        self, *, database: Database, steps: Steps, worker: Worker, watches: Watches, live: Live, replica: Replica
    ) -> None:
        self._database = database
        self._steps = steps
        self._worker = worker
        self._watches = watches
        self._live = live
        self._replica = replica
        self._wake = asyncio.Event()
        self._closed = False
        self._turns = itertools.count(1)
        self._served: dict[str, int] = {}
        self._may_be_queued = True
        worker.roomier = self._roomier

    def wake(self) -> None:
        """Something may be queued."""
        self._may_be_queued = True
        self._wake.set()

    def _roomier(self) -> None:
        """A run has ended: its room is of use only where the last claim left something behind."""
        if self._may_be_queued:
            self._wake.set()

    def close(self) -> None:
        """Claim nothing any more."""
        self._closed = True

    async def accept(self, job: JobRecord, watch_id: str) -> JobRecord:
        """Take on a job whose hold stands, and return it once it is durable that it will run; the watch is told how it fares.

        Raises Unavailable where that cannot be made durable now: then nothing of it runs.
        """
        self._live[job.id] = job
        if watch_id:
            self._watches.add(watch_id, (job.id,))
        try:
            if len(job.tasks) == 1 and (self._worker.room or job.tasks[0].holds_secret):
                return await self._run_at_once(job)
            return await self._run_in_turn(job)
        except Fault:
            self._live.pop(job.id, None)
            if watch_id:
                self._watches.drop(watch_id, (job.id,))
            raise

    async def _run_in_turn(self, job: JobRecord) -> JobRecord:
        room = min(self._worker.room, _DIRECT_TASKS)
        direct = [task for task in job.tasks if task.index < room or task.holds_secret]
        queued = tuple(task.index for task in job.tasks if task not in direct)
        if not await self._steps.accept.submit(Acceptance(job.id, _token(job), job.available_micros, queued)):
            raise Unavailable("generator")
        job = self._live[job.id] = job.accepted(queued)
        for task in direct:
            self._worker.launch(job, task)
        if queued:
            self.wake()
            await self._tell_others()
        if not direct:
            self._live.pop(job.id, None)
            self._watches.look_elsewhere()
        return job

    async def claim(self) -> None:
        """Claim what is queued whenever there is room and reason; for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                while not self._closed and (room := self._worker.room):
                    self._may_be_queued = False
                    if await self._claim(room) < room:
                        break
                    self._may_be_queued = True
            except Fault as fault:  # the pulse wakes again while anything is queued
                if not passes(fault):
                    raise

    async def _claim(self, room: int) -> int:
        replica = self._replica.id
        claimed = await leases.claim(self._database, replica, new_token(), room, self._served)
        if not claimed:
            return 0
        job_ids = [task.job_id for task in claimed]
        jobs = await persist(lambda: reads.jobs(self._database, job_ids, replica=replica))
        for task in claimed:
            self._note_served(task.account_id)
            self._worker.launch(jobs[task.job_id], jobs[task.job_id].tasks[task.index])
        return len(claimed)

    def _note_served(self, account_id: str) -> None:
        self._served.pop(account_id, None)
        self._served[account_id] = next(self._turns)
        if len(self._served) > _REMEMBERED_ACCOUNTS:
            del self._served[next(iter(self._served))]

    async def _run_at_once(self, job: JobRecord) -> JobRecord:
        """One write makes it both accepted and begun, unless its provider is busy for longer than the caller should wait."""
        run = self._worker.launch(job, job.tasks[0])
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await run.answerable.wait()
        except TimeoutError:
            try:
                accepted = await self._steps.accept.submit(Acceptance(job.id, _token(job), job.available_micros, ()))
            except Fault:
                if not run.answerable.is_set():
                    await self._worker.abandon(run)
                    raise
                accepted = False
            if accepted and not run.answerable.is_set():
                run.job = self._live[job.id] = run.job.accepted()
                run.answerable.set()
            await run.answerable.wait()
        if run.lost or run.job.state == pb.Job.STATE_ADMITTING:  # stopped before anything of it was durable
            raise Unavailable("generator")
        return run.job

    async def _tell_others(self) -> None:
        try:
            await leases.wake_others(self._database)
        except Unavailable:  # their pulse finds it
            return


def _token(job: JobRecord) -> int:
    token = job.tasks[0].lease_token
    assert token is not None, "a job is written by who leases it"
    return token
