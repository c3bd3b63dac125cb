"""The rules of a job's life, as tables."""

import pytest

from generator import lifecycle
from generator.lifecycle import MOST_ATTEMPTS, Recovery
from generator.providers.base import Bought, UpstreamFault
from generator.records import JobState, TaskRecord, TaskState
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault, Unavailable

from .jobs import job, task

KEPT, FAILED, CANCELLED = pb.Task.STATE_KEPT, pb.Task.STATE_FAILED, pb.Task.STATE_CANCELLED
QUEUED, SUBMITTING, SUBMITTED = pb.Task.STATE_QUEUED, pb.Task.STATE_SUBMITTING, pb.Task.STATE_SUBMITTED


def fault(*, bought: Bought = Bought.NO, retryable: bool = True, retry_after: float | None = None) -> UpstreamFault:
    return UpstreamFault(
        reasons.REASON_UPSTREAM_FAILED, "no", bought=bought, retryable=retryable, retry_after_seconds=retry_after
    )


@pytest.mark.parametrize("state", [QUEUED, SUBMITTING, KEPT])
def test_a_job_that_was_never_admitted_is_refused_whatever_its_task_says(state: TaskState.ValueType) -> None:
    found = lifecycle.recovery(job([task(state)], state=pb.Job.STATE_ADMITTING), task(state), free_to_repeat=True)
    assert found is Recovery.REFUSE


@pytest.mark.parametrize(
    ("state", "free", "secret", "attempts", "expected"),
    [
        (QUEUED, False, False, 0, Recovery.REQUEUE),
        (QUEUED, False, True, 0, Recovery.FAIL_SECRET),
        (SUBMITTING, False, False, 1, Recovery.FAIL_UNKNOWN),
        (SUBMITTING, False, True, 1, Recovery.FAIL_UNKNOWN),
        (SUBMITTING, True, False, 1, Recovery.REQUEUE),
        (SUBMITTING, True, False, MOST_ATTEMPTS, Recovery.FAIL_ATTEMPTS),
        (SUBMITTED, False, False, 1, Recovery.COLLECT),
        (SUBMITTED, True, False, 2, Recovery.COLLECT),
        (SUBMITTED, False, True, 1, Recovery.FAIL_UNKNOWN),
        (SUBMITTED, False, False, MOST_ATTEMPTS, Recovery.COLLECT),
        (SUBMITTED, False, False, MOST_ATTEMPTS + 2, Recovery.FAIL_ATTEMPTS),
        (KEPT, False, False, 1, Recovery.SETTLE),
        (FAILED, False, False, 3, Recovery.SETTLE),
        (CANCELLED, False, True, 0, Recovery.SETTLE),
    ],
)
def test_what_a_dead_lease_leaves_to_do(
    state: TaskState.ValueType, free: bool, secret: bool, attempts: int, expected: Recovery
) -> None:
    left = task(state, holds_secret=secret, attempt_count=attempts)
    assert lifecycle.recovery(job([left]), left, free_to_repeat=free) is expected


@pytest.mark.parametrize(
    ("state", "free", "secret", "expected"),
    [
        (SUBMITTING, False, False, Recovery.RECONCILE),
        (SUBMITTING, False, True, Recovery.FAIL_UNKNOWN),
        (SUBMITTING, True, False, Recovery.REQUEUE),
        (SUBMITTED, False, False, Recovery.COLLECT),
    ],
)
def test_an_order_of_which_nobody_knows_is_asked_after_where_its_vendor_can_tell(
    state: TaskState.ValueType, free: bool, secret: bool, expected: Recovery
) -> None:
    left = task(state, holds_secret=secret, attempt_count=MOST_ATTEMPTS - 1)
    assert lifecycle.recovery(job([left]), left, free_to_repeat=free, can_ask=True) is expected


@pytest.mark.parametrize("rule", [Recovery.REFUSE, Recovery.FAIL_ATTEMPTS, Recovery.FAIL_SECRET, Recovery.FAIL_UNKNOWN])
def test_every_rule_that_ends_a_task_has_its_fault(rule: Recovery) -> None:
    assert lifecycle.recovery_fault(rule, "alpha").message


