"""What a used idempotency key answers."""

import pytest

from generator.replays import replayed
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault

from .jobs import job, task


@pytest.mark.parametrize("state", [pb.Job.STATE_SUCCEEDED, pb.Job.STATE_FAILED, pb.Job.STATE_CANCELLED])
def test_a_job_that_ended_answers_again(state: pb.Job.State.ValueType) -> None:
    ended = job([task(pb.Task.STATE_FAILED)], state=state)
    assert replayed(ended, b"f") is ended


def test_a_job_that_only_billing_has_not_settled_answers_again() -> None:
    kept = job([task(pb.Task.STATE_KEPT, delivered=1)])
    assert replayed(kept, b"f") is kept


@pytest.mark.parametrize("state", [pb.Job.STATE_ADMITTING, pb.Job.STATE_QUEUED, pb.Job.STATE_RUNNING])
def test_a_job_that_runs_makes_the_caller_wait(state: pb.Job.State.ValueType) -> None:
    with pytest.raises(Fault) as told:
        replayed(job([task(pb.Task.STATE_SUBMITTING)], state=state), b"f")
    assert (told.value.reason, told.value.retry_after_seconds) == (reasons.REASON_IDEMPOTENCY_RUNNING, 1.0)


def test_other_content_is_a_mismatch_even_while_the_first_runs() -> None:
    with pytest.raises(Fault) as told:
        replayed(job([task(pb.Task.STATE_SUBMITTING)]), b"g")
    assert told.value.reason == reasons.REASON_IDEMPOTENCY_MISMATCH
