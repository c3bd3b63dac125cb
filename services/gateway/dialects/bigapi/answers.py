"""A job in this API's words: how many of its tasks succeeded, what they cost, and a result for each in the order of the tasks."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.dialects.base import Addresses
from gateway.dialects.bigapi.moments import iso, moment
from gateway.jobs import failure, has_ended
from gateway.money import credits_shown
from gateway.standing import POLL_SECONDS
from gateway.wire import Reply, json_reply
from gesso.generator.v1.generator_pb2 import Job, Task
from servicekit.faults import from_proto

NAME = "bigapi"
CREDIT_MICROS = 5_000
"""Source: contract.md, "One wallet, five currencies"."""

Credits = int | float
StatusWord = Literal["Pending", "Running", "Success", "Failed"]
Message = Literal[
    "Job running", "Job completed successfully", "Job completed with errors", "Job failed", "Job cancelled"
]
_STATUS_WORDS: Mapping[Task.State.ValueType, StatusWord] = {
    Task.STATE_QUEUED: "Pending",
    Task.STATE_SUBMITTING: "Running",
    Task.STATE_SUBMITTED: "Running",
    Task.STATE_KEPT: "Success",
    Task.STATE_FAILED: "Failed",
    Task.STATE_CANCELLED: "Failed",
}


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one task."""

    prompt: str
    provider: Annotated[str, Meta(description="Who was asked to draw it.")]
    status: StatusWord
    imageUrl: Annotated[str | UnsetType, Meta(description="A signed link, valid for 7 days.")] = UNSET  # noqa: N815
    imageUrls: Annotated[  # noqa: N815
        list[str] | UnsetType, Meta(description="All links, where a task of another API drew several pictures.")
    ] = UNSET
    error: Annotated[str | UnsetType, Meta(description="Why it failed.")] = UNSET


class JobAnswer(msgspec.Struct, frozen=True):
    """A job, finished or not."""

    message: Message
    total_tasks: int
    successful: int
    failed: int
    credits_used: Annotated[Credits, Meta(description="Of the successful tasks.")]
    credits_remaining: Annotated[Credits, Meta(description="What the job leaves to spend.")]
    results: Annotated[list[Result], Meta(description="In the order of the tasks.")]


class AcceptedJob(msgspec.Struct, frozen=True):
    """A job that nobody waits for."""

    message: Literal["Job accepted"]
    job_id: str
    status_url: Annotated[str, Meta(description="Where to ask for it.", extra_json_schema={"format": "uri"})]
    total_tasks: int


class JobSummary(msgspec.Struct, frozen=True):
    """A job in a list."""

    job_id: str
    message: Message
    total_tasks: int
    successful: int
    failed: int
    credits_used: Credits
    created_at: Annotated[str, Meta(description="A time in UTC.", extra_json_schema={"format": "date-time"})]


class JobList(msgspec.Struct, frozen=True):
    """A page of jobs, newest first."""

    jobs: list[JobSummary]
    next_cursor: Annotated[str | None, Meta(description="The `cursor` of the next page, null on the last one.")]


def shown_credits(amount_micros: int) -> Credits:
    """An amount in the credits of this API."""
    return credits_shown(amount_micros, CREDIT_MICROS)


def status_word(job: Job, task: Task) -> StatusWord:
    """How a task stands; in a job that has ended, every task has."""
    word = _STATUS_WORDS.get(task.state, "Pending")
    return "Failed" if has_ended(job) and word != "Success" else word


def job_answer(job: Job, addresses: Addresses) -> Reply:
    """A job as it stands. Raises the Fault of one that was refused as a whole."""
    if job.state == Job.STATE_REFUSED:
        raise failure(job)
    message, successful, failed = _counted(job)
    body = JobAnswer(
        message=message,
        total_tasks=len(job.tasks),
        successful=successful,
        failed=failed,
        credits_used=shown_credits(_charge_micros(job)),
        credits_remaining=shown_credits(job.available_micros),
        results=[_result(job, task, addresses) for task in job.tasks],
    )
    return json_reply(body)


def accepted(job: Job, status_url: str, path: str) -> Reply:
    """A job that nobody waits for: 202 with where to ask for it."""
    body = AcceptedJob("Job accepted", job.id, status_url, len(job.tasks))
    return json_reply(body, 202, headers={"Location": path, "Retry-After": POLL_SECONDS})


def job_list(jobs: Sequence[Job], next_cursor: str) -> Reply:
    """A page of jobs; those that were refused were never made."""
    return json_reply(JobList([_summary(job) for job in jobs if _was_made(job)], next_cursor or None))


def _was_made(job: Job) -> bool:
    return job.state not in (Job.STATE_ADMITTING, Job.STATE_REFUSED)


def _summary(job: Job) -> JobSummary:
    message, successful, failed = _counted(job)
    return JobSummary(
        job_id=job.id,
        message=message,
        total_tasks=len(job.tasks),
        successful=successful,
        failed=failed,
        credits_used=shown_credits(_charge_micros(job)),
        created_at=iso(moment(job.created_at)),
    )


def _counted(job: Job) -> tuple[Message, int, int]:
    """What is said of a job, and how many of its tasks succeeded and failed."""
    words = [status_word(job, task) for task in job.tasks]
    successful, failed = words.count("Success"), words.count("Failed")
    if not has_ended(job):
        return "Job running", successful, failed
    if job.state == Job.STATE_CANCELLED:
        return "Job cancelled", successful, failed
    if not successful:
        return "Job failed", successful, failed
    return "Job completed with errors" if failed else "Job completed successfully", successful, failed


def _charge_micros(job: Job) -> int:
    return job.charge_micros if has_ended(job) else sum(task.charge_micros for task in job.tasks)


def _result(job: Job, task: Task, addresses: Addresses) -> Result:
    status = status_word(job, task)
    links = [addresses.picture(job, picture) for picture in task.pictures] if status == "Success" else []
    return Result(
        prompt=task.draw.prompt,
        provider=task.draw.model,
        status=status,
        imageUrl=links[0] if links else UNSET,
        imageUrls=links if len(links) > 1 else UNSET,
        error=_error(job, task) if status == "Failed" else UNSET,
    )


def _error(job: Job, task: Task) -> str:
    return (from_proto(task.fault) if task.HasField("fault") else failure(job)).message