@pytest.mark.parametrize(
    ("raised", "attempt", "free", "again"),
    [
        (fault(), 1, False, True),
        (fault(), MOST_ATTEMPTS - 1, False, True),
        (fault(), MOST_ATTEMPTS, False, False),
        (fault(retryable=False), 1, False, False),
        (fault(retryable=False), 1, True, False),
        (fault(bought=Bought.UNKNOWN), 1, False, False),
        (fault(bought=Bought.YES), 1, False, False),
        (fault(bought=Bought.UNKNOWN), 1, True, True),
        (fault(bought=Bought.UNKNOWN), MOST_ATTEMPTS, True, False),
        (Unavailable("object store"), 1, True, False),
    ],
)
def test_an_order_is_repeated_only_where_it_was_not_bought(
    raised: Fault, attempt: int, free: bool, again: bool
) -> None:
    assert lifecycle.may_repeat(raised, attempt=attempt, free_to_repeat=free) is again


@pytest.mark.parametrize(
    ("bought", "free", "told", "lost"),
    [
        (Bought.NO, False, reasons.REASON_UPSTREAM_FAILED, False),
        (Bought.UNKNOWN, False, reasons.REASON_OUTCOME_UNKNOWN, True),
        (Bought.YES, False, reasons.REASON_UPSTREAM_FAILED, True),
        (Bought.UNKNOWN, True, reasons.REASON_UPSTREAM_FAILED, False),
    ],
)
def test_a_doubt_is_told_as_one_and_booked_as_a_loss(
    bought: Bought, free: bool, told: reasons.Reason.ValueType, lost: bool
) -> None:
    raised = fault(bought=bought)
    assert lifecycle.told(raised, "alpha", free_to_repeat=free).reason == told
    assert lifecycle.is_loss(raised, free_to_repeat=free) is lost


def test_pauses_grow_vary_and_respect_the_vendor_up_to_half_a_minute() -> None:
    assert lifecycle.pause_seconds(1, fault(), chance=0.5) == 0.25
    assert lifecycle.pause_seconds(2, fault(), chance=0.5) == 0.5
    assert lifecycle.pause_seconds(1, fault(), chance=0.0) < lifecycle.pause_seconds(1, fault(), chance=1.0)
    assert lifecycle.pause_seconds(1, fault(retry_after=4), chance=0.5) == 4
    assert lifecycle.pause_seconds(1, fault(retry_after=900), chance=0.5) == 30


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([task(KEPT, delivered=2), task(KEPT, 1, delivered=2)], pb.Job.STATE_SUCCEEDED),
        ([task(KEPT, delivered=2), task(KEPT, 1, delivered=1)], pb.Job.STATE_PARTIAL),
        ([task(KEPT, delivered=2), task(FAILED, 1)], pb.Job.STATE_PARTIAL),
        ([task(KEPT, delivered=2), task(CANCELLED, 1)], pb.Job.STATE_PARTIAL),
        ([task(FAILED), task(CANCELLED, 1)], pb.Job.STATE_CANCELLED),
        ([task(CANCELLED)], pb.Job.STATE_CANCELLED),
        ([task(FAILED), task(FAILED, 1)], pb.Job.STATE_FAILED),
        ([task(FAILED, delivered=2)], pb.Job.STATE_FAILED),
    ],
    ids=["all", "one short", "one failed", "one cancelled", "nothing, cancelled", "cancelled", "failed", "salvaged"],
)
def test_a_job_ends_as_what_it_delivered(tasks: list[TaskRecord], expected: JobState.ValueType) -> None:
    assert lifecycle.outcome(job(tasks, n=2)) == expected


def test_a_job_whose_secret_was_lost_frees_its_key_unless_it_delivered() -> None:
    lost = task(FAILED, reason=reasons.REASON_SECRET_LOST)
    assert lifecycle.frees_key(job([lost]))
    assert not lifecycle.frees_key(job([lost, task(KEPT, 1, delivered=1)]))
    assert not lifecycle.frees_key(job([task(FAILED, reason=reasons.REASON_UPSTREAM_FAILED)]))


def test_a_failed_job_says_why_its_first_task_failed() -> None:
    failed = job([task(FAILED, reason=reasons.REASON_TIMEOUT), task(FAILED, 1, reason=reasons.REASON_UPSTREAM_DENIED)])
    said = lifecycle.ending_fault(failed, pb.Job.STATE_FAILED)
    assert said is not None
    assert said.reason == reasons.REASON_TIMEOUT
    assert lifecycle.ending_fault(failed, pb.Job.STATE_PARTIAL) is None
