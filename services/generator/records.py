"""A job and its tasks are frozen values: the rules judge them, the steps replace them, the database holds them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from gesso.errors.v1.reason_pb2 import Fault as FaultMessage
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.ids import AccountId, ApiKeyId, HoldId, JobId, derived_id

JobState = pb.Job.State
TaskState = pb.Task.State

ORDERED_TASK_STATES = frozenset({pb.Task.STATE_SUBMITTING, pb.Task.STATE_SUBMITTED})
"""States in which a vendor has, or may have, an order."""
ENDED_TASK_STATES = frozenset({pb.Task.STATE_KEPT, pb.Task.STATE_FAILED, pb.Task.STATE_CANCELLED})
ENDED_JOB_STATES = frozenset(
    {pb.Job.STATE_REFUSED, pb.Job.STATE_SUCCEEDED, pb.Job.STATE_PARTIAL, pb.Job.STATE_FAILED, pb.Job.STATE_CANCELLED}
)


@dataclass(frozen=True, slots=True)
class TaskRecord:
    """One draw of a job. `price_micros` is for one delivered picture; `result` stands once the task has ended.

    `lease_token` is the fencing token of the lease that this replica holds, None where it holds none.
    """

    job_id: JobId
    index: int
    state: TaskState.ValueType
    price_micros: int
    price_rule: str
    holds_secret: bool = False
    own_key: bool = False
    """Drawn with the keys that its account has stored, and no other."""
    lease_token: int | None = None
    attempt_count: int = 0
    provider: str = ""
    upstream_model: str = ""
    tickets: bytes = b""
    result: pb.Task | None = None
    charge_micros: int = 0
    ended_at: datetime | None = None
    revision: int = 0
    partials: tuple[pb.Picture, ...] = ()
    """Unfinished pictures, in the order in which they came."""

    @property
    def id(self) -> str:
        """The name that providers and derived ids know the task by."""
        return task_id_of(self.job_id, self.index)

    @property
    def billed_to_owner(self) -> bool:
        """Whether the vendor bills its owner, by a key of his own: then it costs the house nothing, whatever becomes of it."""
        return self.holds_secret or self.own_key

    @property
    def ended(self) -> bool:
        """Whether nothing more will be done or owed."""
        return self.state in ENDED_TASK_STATES

    @property
    def begun(self) -> bool:
        """Whether an order of it was ever set out to be placed."""
        return self.attempt_count > 0

    @property
    def delivered_count(self) -> int:
        """Pictures that are charged; late ones of a failed task are not."""
        return len(self.result.pictures) if self.state == pb.Task.STATE_KEPT and self.result else 0


@dataclass(frozen=True, slots=True)
class JobRecord:
    """One accepted purchase and its tasks; `purchase` bears no secret, and is never changed."""

    id: JobId
    account_id: AccountId
    api_key_id: ApiKeyId
    purchase: pb.Purchase
    state: JobState.ValueType
    hold_micros: int
    retention_days: int
    created_at: datetime
    deadline_at: datetime
    tasks: tuple[TaskRecord, ...]
    markup_percent: int = 0
    charge_micros: int = 0
    available_micros: int = 0
    """The account's available balance as the hold left it; once settled, as the capture did."""
    settled: bool = False
    fault: FaultMessage | None = None
    revision: int = 1
    started_at: datetime | None = None
    finished_at: datetime | None = None
    number: int = 0
    """Its other name; 0 until it is written."""

    @property
    def owed_micros(self) -> int:
        """What its tasks that have ended are charged."""
        return sum(task.charge_micros for task in self.tasks)

    @property
    def captured_at_start(self) -> bool:
        """Whether its whole hold is captured: its purchase says so, and a task of it has begun."""
        return self.purchase.capture_at_start and any(task.begun for task in self.tasks)

    @property
    def capture_micros(self) -> int:
        """What is captured of its hold, once all of its tasks have ended."""
        return self.hold_micros if self.captured_at_start else self.owed_micros

    @property
    def refund_micros(self) -> int:
        """What of the capture is given back, once all of its tasks have ended."""
        return self.capture_micros - self.owed_micros

    @property
    def available_in_the_end_micros(self) -> int:
        """The available balance as the capture leaves it: told by every replica, before and after the ledger has followed."""
        if self.settled:
            return self.available_micros
        return self.available_micros + self.hold_micros - self.owed_micros

    @property
    def hold_id(self) -> HoldId:
        """The hold that this job owns, whether or not it stands."""
        return hold_id_of(self.id)

    @property
    def tasks_ended(self) -> bool:
        """Whether every task has ended, so that what is owed is known."""
        return all(task.ended for task in self.tasks)

    @property
    def ended(self) -> bool:
        """Whether the job itself has ended."""
        return self.state in ENDED_JOB_STATES

    def accepted(self, queued: Collection[int] = ()) -> "JobRecord":
        """Return the job as it stands once it may be answered for; the leases of its `queued` tasks are given up."""
        tasks = tuple(replace(task, lease_token=None) if task.index in queued else task for task in self.tasks)
        return replace(self, state=pb.Job.STATE_QUEUED, revision=self.revision + 1, tasks=tasks)

    def with_task(self, task: TaskRecord) -> "JobRecord":
        """Return the job with this task in its place."""
        return replace(self, tasks=(*self.tasks[: task.index], task, *self.tasks[task.index + 1 :]))


@lru_cache(maxsize=4096)
def hold_id_of(job_id: str) -> HoldId:
    """The hold of a job: derived, so that any replica can name it before and after it stands."""
    return HoldId(derived_id("hold", job_id))


def task_id_of(job_id: str, index: int) -> str:
    """The name of a task."""
    return f"{job_id}/{index}"


def image_id_of(task: TaskRecord, position: int) -> str:
    """The image at a position of a task: derived, so that the first writer wins and a later one finds it."""
    return derived_id("img", task.id, str(position))


def unended(tasks: Sequence[TaskRecord]) -> list[TaskRecord]:
    """The tasks that have not ended."""
    return [task for task in tasks if not task.ended]
