"""A job in ProductAI's words: an integer id, a status, and the link of its picture once there is one."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.asked import REPLAYED
from gateway.dialects.base import Addresses
from gateway.dialects.productai.requests import facts_of
from gateway.jobs import failure
from gateway.wire import Reply, json_reply
from gesso.billing.v1.billing_pb2 import Caller
from gesso.generator.v1.generator_pb2 import CustomModel, Job
from servicekit.faults import NotFound
from servicekit.timestamps import to_datetime

NAME = "productai"
TOKEN_MICROS = 30_000
"""Source: contract.md, "One wallet, five currencies"."""
READABLE = timedelta(days=30)

Status = Literal["NOT_STARTED", "RUNNING", "COMPLETED", "ERROR"]
_STATUSES: Mapping[Job.State.ValueType, Status] = {
    Job.STATE_ADMITTING: "NOT_STARTED",
    Job.STATE_QUEUED: "NOT_STARTED",
    Job.STATE_RUNNING: "RUNNING",
    Job.STATE_SUCCEEDED: "COMPLETED",
    Job.STATE_PARTIAL: "COMPLETED",
}


class JobData(msgspec.Struct, frozen=True, omit_defaults=True):
    """A job as it stands."""

    id: Annotated[int, Meta(description="Ask for it at `/api/job/{id}`.")]
    status: Status
    prompt: Annotated[str | UnsetType, Meta(description="As it was sent; an upscaling has none.")] = UNSET
    image_url: Annotated[str | UnsetType, Meta(description="Once it is COMPLETED: a link that works for a day.")] = (
        UNSET
    )
    error: Annotated[str | UnsetType, Meta(description="Where it is ERROR: why.")] = UNSET


class JobBody(msgspec.Struct, frozen=True):
    """A job."""

    status: Literal["OK"]
    data: JobData


class KeyData(msgspec.Struct, frozen=True):
    """What a key may spend."""

    valid: Literal[True]
    tokens_remaining: int
    plan: str


class KeyBody(msgspec.Struct, frozen=True):
    """A key that works."""

    status: Literal["OK"]
    data: KeyData


class Model(msgspec.Struct, frozen=True):
    """A model of one's own."""

    name: str
    provider: str
    base_model: str
    weights_url: str
    trigger_word: str | None
    created_at: Annotated[str, Meta(description="In UTC, as RFC 3339 writes it.")]


class ModelBody(msgspec.Struct, frozen=True):
    """One model of one's own."""

    status: Literal["OK"]
    data: Model


class ModelsBody(msgspec.Struct, frozen=True):
    """All models of one's own, the oldest first."""

    status: Literal["OK"]
    data: list[Model]


class Deleted(msgspec.Struct, frozen=True):
    """A model that is no more."""

    name: str
    deleted: Literal[True]


class DeletedBody(msgspec.Struct, frozen=True):
    """What was deleted."""

    status: Literal["OK"]
    data: Deleted


def job(job: Job, addresses: Addresses) -> Reply:
    """A job as it stands now: 200, also where it failed. Raises NotFound for one that is no longer readable."""
    if datetime.now(UTC) - to_datetime(job.created_at) > READABLE:
        raise NotFound("job", str(job.number))
    status = _STATUSES.get(job.state, "ERROR")
    data = JobData(
        job.number,
        status,
        prompt=_prompt(job) or UNSET,
        image_url=_link(job, addresses) if status == "COMPLETED" else UNSET,
        error=failure(job).message if status == "ERROR" else UNSET,
    )
    return json_reply(JobBody("OK", data))


def begun(job: Job) -> Reply:
    """A job as its POST tells it: RUNNING, as the document has it, since its tokens are taken.

    A repeat under the same idempotency key is told the same, whatever became of the job since; a poll tells where it stands.
    """
    return json_reply(JobBody("OK", JobData(job.number, "RUNNING", prompt=_prompt(job) or UNSET)))


def _prompt(job: Job) -> str:
    if job.dialect == NAME and job.facts:
        return facts_of(job.facts).prompt
    return next((task.draw.prompt for task in job.tasks), "")


def _link(job: Job, addresses: Addresses) -> str:
    picture = next(picture for task in job.tasks for picture in task.pictures)
    return addresses.picture(job, picture)


def tokens(amount_micros: int) -> int:
    """A balance in tokens, cut to an integer."""
    return amount_micros // TOKEN_MICROS


def key(caller: Caller, available_micros: int) -> Reply:
    """A key that works, and what is left."""
    return json_reply(KeyBody("OK", KeyData(True, tokens(available_micros), caller.plan)))


def model(custom: CustomModel) -> Reply:
    """One model of one's own."""
    return json_reply(ModelBody("OK", _model(custom)), headers={REPLAYED: "true"} if custom.replayed else {})


def models(customs: Sequence[CustomModel]) -> Reply:
    """All of them."""
    return json_reply(ModelsBody("OK", [_model(custom) for custom in customs]))


def deleted(custom: CustomModel) -> Reply:
    """What was deleted."""
    return json_reply(DeletedBody("OK", Deleted(custom.name, True)))


def _model(custom: CustomModel) -> Model:
    return Model(
        custom.name,
        custom.provider,
        custom.base_model,
        custom.weights_url,
        custom.trigger_word or None,
        to_datetime(custom.created_at).isoformat(timespec="seconds").replace("+00:00", "Z"),
    )
