"""How a task ends is a pure matter of what its orders brought: kept with its charge frozen, or failed with its fault."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from generator import charges, lifecycle
from generator.costs import Bill, OrderCost, booked
from generator.public_models import OWN_MODELS
from generator.records import JobRecord, TaskRecord
from generator.runs import Run
from generator.store.tasks import Conclusion
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault, to_proto

Pricing = Callable[[JobRecord, TaskRecord, pb.Picture], int]
"""What a delivered picture of a task is charged, in micros."""
Retirement = Callable[[str], tuple[str, str]]
"""When a public model is deprecated and when it ends, as dates; empty where it stands."""


def ended_task(run: Run, *, free_to_repeat: bool, retirement: tuple[str, str], pricing: Pricing) -> TaskRecord:
    """The run's task as it ends now."""
    gathered, task = run.gathered, run.task
    provider = gathered.provider or task.provider
    for position, fault in gathered.faults.items():
        gathered.faults[position] = lifecycle.told(fault, provider, free_to_repeat=free_to_repeat)
    result = gathered.result()
    result.deprecated_on, result.sunset_on = retirement
    prices_micros = (pricing(run.job, task, picture) for picture in result.pictures)
    return replace(
        task,
        state=pb.Task.STATE_KEPT if gathered.pictures else pb.Task.STATE_FAILED,
        provider=provider,
        upstream_model=gathered.upstream_model or task.upstream_model,
        result=result,
        charge_micros=charges.charge_micros(run.job, task, result, prices_micros),
        ended_at=datetime.now(UTC),
        revision=task.revision + 1,
    )


def recovered(
    job: JobRecord, task: TaskRecord, kept: Sequence[pb.Picture], fault: Fault | None, *, pricing: Pricing
) -> TaskRecord:
    """A dead worker's task as recovery ends it: with the pictures that it had kept, and the fault of those that are missing."""
    result = pb.Task(pictures=kept, fault=None if fault is None else to_proto(fault))
    return replace(
        task,
        state=pb.Task.STATE_KEPT if kept else pb.Task.STATE_FAILED,
        result=result,
        charge_micros=charges.charge_micros(job, task, result, (pricing(job, task, picture) for picture in kept)),
        ended_at=datetime.now(UTC),
        revision=task.revision + 1,
    )


def conclusion(job: JobRecord, task: TaskRecord, lease_token: int, bills: Sequence[Bill]) -> Conclusion:
    """The step that makes a task's end durable; `bills` are those of its orders."""
    assert task.result is not None, "an ended task has a result"
    assert task.ended_at is not None, "an ended task has a time"
    return Conclusion(
        job_id=task.job_id,
        index=task.index,
        lease_token=lease_token,
        state=task.state,
        provider=task.provider,
        upstream_model=task.upstream_model,
        result=task.result,
        charge_micros=task.charge_micros,
        ended_at=task.ended_at,
        costs=costs(job, task, bills),
    )


def costs(job: JobRecord, task: TaskRecord, bills: Sequence[Bill]) -> tuple[OrderCost, ...]:
    """What the orders of an ended task cost, beside what the customer paid.

    One whose tokens were captured at the start, and are kept, pays for pictures that he did not get.
    """
    draw = job.purchase.draws[task.index]
    return booked(
        bills,
        model=OWN_MODELS if draw.HasField("custom_model") else draw.model,
        dialect=job.purchase.dialect,
        charge_micros=task.charge_micros,
        is_paid=job.purchase.capture_at_start and task.charge_micros >= task.price_micros * draw.n,
        reason_name=_reason_name(task),
    )


def _reason_name(task: TaskRecord) -> str:
    """As `UPSTREAM_FAILED`; empty for a task that delivered everything."""
    if task.result is None or not task.result.HasField("fault"):
        return ""
    return Reason.Name(task.result.fault.reason).removeprefix("REASON_")


def salvaged(task: TaskRecord, late: Mapping[int, pb.Picture]) -> pb.Task:
    """The result of a failed task with pictures that came too late."""
    result = pb.Task()
    if task.result is not None:
        result.CopyFrom(task.result)
    del result.pictures[:]
    result.pictures.extend(late[position] for position in sorted(late))
    return result
