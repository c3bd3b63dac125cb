"""Steps 7 and 8: what a job's tasks owe is captured, the rest released, and the job ends with its event.

A job whose purchase is captured at the start is captured whole as soon as one of its tasks begins, and again at its end, which is
the same settlement: so no crash in between leaves it uncaptured. What it then does not owe is refunded under an id of the job's.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from generator import lifecycle, views
from generator.peers import Billing
from generator.peers import Settlement as Capture
from generator.records import JobRecord, hold_id_of
from generator.steps import Steps, passes, until_done
from generator.store import jobs as job_statements
from generator.store.jobs import Ending
from generator.watches import Watches
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.crashpoints import crashpoint
from servicekit.database import Database
from servicekit.faults import Fault
from servicekit.ids import AccountId, derived_id

_AGAIN_SECONDS = 1.0
_VERDICTS = frozenset({reasons.REASON_CONFLICT, reasons.REASON_NOT_FOUND, reasons.REASON_INVALID_FIELD})
"""What billing decided, and will decide again; all else says that it did not come to decide."""
_REFUND_CAUSE = "Captured at the start, not delivered, and not by the customer's or the upstream's fault."
_log = logging.getLogger(__name__)

Live = dict[str, JobRecord]
"""The jobs of which some task runs in this process, as they stand."""
EventWriter = Callable[[JobRecord], bytes]
"""Words the event of an ended job, serialized; empty where nobody asked for one."""


class Settlement:
    """Ends jobs. What billing cannot do now it does later; whoever waits for the pictures of a whole job is told at once."""

    def __init__(
        self,
        database: Database,
        steps: Steps,
        billing: Billing,
        watches: Watches,
        live: Live,
        *,
        event: EventWriter,
        wake_outbox: Callable[[], None],
    ) -> None:
        self._database = database
        self._steps = steps
        self._billing = billing
        self._watches = watches
        self._live = live
        self._event = event
        self._wake_outbox = wake_outbox
        self._owed: dict[str, JobRecord] = {}
        self._unreleased: dict[str, AccountId] = {}
        self._uncaptured: dict[str, JobRecord] = {}
        self._busy: set[str] = set()
        self._following: set[asyncio.Task[None]] = set()

    async def complete(self, job: JobRecord) -> JobRecord:
        """Settle and end a job whose tasks have all ended, and return it so; called twice, by whomever, it happens once."""
        assert job.tasks_ended, "what is owed is known when the last task has ended"
        if job.id in self._busy:
            return job
        self._busy.add(job.id)
        try:
            ended = await self._settled(job)
            self._watches.publish(job)  # who waits for a hold to be free need not wait for more
            await self._finish(ended)
        except Fault as fault:
            if not passes(fault):
                _log.error("%s could not be settled, which is tried again: %r", job.id, fault)
            self._owed[job.id] = job
            ended = job
        else:
            self._owed.pop(job.id, None)
            self._uncaptured.pop(job.id, None)
        finally:
            self._busy.discard(job.id)
        self._live.pop(job.id, None)
        self._watches.publish(ended)
        return ended

    def follow(self, job: JobRecord) -> None:
        """Tell who waits that a job has ended, whose tasks all have, and let the ledger follow: what is owed is durable.

        Where something failed, what was held for it is free before that is told: nobody's balance may look charged for it.
        """
        self._live[job.id] = job
        if lifecycle.outcome(job) == pb.Job.STATE_SUCCEEDED:
            self._watches.publish(job)
        self._meanwhile(self._followed(job))

    def begun(self, job: JobRecord) -> None:
        """Capture the whole hold of a job that has begun, where its purchase says so: now, or as soon as billing can."""
        if job.captured_at_start:
            self._meanwhile(self._capture_start(job))

    async def drain(self, grace_seconds: float) -> None:
        """Let the ledger follow within the grace period; where it cannot, the next process does it."""
        if self._following:
            await asyncio.wait(self._following, timeout=grace_seconds)

    async def settle_again(self, job: JobRecord) -> None:
        """Settle an ended job whose hold is open nevertheless: billing was restored from an older state, say."""
        await self._book(job)

    def is_owed(self, job_id: str) -> bool:
        """Whether a job's end is under way here, or waits for billing to be back."""
        return job_id in self._busy or job_id in self._owed

    async def release(self, job_id: str, account_id: AccountId) -> None:
        """Release the hold of a refused job, or leave the tombstone that stops a late one; later, if not now."""
        try:
            await self._billing.settle(Capture(hold_id=hold_id_of(job_id), account_id=account_id, job_id=job_id))
            await job_statements.mark_settled(self._database, [job_id])
        except Fault as fault:
            if fault.reason in _VERDICTS:
                _log.error("billing refused to release the hold of %s: %r", job_id, fault)
                self._unreleased.pop(job_id, None)
            else:
                self._unreleased[job_id] = account_id
        else:
            self._unreleased.pop(job_id, None)

    async def run(self) -> None:
        """Do for ever what could not be done at once."""
        while True:
            await asyncio.sleep(_AGAIN_SECONDS)
            if self._owed or self._unreleased or self._uncaptured:
                await asyncio.gather(
                    *(self._followed(job) for job in tuple(self._owed.values())),
                    *(self.release(job_id, account_id) for job_id, account_id in tuple(self._unreleased.items())),
                    *(self._capture_start(job) for job in tuple(self._uncaptured.values())),
                )

    def _meanwhile(self, work: Coroutine[Any, Any, None]) -> None:
        following = asyncio.create_task(work)
        self._following.add(following)
        following.add_done_callback(self._following.discard)

    async def _followed(self, job: JobRecord) -> None:
        try:
            await self.complete(job)
        except Exception:  # noqa: BLE001 - the boundary of a task of its own
            _log.exception("%s could not be settled in a way that was not foreseen", job.id)
            self._owed[job.id] = job
            self._watches.publish(job)

    async def _capture_start(self, job: JobRecord) -> None:
        self._uncaptured.pop(job.id, None)
        try:
            await self._billing.settle(_capture(job, job.hold_micros))
        except Fault as fault:
            if fault.reason in _VERDICTS:
                _log.error("billing refused to capture %s at its start: %r", job.id, fault)
            else:
                self._uncaptured[job.id] = job
        else:
            crashpoint("generator.after_start_capture")

    async def _book(self, job: JobRecord) -> None:
        """Capture what a job whose tasks have all ended owes, and give back what it was captured beyond that.

        Each happens once, whoever repeats it. Raises the fault of billing where it did not come to decide.
        """
        try:
            await self._billing.settle(_capture(job, job.capture_micros))
            crashpoint("generator.after_settle")
            if job.refund_micros:
                await self._billing.refund(
                    job.account_id,
                    job.hold_id,
                    job.refund_micros,
                    request_id=derived_id("refund", job.id),
                    cause=_REFUND_CAUSE,
                )
                crashpoint("generator.after_refund")
        except Fault as fault:
            if fault.reason not in _VERDICTS:
                raise
            # A breach of the ledger's rules, which `gesso ledger verify` reports: the job must not hang on it.
            _log.error("billing refused to settle %s at %d micros: %r", job.id, job.owed_micros, fault)

    async def _settled(self, job: JobRecord) -> JobRecord:
        await self._book(job)
        state = lifecycle.outcome(job)
        return replace(
            job,
            state=state,
            charge_micros=job.owed_micros,
            available_micros=job.available_in_the_end_micros,
            settled=True,
            fault=lifecycle.ending_fault(job, state),
            finished_at=views.last_end(job) or datetime.now(UTC),
            revision=job.revision + 1,
        )

    async def _finish(self, job: JobRecord) -> None:
        assert job.finished_at is not None, "a job that ends has a time"
        event = self._event(job)
        ending = Ending(
            job.id,
            job.state,
            job.charge_micros,
            job.available_micros,
            job.fault,
            job.finished_at,
            lifecycle.frees_key(job),
            event,
        )
        await until_done(self._steps.finish, ending)
        crashpoint("generator.after_finish_commit")
        if event:
            self._wake_outbox()


def _capture(job: JobRecord, amount_micros: int) -> Capture:
    return Capture(hold_id=job.hold_id, account_id=job.account_id, capture_micros=amount_micros, job_id=job.id)
