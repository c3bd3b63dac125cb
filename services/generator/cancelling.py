"""Cancelling ends what of a job has not begun; what has begun goes on, and is paid for."""

from datetime import UTC, datetime

from generator.records import JobRecord
from generator.replica import Replica, new_token
from generator.settlement import Settlement
from generator.store import reads, tasks
from generator.store.tasks import Lease
from generator.watches import is_over
from generator.worker import Worker
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database
from servicekit.faults import Conflict, NotFound
from servicekit.ids import is_id


async def owned_job(database: Database, account_id: str | None, job_id: str) -> JobRecord:
    """Read an account's job, or anybody's where `account_id` is None.

    Raises NotFound for another's, for one that was never admitted, and for an ill-formed id.
    """
    job = await reads.job(database, job_id) if is_id("job", job_id) else None
    if job is None or job.account_id != (account_id or job.account_id) or job.state == pb.Job.STATE_ADMITTING:
        raise NotFound("job", job_id)
    return job


class Cancelling:
    """Cancels jobs on behalf of their owners."""

    def __init__(self, database: Database, worker: Worker, settlement: Settlement, replica: Replica) -> None:
        self._database = database
        self._worker = worker
        self._settlement = settlement
        self._replica = replica

    async def cancel(self, account_id: str | None, job_id: str) -> JobRecord:
        """End what has not begun of an account's job, or of anybody's where `account_id` is None, and return the job.

        Raises NotFound, and Conflict for a job that ended otherwise.
        """
        job = await owned_job(self._database, account_id, job_id)
        if job.state == pb.Job.STATE_CANCELLED:
            return job
        if is_over(job):
            state = pb.Job.State.Name(job.state).removeprefix("STATE_").lower()
            raise Conflict("job", job_id, state, "The job has ended already.")
        lease = Lease(self._replica.id, new_token())
        cancelled = await tasks.cancel(self._database, lease, job.account_id, job_id, datetime.now(UTC))
        await self._worker.drop(job.tasks[index].id for index in cancelled)
        # Read after our own write: of two that end a job's last two tasks, the later one sees both ended.
        now = await owned_job(self._database, account_id, job_id)
        if now.tasks_ended and not now.ended:
            return await self._settlement.complete(now)
        return now
