"""Answers that several dialects share: a job that has not ended, and the price of a dry run. Pure.

Source: contract.md, "Calls, jobs and retries".
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.money import usd
from gateway.wire import Reply, json_reply
from gesso.generator.v1.generator_pb2 import Job, Quote

POLL_SECONDS = "1"
StatusWord = Literal["queued", "running"]
_STATUS_WORDS: Mapping[Job.State.ValueType, StatusWord] = {
    Job.STATE_ADMITTING: "queued",
    Job.STATE_QUEUED: "queued",
    Job.STATE_RUNNING: "running",
}


class StandingJob(msgspec.Struct, frozen=True):
    """A job that has not ended."""

    id: Annotated[str, Meta(description="The job's id.")]
    status: StatusWord
    status_url: Annotated[str, Meta(description="Where to ask again.", extra_json_schema={"format": "uri"})]


class DryRun(msgspec.Struct, frozen=True):
    """The highest price of a purchase that was not made."""

    dry_run: Literal[True]
    cost: Annotated[int | float, Meta(description="In the credits of this API.")]
    cost_usd: Annotated[float, Meta(description="In US dollars.")]


def status_word(job: Job) -> StatusWord:
    """How a job stands that has not ended."""
    return _STATUS_WORDS.get(job.state, "running")


def standing(job: Job, status_url: str, path: str) -> Reply:
    """A job that has not ended: 202 with its status and where to ask again."""
    body = StandingJob(job.id, status_word(job), status_url)
    return json_reply(body, 202, headers={"Location": path, "Retry-After": POLL_SECONDS})


def dry_run(quoted: Quote, cost: int | float) -> Reply:
    """The price of a dry run; `cost` is in the dialect's own credits."""
    return json_reply(DryRun(True, cost, usd(quoted.amount_micros)))
