"""The sweeper finds what fell through: holds past their review, tasks past their deadline, leases that nobody works under; and what
was only of use while its task ran.

Nobody expires a hold by the clock: each is resolved by its job.
"""

import asyncio
import logging
import random
from datetime import UTC, datetime

from generator.partials import Partials
from generator.peers import Billing
from generator.records import JobRecord, task_id_of
from generator.recovery import Recoverer
from generator.replica import Replica, new_token
from generator.settlement import Settlement
from generator.steps import passes
from generator.store import leases, reads, tasks
from generator.store.tasks import Lease
from generator.worker import Worker
from gesso.billing.v1.billing_pb2 import Hold
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database
from servicekit.faults import Fault
from servicekit.ids import AccountId

_BATCH = 200
_log = logging.getLogger(__name__)


class Sweeper:
    """Sweeps in rounds; several replicas may do so side by side, for every step can be taken twice."""

    def __init__(
        self,
        *,
        database: Database,
        billing: Billing,
        settlement: Settlement,
        recoverer: Recoverer,
        worker: Worker,
        partials: Partials,
        replica: Replica,
        seconds: float,
    ) -> None:
        self._database = database
        self._billing = billing
        self._settlement = settlement
        self._recoverer = recoverer
        self._worker = worker
        self._partials = partials
        self._replica = replica
        self._seconds = seconds
        self._idle: set[tuple[str, int]] = set()

    async def run(self) -> None:
        """Sweep for ever."""
        while True:
            await asyncio.sleep(self._seconds * random.uniform(0.8, 1.2))  # noqa: S311 - replicas need not sweep in step
            try:
                await self.sweep()
            except Fault as fault:  # the next round finds it again
                if not passes(fault):
                    _log.error("a round of the sweeper broke off: %r", fault)

    async def sweep(self) -> None:
        """Sweep once. Raises Unavailable."""
        await self._recoverer.recover(await self._strays())
        await leases.forget_dead(self._database)
        await self._time_out()
        await self._review()
        await self._partials.erase()

    async def _strays(self) -> list[tuple[str, int]]:
        """Our leases under which nothing was done in this round and the last: what claimed them broke off half-way."""
        held = await leases.held(self._database, self._replica.id)
        idle = {
            (job_id, index)
            for job_id, index in held
            if not self._worker.is_running(task_id_of(job_id, index))
            and not self._worker.is_live(job_id)
            and not self._settlement.is_owed(job_id)
        }
        strays, self._idle = sorted(idle & self._idle), idle
        return strays

    async def _time_out(self) -> None:
        fault = reasons.Fault(reason=reasons.REASON_TIMEOUT, message="The job was not begun before its deadline.")
        lease = Lease(self._replica.id, new_token())
        late = await tasks.time_out_queued(self._database, lease, pb.Task(fault=fault), datetime.now(UTC), _BATCH)
        for job in (await reads.jobs(self._database, late)).values():
            await self._complete(job)

    async def _review(self) -> None:
        async for hold in self._billing.holds_for_review(datetime.now(UTC)):
            await self._resolve(hold)

    async def _resolve(self, hold: Hold) -> None:
        """A hold without a job, or of a refused one, is released; one of an ended job is settled; others have their worker."""
        job = await reads.job(self._database, hold.job_id)
        if job is None or job.state == pb.Job.STATE_REFUSED:
            await self._settlement.release(hold.job_id, AccountId(hold.account_id))
        elif job.ended:
            await self._settlement.settle_again(job)
        else:
            await self._complete(job)

    async def _complete(self, job: JobRecord) -> None:
        if job.tasks_ended and not job.ended:
            await self._settlement.complete(job)
