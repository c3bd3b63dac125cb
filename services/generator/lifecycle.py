"""The rules of a job's life: what may be tried again, what a dead lease leaves to do, and how a job ends.

Source: design.md "One request, top to bottom". Pure functions on frozen values; every replica decides the same.
"""

import enum

from generator.providers.base import Bought, UpstreamFault
from generator.records import JobRecord, JobState, TaskRecord
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault

MOST_ATTEMPTS = 3
"""Orders that are placed for one task; a crash of its worker counts as one."""

_MOST_WORKERS = MOST_ATTEMPTS + 2
"""Orders, and workers that died while they collected what one of them had bought: it is not given up for the first of those."""
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 30.0
_UNRESOLVED = frozenset({reasons.REASON_TIMEOUT, reasons.REASON_OUTCOME_UNKNOWN})


class Recovery(enum.Enum):
    """What is left to do for a task whose lease has run out."""

    REFUSE = "refuse"
    """Its job was never admitted: refuse it and release its hold."""
    REQUEUE = "requeue"
    """Nothing was bought, or buying twice costs nothing: begin again."""
    COLLECT = "collect"
    """The vendor's id is known: any worker collects, none buys again."""
    RECONCILE = "reconcile"
    """It may have been bought, and the vendor can be asked."""
    FAIL_UNKNOWN = "fail_unknown"
    """It may have been bought, and nobody can tell."""
    FAIL_SECRET = "fail_secret"  # noqa: S105 - the name of a rule
    """The key that came with it is gone, and nothing was bought."""
    FAIL_ATTEMPTS = "fail_attempts"
    """Three workers have died of it."""
    SETTLE = "settle"
    """It has ended; what is owed is known."""


def recovery(job: JobRecord, task: TaskRecord, *, free_to_repeat: bool, can_ask: bool = False) -> Recovery:
    """What to do for a task whose lease ran out; `free_to_repeat` is that of the provider it was submitted to, which tells of its
    orders where it `can_ask`.
    """
    if job.state == pb.Job.STATE_ADMITTING:
        return Recovery.REFUSE
    if task.ended:
        return Recovery.SETTLE
    if task.state == pb.Task.STATE_QUEUED:
        return Recovery.FAIL_SECRET if task.holds_secret else Recovery.REQUEUE
    return _of_ordered(task, free_to_repeat=free_to_repeat, can_ask=can_ask)


def _of_ordered(task: TaskRecord, *, free_to_repeat: bool, can_ask: bool) -> Recovery:
    if task.holds_secret:
        return Recovery.FAIL_UNKNOWN
    if task.state == pb.Task.STATE_SUBMITTED:
        return Recovery.COLLECT if task.attempt_count < _MOST_WORKERS else Recovery.FAIL_ATTEMPTS
    if free_to_repeat:
        return Recovery.REQUEUE if task.attempt_count < MOST_ATTEMPTS else Recovery.FAIL_ATTEMPTS
    return Recovery.RECONCILE if can_ask else Recovery.FAIL_UNKNOWN


def recovery_fault(rule: Recovery, provider: str) -> Fault:
    """The fault of a task that recovery ends."""
    return {
        Recovery.REFUSE: Fault(
            reasons.REASON_UNAVAILABLE,
            "The platform was interrupted before the job was admitted; nothing was bought.",
            details={"component": "generator"},
            retry_after_seconds=1.0,
        ),
        Recovery.FAIL_UNKNOWN: outcome_unknown(provider),
        Recovery.FAIL_SECRET: Fault(
            reasons.REASON_SECRET_LOST, "The key sent with the request was lost before it was used; nothing was bought."
        ),
        Recovery.FAIL_ATTEMPTS: Fault(
            reasons.REASON_INTERNAL, f"The job was interrupted {MOST_ATTEMPTS} times and was given up."
        ),
    }[rule]


def outcome_unknown(provider: str) -> Fault:
    """The fault of an order of which nobody can tell whether the vendor accepted it."""
    return Fault(
        reasons.REASON_OUTCOME_UNKNOWN,
        "Whether the upstream drew the picture cannot be known; nothing is charged.",
        details={"provider": provider},
    )


def may_repeat(fault: Fault, *, attempt: int, free_to_repeat: bool) -> bool:
    """Whether the pictures that this fault cost may be ordered again: never where they may have been bought once, or refused."""
    if attempt >= MOST_ATTEMPTS or not isinstance(fault, UpstreamFault) or not fault.retryable:
        return False
    if fault.reason == reasons.REASON_UPSTREAM_REFUSED:  # whatever a plugin says
        return False
    return fault.bought is Bought.NO or free_to_repeat


def is_lasting(fault: Fault) -> bool:
    """Whether the route that failed so would again a moment later: its key is refused, or the money on it is used up."""
    return fault.reason == reasons.REASON_UPSTREAM_DENIED


def told(fault: Fault, provider: str, *, free_to_repeat: bool) -> Fault:
    """What the customer is told of a fault: one that leaves the purchase in doubt says so."""
    if isinstance(fault, UpstreamFault) and fault.bought is Bought.UNKNOWN and not free_to_repeat:
        return outcome_unknown(provider)
    return fault


def may_come_late(task: TaskRecord, *, is_awaited: bool) -> bool:
    """Whether a task that ended may yet get pictures: its vendor has an order of it, and nobody waited to the end.

    Without the key that came with the request nobody can fetch them.
    """
    if task.state != pb.Task.STATE_FAILED or task.result is None or task.holds_secret or not is_awaited:
        return False
    return task.result.fault.reason in _UNRESOLVED


def is_loss(fault: Fault, *, free_to_repeat: bool) -> bool:
    """Whether the house may owe the vendor for a picture that no customer pays."""
    return isinstance(fault, UpstreamFault) and fault.bought is not Bought.NO and not free_to_repeat


def pause_seconds(attempt: int, fault: Fault, *, chance: float) -> float:
    """How long to wait before the same route is tried again; `chance` is uniform in 0..1."""
    backoff = _FIRST_PAUSE_SECONDS * (1 << (attempt - 1)) * (0.5 + chance)
    return min(max(backoff, fault.retry_after_seconds or 0.0), _LONGEST_PAUSE_SECONDS)


def outcome(job: JobRecord) -> JobState.ValueType:
    """How a job has ended whose tasks have all ended."""
    assert job.tasks_ended, "a job ends with its last task"
    delivered = sum(task.delivered_count for task in job.tasks)
    wanted = sum(draw.n for draw in job.purchase.draws)
    if delivered == wanted:
        return pb.Job.STATE_SUCCEEDED
    if delivered:
        return pb.Job.STATE_PARTIAL
    if any(task.state == pb.Task.STATE_CANCELLED for task in job.tasks):
        return pb.Job.STATE_CANCELLED
    return pb.Job.STATE_FAILED


def ending_fault(job: JobRecord, state: JobState.ValueType) -> reasons.Fault | None:
    """Why a job failed: the fault of its first task that has one."""
    if state != pb.Job.STATE_FAILED:
        return None
    faults = (task.result.fault for task in job.tasks if task.result and task.result.HasField("fault"))
    return next(faults, None)


def frees_key(job: JobRecord) -> bool:
    """Whether a job that ended leaves its idempotency key free: its secret was lost and it owes nothing."""
    lost = any(
        task.result and task.result.fault.reason == reasons.REASON_SECRET_LOST for task in job.tasks if task.result
    )
    return lost and not any(task.delivered_count for task in job.tasks)
