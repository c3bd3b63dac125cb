"""What dead replicas leave behind is taken over, task by task, and done as the rules say."""

import logging
from collections.abc import Callable, Collection, Sequence

from generator import conclusions, lifecycle
from generator.costs import OWN_KEY, Bill, CostBook
from generator.keeping import picture_of
from generator.lifecycle import Recovery
from generator.orders import is_free
from generator.peers import Gallery
from generator.records import JobRecord, TaskRecord, TaskState, image_id_of
from generator.replica import Replica, new_token
from generator.router import Router
from generator.settlement import Settlement
from generator.steps import Steps, passes
from generator.store import leases, reads, tasks
from generator.store.jobs import Refusal
from generator.tickets import read_tickets
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.gallery.v1 import gallery_pb2 as gallery
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database
from servicekit.faults import Fault, to_proto

_BATCH = 100
_log = logging.getLogger(__name__)


class Recoverer:
    """Takes over from replicas whose time is over, itself under another id included."""

    def __init__(
        self,
        database: Database,
        steps: Steps,
        router: Router,
        settlement: Settlement,
        images: Gallery,
        replica: Replica,
        costs: CostBook,
        *,
        pricing: conclusions.Pricing,
        requeued: Callable[[], None],
        resumed: Callable[[JobRecord, TaskRecord], object],
    ) -> None:
        """`requeued` is told that something is queued, `resumed` which task is to be worked on here."""
        self._costs = costs
        self._pricing = pricing
        self._database = database
        self._steps = steps
        self._router = router
        self._settlement = settlement
        self._images = images
        self._replica = replica
        self._requeued = requeued
        self._resumed = resumed

    async def recover(self, strays: Sequence[tuple[str, int]] = ()) -> bool:
        """Take over and deal with all that is dead, and the `strays` among our own leases.

        False where this replica's own time is over: it must begin anew before it takes over, from itself too. Raises Unavailable;
        what was taken over until then is a stray of ours.
        """
        replica = self._replica.id
        if not await leases.is_alive(self._database, replica):
            return False
        while True:
            taken = await leases.take_over(self._database, replica, new_token(), _BATCH, strays)
            jobs = await reads.jobs(self._database, [job_id for job_id, _ in taken], replica=replica)
            for job_id, job in jobs.items():
                await self._recover_or_leave(job, [index for taken_id, index in taken if taken_id == job_id])
            strays = ()
            if len(taken) < _BATCH:
                return True

    async def _recover_or_leave(self, job: JobRecord, indexes: Sequence[int]) -> None:
        """One job that cannot be dealt with is a stray of ours, and keeps no other from being dealt with."""
        try:
            await self._recover(job, indexes)
        except Fault as fault:
            if passes(fault):
                raise
            _log.error("%s could not be recovered, which is tried again: %r", job.id, fault)

    async def _recover(self, job: JobRecord, indexes: Sequence[int]) -> None:
        for index in indexes:
            task = job.tasks[index]
            can_ask = self._router.finder(task.provider) is not None
            rule = lifecycle.recovery(job, task, free_to_repeat=is_free(self._router, task), can_ask=can_ask)
            if rule is not Recovery.SETTLE:
                _log.warning("task %s in %s is recovered: %s", task.id, pb.Task.State.Name(task.state), rule.value)
            if rule is Recovery.REFUSE:
                await self._refuse(job, task)
                return
            await self._apply(job, task, rule)
        # Read after our own write: of two replicas that end a job's last two tasks, the later one sees both ended.
        now = await reads.job(self._database, job.id)
        if now is not None and now.tasks_ended and not now.ended:
            await self._settlement.complete(now)

    async def _apply(self, job: JobRecord, task: TaskRecord, rule: Recovery) -> None:
        match rule:
            case Recovery.REQUEUE:
                await self._requeue(task, pb.Task.STATE_QUEUED, attempts=0)
            case Recovery.COLLECT:
                # Collecting is another attempt: a result that kills its worker must not do so for ever.
                await self._requeue(task, task.state, attempts=1)
            case Recovery.RECONCILE:
                self._resumed(job, task)
            case Recovery.SETTLE:
                return
            case _:
                await self._fail(job, task, rule)

    async def _requeue(self, task: TaskRecord, state: TaskState.ValueType, *, attempts: int) -> None:
        await tasks.requeue(self._database, task.job_id, task.index, _token(task), state=state, attempts=attempts)
        self._requeued()

    async def _fail(self, job: JobRecord, task: TaskRecord, rule: Recovery) -> None:
        wanted = job.purchase.draws[task.index].n
        kept = await self._kept(job, task, wanted)
        fault = lifecycle.recovery_fault(rule, task.provider)
        ended = conclusions.recovered(
            job, task, list(kept.values()), None if len(kept) == wanted else fault, pricing=self._pricing
        )
        bills = [] if rule is Recovery.FAIL_SECRET else self._bills(job, task, kept)
        await self._steps.conclude.submit(conclusions.conclusion(job, ended, _token(task), bills))

    def _bills(self, job: JobRecord, task: TaskRecord, kept: Collection[int]) -> list[Bill]:
        """What its dead worker had ordered: by its tickets, and the rest as one order; all of it may have been sold."""
        ticketed = [ticket.positions for ticket in read_tickets(task.tickets)]
        named = {position for positions in ticketed for position in positions}
        rest = tuple(position for position in range(job.purchase.draws[task.index].n) if position not in named)
        return [self._bill(job, task, positions, kept) for positions in (*ticketed, rest) if positions]

    def _bill(self, job: JobRecord, task: TaskRecord, positions: tuple[int, ...], kept: Collection[int]) -> Bill:
        draw, count = job.purchase.draws[task.index], len(positions)
        cost = self._costs.expected(task.provider, task.upstream_model, draw, quality=draw.quality, count=count)
        return Bill(
            task.attempt_count,
            positions,
            task.provider,
            task.upstream_model,
            OWN_KEY if task.billed_to_owner else cost,
            count,
            sum(position in kept for position in positions),
            is_free=is_free(self._router, task),
        )

    async def _kept(self, job: JobRecord, task: TaskRecord, wanted: int) -> dict[int, pb.Picture]:
        """The pictures that its dead worker had put and written down before it could say so: found by their derived ids."""
        if task.state == pb.Task.STATE_QUEUED:
            return {}
        found = {}
        for position in range(wanted):
            try:
                image = await self._images.image(job.account_id, image_id_of(task, position))
            except Fault as fault:
                if fault.reason != reasons.REASON_NOT_FOUND:
                    raise
            else:
                if image.state == gallery.Image.STATE_KEPT:
                    found[position] = picture_of(image, seed=None)
        return found

    async def _refuse(self, job: JobRecord, task: TaskRecord) -> None:
        fault = lifecycle.recovery_fault(Recovery.REFUSE, "")
        if await self._steps.refuse.submit(Refusal(job.id, _token(task), to_proto(fault), settled=False)):
            await self._settlement.release(job.id, job.account_id)


def _token(task: TaskRecord) -> int:
    assert task.lease_token is not None, "it was just taken over"
    return task.lease_token
