"""A job as others see it: its record written as the message of the contract."""

from datetime import datetime

from generator import lifecycle
from generator.records import JobRecord, JobState, TaskRecord
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.objects import Objects
from servicekit.timestamps import to_timestamp

_READ_URL_SECONDS = 3600

_CANCELLED = reasons.Fault(reason=reasons.REASON_CANCELLED, message="The job was cancelled by its owner.")


async def to_message(job: JobRecord, objects: Objects) -> pb.Job:
    """Write a job; its pictures bear addresses at which services inside the platform read them."""
    message = pb.Job(
        id=job.id,
        account_id=job.account_id,
        api_key_id=job.api_key_id,
        dialect=job.purchase.dialect,
        route=job.purchase.route,
        state=shown_state(job),
        hold_micros=job.hold_micros,
        charge_micros=job.owed_micros,
        available_micros=_available_micros(job),
        created_at=to_timestamp(job.created_at),
        started_at=to_timestamp(job.started_at),
        request_id=job.purchase.request_id,
        facts=job.purchase.facts,
        fault=job.fault,
        revision=revision(job),
        number=job.number,
    )
    for task, draw in zip(job.tasks, job.purchase.draws, strict=True):
        await _write_task(message.tasks.add(), task, draw, objects)
    if message.state in _ENDED:
        _write_end(message, job)
    return message


def _available_micros(job: JobRecord) -> int:
    if job.state in _UNHELD:
        return 0
    return job.available_in_the_end_micros if job.tasks_ended else job.available_micros


def shown_state(job: JobRecord) -> JobState.ValueType:
    """A job whose tasks have all ended has ended for everyone but the ledger, which may be away."""
    return lifecycle.outcome(job) if job.state in _RUNNING and job.tasks_ended else job.state


def revision(job: JobRecord) -> int:
    """How often the job or one of its tasks has changed."""
    return job.revision + sum(task.revision for task in job.tasks)


_UNHELD = frozenset({pb.Job.STATE_ADMITTING, pb.Job.STATE_REFUSED})
_RUNNING = frozenset({pb.Job.STATE_QUEUED, pb.Job.STATE_RUNNING})
_ENDED = frozenset({pb.Job.STATE_SUCCEEDED, pb.Job.STATE_PARTIAL, pb.Job.STATE_FAILED, pb.Job.STATE_CANCELLED})


def _write_end(message: pb.Job, job: JobRecord) -> None:
    ended = job.finished_at or last_end(job)
    if ended is not None:
        message.finished_at.CopyFrom(to_timestamp(ended))
    fault = lifecycle.ending_fault(job, message.state)
    if fault is not None:
        message.fault.CopyFrom(fault)


def last_end(job: JobRecord) -> datetime | None:
    """When the last of the tasks ended."""
    return max((task.ended_at for task in job.tasks if task.ended_at), default=None)


async def _write_task(message: pb.Task, task: TaskRecord, draw: pb.Draw, objects: Objects) -> None:
    if task.result is not None:
        message.CopyFrom(task.result)
    message.index = task.index
    message.state = task.state
    message.draw.CopyFrom(draw)
    message.flags[:] = draw.flags
    message.provider = task.provider
    message.upstream_model = task.upstream_model
    message.charge_micros = task.charge_micros
    message.attempt_count = task.attempt_count
    message.own_key = task.own_key
    if task.state == pb.Task.STATE_CANCELLED and task.result is None:
        message.fault.CopyFrom(_CANCELLED)
    message.partials.extend(task.partials)
    for picture in (*message.pictures, *message.partials):
        picture.read_url = await objects.read_url(picture.blob_key, _READ_URL_SECONDS)
