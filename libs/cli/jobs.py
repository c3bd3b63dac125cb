"""`jobs`: the operator's look at one job, from any account."""

import argparse
import time

from cli.errors import CommandFailed
from cli.money import usd
from cli.operator import Operator, operator
from cli.output import Progress, Result
from cli.output import show as show_result
from cli.places import Place
from gesso.errors.v1.reason_pb2 import Reason
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.ids import is_id, with_prefix

_JOBS = "gesso.generator.v1.Jobs"
_POLL_SECONDS = 0.5
_MOST_DIGITS = 18
_ENDED = frozenset(
    {
        pb.Job.STATE_REFUSED,
        pb.Job.STATE_SUCCEEDED,
        pb.Job.STATE_PARTIAL,
        pb.Job.STATE_FAILED,
        pb.Job.STATE_CANCELLED,
    }
)
_DELIVERED = frozenset({pb.Job.STATE_SUCCEEDED, pb.Job.STATE_PARTIAL})
_TASK_ENDED = frozenset({pb.Task.STATE_KEPT, pb.Task.STATE_FAILED, pb.Task.STATE_CANCELLED})


def show(arguments: argparse.Namespace) -> Result:
    """Show a job."""
    return _shown(_get(operator(Place.here()), arguments.job))


def watch(arguments: argparse.Namespace) -> Result:
    """Wait until a job has ended. Raises CommandFailed where it delivered nothing, after showing it."""
    services = operator(Place.here())
    with Progress(arguments.job) as progress:
        while (job := _get(services, arguments.job)).state not in _ENDED:
            done = sum(task.state in _TASK_ENDED for task in job.tasks)
            progress.update(_name(job), done / len(job.tasks) if job.tasks else None)
            time.sleep(_POLL_SECONDS)
    if job.state not in _DELIVERED:
        show_result(_shown(job), as_json=arguments.json)
        raise CommandFailed(f"The job is {_name(job)}: it delivered nothing.")
    return _shown(job)


def cancel(arguments: argparse.Namespace) -> Result:
    """Cancel what of a job has not started."""
    job_id, number = _named(arguments.job)
    request = pb.CancelJobRequest(job_id=job_id, number=number)
    return _shown(operator(Place.here()).call(f"{_JOBS}/CancelJob", request, pb.Job))


def _get(services: Operator, name: str) -> pb.Job:
    job_id, number = _named(name)
    return services.call(f"{_JOBS}/GetJob", pb.GetJobRequest(job_id=job_id, number=number), pb.Job)


def _named(name: str) -> tuple[str, int]:
    """Read any name that an API gives a job: its id, a view of it as `gen_…`, or productai's number. Raises CommandFailed."""
    if not name:
        raise CommandFailed("A job id is needed, as `job_…`.")
    if name.isascii() and name.isdigit() and len(name) <= _MOST_DIGITS:
        return "", int(name)
    job_id = with_prefix("job", name)
    return job_id if is_id("job", job_id) else name, 0


def _name(job: pb.Job) -> str:
    return pb.Job.State.Name(job.state).removeprefix("STATE_").lower()


def _shown(job: pb.Job) -> dict[str, object]:
    shown: dict[str, object] = {
        "job_id": job.id,
        "account_id": job.account_id,
        "state": _name(job),
        "dialect": job.dialect,
        "held_usd": usd(job.hold_micros),
        "charged_usd": usd(job.charge_micros),
        "created_at": job.created_at.ToJsonString(),
        "tasks": [_task(task) for task in job.tasks],
    }
    if job.HasField("finished_at"):
        shown["finished_at"] = job.finished_at.ToJsonString()
    if job.HasField("fault"):
        shown["fault"] = {"reason": _reason(job.fault.reason), "message": job.fault.message}
    return shown


def _task(task: pb.Task) -> dict[str, object]:
    shown: dict[str, object] = {
        "index": task.index,
        "state": pb.Task.State.Name(task.state).removeprefix("STATE_").lower(),
        "model": task.draw.model,
        "provider": task.provider,
        "upstream_model": task.upstream_model,
        "attempts": task.attempt_count,
        "images": [picture.image_id for picture in task.pictures],
    }
    if task.HasField("fault"):
        shown["fault"] = {"reason": _reason(task.fault.reason), "message": task.fault.message}
    return shown


def _reason(reason: Reason.ValueType) -> str:
    return Reason.Name(reason).removeprefix("REASON_")
