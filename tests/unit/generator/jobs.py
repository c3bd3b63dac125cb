"""Jobs as the generator's rules see them, made for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime

from generator.records import JobRecord, JobState, TaskRecord, TaskState
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.ids import AccountId, ApiKeyId, JobId

PRICE_MICROS = 1_000
NOW = datetime(2026, 11, 20, tzinfo=UTC)


def task(
    state: TaskState.ValueType,
    index: int = 0,
    *,
    delivered: int = 0,
    reason: reasons.Reason.ValueType = reasons.REASON_UNSPECIFIED,
    holds_secret: bool = False,
    attempt_count: int = 1,
    provider: str = "alpha",
) -> TaskRecord:
    """A task in this state, with so many pictures."""
    result = pb.Task(pictures=[pb.Picture(image_id=f"img_{number}") for number in range(delivered)])
    if reason:
        result.fault.reason = reason
    return TaskRecord(
        job_id=JobId("job_1"),
        index=index,
        state=state,
        price_micros=PRICE_MICROS,
        price_rule="test",
        holds_secret=holds_secret,
        attempt_count=attempt_count,
        provider=provider,
        result=result if delivered or reason else None,
        charge_micros=PRICE_MICROS * delivered if state == pb.Task.STATE_KEPT else 0,
    )


def job(
    tasks: Sequence[TaskRecord],
    *,
    state: JobState.ValueType = pb.Job.STATE_RUNNING,
    n: int = 1,
    fingerprint: bytes = b"f",
    operation: pb.Operation.ValueType = pb.OPERATION_TEXT_TO_IMAGE,
) -> JobRecord:
    """A job of these tasks, each for `n` pictures."""
    draws = [pb.Draw(model="painter", prompt="a fox", n=n, operation=operation) for _ in tasks]
    return JobRecord(
        id=JobId("job_01j00000000000000000000000"),
        account_id=AccountId("acct_01j00000000000000000000000"),
        api_key_id=ApiKeyId("key_1"),
        purchase=pb.Purchase(draws=draws, fingerprint=fingerprint, dialect="imagegen"),
        state=state,
        hold_micros=PRICE_MICROS * n * len(tasks),
        retention_days=0,
        created_at=NOW,
        deadline_at=NOW,
        tasks=tuple(tasks),
    )
