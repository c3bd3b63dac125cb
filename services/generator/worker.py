"""A worker runs tasks in its process's own task group, never inside a call: from the lease of each to what is owed for it.

What a run may still do is decided by its lease: every write bears its token, and a replica that cannot renew stops its runs.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from generator import conclusions, lifecycle
from generator.drawing import Drawing
from generator.kept_secrets import KeptSecrets
from generator.records import ORDERED_TASK_STATES, JobRecord, TaskRecord
from generator.runs import Run
from generator.settlement import Live, Settlement
from generator.steps import LeaseLost, Steps, persist, until_done
from generator.store import reads, tasks
from generator.store.jobs import Acceptance
from generator.store.tasks import Beginning, Conclusion
from generator.watches import Watches
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit import tracing
from servicekit.crashpoints import crashpoint
from servicekit.database import Database
from servicekit.faults import Fault, Internal

_log = logging.getLogger(__name__)
_KEEPING_PAUSE_SECONDS = 0.5


class Worker:
    """Runs leased tasks: at most `capacity` at a time, and beside them `waiting_capacity` that only wait for vendors' queues.

    `delivered` is called when one is kept, `roomier` when there is room for one more.
    """

    def __init__(
        self,
        *,
        database: Database,
        steps: Steps,
        drawing: Drawing,
        settlement: Settlement,
        watches: Watches,
        live: Live,
        secrets: KeptSecrets,
        retirement: conclusions.Retirement,
        pricing: conclusions.Pricing,
        delivered: Callable[[Run], None],
        span: Callable[[str], AbstractContextManager[None]],
        capacity: int,
        waiting_capacity: int,
        salvage_seconds: float,
        late_seconds: float,
    ) -> None:
        self._database = database
        self._steps = steps
        self._drawing = drawing
        self._settlement = settlement
        self._watches = watches
        self._live = live
        self._secrets = secrets
        self._retirement = retirement
        self._pricing = pricing
        self._delivered = delivered
        self._span = span
        self._capacity = capacity
        self._waiting_capacity = waiting_capacity
        self._salvage_seconds = salvage_seconds
        self._late_seconds = late_seconds
        self._runs: dict[str, Run] = {}
        self._waiting: set[str] = set()
        self._quieter = asyncio.Event()
        self.roomier: Callable[[], None] = lambda: None

    @property
    def room(self) -> int:
        """How many more tasks may run."""
        return max(self._capacity - self._busy_count, 0)

    @property
    def waiting(self) -> int:
        """How many tasks do nothing but wait for vendors' queues."""
        return len(self._waiting)

    @property
    def _busy_count(self) -> int:
        return len(self._runs) - min(len(self._waiting), self._waiting_capacity)

    @property
    def running(self) -> int:
        """How many tasks run."""
        return len(self._runs)

    def launch(self, job: JobRecord, task: TaskRecord) -> Run:
        """Begin to work on a leased task of a job as it was just read, written or claimed."""
        assert task.id not in self._runs, "a task runs once"
        job = self._live[job.id] = self._merged(job)
        run = self._runs[task.id] = Run(job, task, self._began, self._shown, self._rested)
        run.work = asyncio.create_task(self._work(run))
        self._settlement.begun(job)  # elsewhere perhaps, by a replica that died before it could capture
        return run

    async def abandon(self, run: Run) -> None:
        """Stop a run at once; what its task is to become is the caller's matter."""
        assert run.work is not None, "a run is launched"
        run.work.cancel()
        await asyncio.wait([run.work])

    def is_running(self, task_id: str) -> bool:
        """Whether a task is worked on here."""
        return task_id in self._runs

    def is_live(self, job_id: str) -> bool:
        """Whether some task of a job is worked on here, or it is being admitted."""
        return job_id in self._live

    async def drop(self, task_ids: Iterable[str]) -> None:
        """Stop the runs of tasks that were cancelled before they began."""
        for task_id in task_ids:
            run = self._runs.get(task_id)
            if run is not None:
                await self.abandon(run)

    async def drain(self, grace_seconds: float) -> None:
        """Let the runs end within the grace period; those that only wait for a vendor's queue are handed over as well at once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                while len(self._waiting) < len(self._runs):
                    self._quieter.clear()
                    await self._quieter.wait()

    async def stop(self) -> None:
        """Stop all runs: their leases are lost, or handed over next."""
        works = self._works()
        for work in works:
            work.cancel()
        if works:
            await asyncio.wait(works)
        self._live.clear()

    def _works(self) -> list["asyncio.Task[None]"]:
        return [work for run in self._runs.values() for work in (run.work, run.ending) if work is not None]

    async def _work(self, run: Run) -> None:
        left = (run.job.deadline_at - datetime.now(UTC)).total_seconds()
        timer = asyncio.get_running_loop().call_later(max(left, 0.0), self._deadline_passed, run)
        try:
            with tracing.extract(run.job.purchase.traceparent), self._span("generator.task"):
                await self._drawing.draw(run)
            if run.ending is None:
                await self._conclude(run)
            else:
                await run.ending
                await self._salvage(run)
        except LeaseLost:
            run.lost = True
        except Exception:  # noqa: BLE001 - the boundary of a run: a bug ends its task, not the process
            _log.exception("the run of %s failed in a way that was not foreseen", run.task.id)
            if run.ending is None:  # else it has its end, and what came late must not change that
                await self._fail(run, Internal())
        finally:
            timer.cancel()
            self._over(run)

    def _began(self, run: Run, intent: Beginning) -> None:
        task = replace(
            run.task,
            state=pb.Task.STATE_SUBMITTING,
            attempt_count=intent.number,
            provider=intent.provider,
            upstream_model=intent.upstream_model,
            revision=run.task.revision + 1,
        )
        run.begun_at = intent.started_at
        job = self._live.get(run.job.id, run.job)
        starts = job.state in (pb.Job.STATE_ADMITTING, pb.Job.STATE_QUEUED)
        if starts:
            job = replace(job, state=pb.Job.STATE_RUNNING, started_at=intent.started_at, revision=job.revision + 1)
        self._update(run, job, task)
        if starts:
            self._settlement.begun(run.job)
        run.answerable.set()

    def _shown(self, run: Run, picture: pb.Picture) -> None:
        if run.task.ended:  # while it was being shown
            return
        task = replace(run.task, partials=(*run.task.partials, picture), revision=run.task.revision + 1)
        self._update(run, self._live.get(run.job.id, run.job), task)
        self._watches.publish(run.job)

    def _rested(self, run: Run) -> None:
        busy_count = self._busy_count
        if run.rests:
            self._waiting.add(run.task.id)
            self._quieter.set()
        else:
            self._waiting.discard(run.task.id)
        if self._busy_count < busy_count:
            self.roomier()

    async def _conclude(self, run: Run) -> None:
        """Step 6, and what follows where it was the job's last task."""
        if run.job.state == pb.Job.STATE_ADMITTING:
            await self._accept(run)
        task = self._ended(run)
        crashpoint("generator.before_kept")
        step = self._with_late(run, conclusions.conclusion(run.job, task, run.lease_token, run.gathered.bills), task)
        if not await until_done(self._steps.conclude, step):
            raise LeaseLost(run.task.id)
        crashpoint("generator.after_kept")
        self._update(run, self._live.get(run.job.id, run.job), task)
        run.answerable.set()
        if task.state == pb.Task.STATE_KEPT:
            self._delivered(run)
        await self._after_end(run)

    def _with_late(self, run: Run, step: Conclusion, task: TaskRecord) -> Conclusion:
        """The step with when to look for pictures that may yet come: at first the run itself still waits for them."""
        awaited = bool(run.tickets) or (run.ending is not None and any(bill.lost_count for bill in run.gathered.bills))
        if not self._late_seconds or not lifecycle.may_come_late(task, is_awaited=awaited):
            return step
        waits_seconds = 0.0 if run.ending is None else self._salvage_seconds
        late_from = step.ended_at + timedelta(seconds=waits_seconds)
        return replace(step, late_from=late_from, late_until=late_from + timedelta(seconds=self._late_seconds))

    async def _accept(self, run: Run) -> None:
        """A task that ends before its order ends a job that stands: a job that is still ADMITTING would be refused by others."""
        job = run.job
        if await until_done(self._steps.accept, Acceptance(job.id, run.lease_token, job.available_micros, ())):
            run.job = self._live[job.id] = job.accepted()

    def _ended(self, run: Run) -> TaskRecord:
        dates = self._retirement(run.draw.model)
        return conclusions.ended_task(
            run, free_to_repeat=self._drawing.is_free(run), retirement=dates, pricing=self._pricing
        )

    async def _after_end(self, run: Run) -> None:
        """End the job with its last task; which is the last, tasks that run elsewhere decide too."""
        job = run.job
        elsewhere = any(not task.ended and task.id not in self._runs for task in job.tasks)
        if elsewhere:
            job = self._merged(await persist(lambda: self._read(run.job.id)))
        if job.tasks_ended:
            self._settlement.follow(job)
        elif any(task.id in self._runs for task in job.tasks if not task.ended):
            self._live[job.id] = job
            self._watches.publish(job)
        else:
            self._live.pop(job.id, None)
            self._watches.look_elsewhere()

    async def _read(self, job_id: str) -> JobRecord:
        job = await reads.job(self._database, job_id)
        assert job is not None, "jobs are never deleted"
        return job

    async def _fail(self, run: Run, fault: Fault) -> None:
        for position in run.gathered.open_positions(run.draw.n):
            run.gathered.faults[position] = fault
        try:
            await self._conclude(run)
        except LeaseLost:
            run.lost = True

    def _deadline_passed(self, run: Run) -> None:
        loop = asyncio.get_running_loop()
        if run.gathered.arrived:
            loop.call_later(_KEEPING_PAUSE_SECONDS, self._deadline_passed, run)
        elif run.task.id in self._runs and run.ending is None:
            run.ending = asyncio.create_task(self._time_out(run))

    async def _time_out(self, run: Run) -> None:
        """End the task now; an order that is under way may still bring its pictures, for nothing."""
        fault = Fault(reasons.REASON_TIMEOUT, "The job did not end before its deadline.")
        is_resumed = run.task.state in ORDERED_TASK_STATES and not run.gathered.bills
        if not (is_resumed or run.gathered.is_owed(run.draw.n)):
            await self.abandon(run)
        else:
            assert run.work is not None, "a run is launched"
            asyncio.get_running_loop().call_later(self._salvage_seconds, run.work.cancel)
        await self._fail(run, fault)

    async def _salvage(self, run: Run) -> None:
        """Put pictures that came after the deadline onto the task that failed for it; nobody is charged.

        What its orders cost is known better by now.
        """
        known = conclusions.conclusion(run.job, run.task, run.lease_token, run.gathered.bills)
        await persist(lambda: tasks.correct(self._database, known))
        late = run.gathered.pictures
        if run.task.state == pb.Task.STATE_FAILED and late:
            result = conclusions.salvaged(run.task, late)
            await persist(lambda: tasks.salvage(self._database, run.job.id, run.task.index, run.lease_token, result))

    def _update(self, run: Run, job: JobRecord, task: TaskRecord) -> None:
        run.task = task
        run.job = self._live[job.id] = job.with_task(task)

    def _merged(self, job: JobRecord) -> JobRecord:
        """The job with what is known here of the tasks that run here: that is never behind the database."""
        for task in job.tasks:
            run = self._runs.get(task.id)
            if run is not None:
                job = job.with_task(run.task)
        return job

    def _over(self, run: Run) -> None:
        self._runs.pop(run.task.id, None)
        self._waiting.discard(run.task.id)
        self._secrets.forget(run.task.id)
        run.answerable.set()
        self._quieter.set()
        if not run.task.ended and not any(task.id in self._runs for task in run.job.tasks):
            self._live.pop(run.job.id, None)
            self._watches.look_elsewhere()
        self.roomier()
