"""What the account did with this API, in figures: all of it, by UTC day or hour, and by provider.

Source: the BIG API document, "Get Dashboard Statistics" and "Get Usage Analytics", and contract.md, "bigapi".
"""

import asyncio
import datetime
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from gateway.desk import Desk, Step
from gateway.dialects.bigapi.answers import NAME, Credits, StatusWord, shown_credits, status_word
from gateway.dialects.bigapi.moments import date, iso, moment
from gateway.queries import choice
from gateway.visitor import Visitor
from gateway.wire import Reply, json_reply
from gesso.billing.v1.billing_pb2 import GetCallsResponse
from gesso.generator.v1.generator_pb2 import GetUsageRequest, GetUsageResponse, Job, Task

RECENT_TASKS = 20
_HOUR, _DAY = datetime.timedelta(hours=1), datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """So many rows of one step, the last of which is the hour or day that is now."""

    rows: int
    step: datetime.timedelta
    by: Step.ValueType
    written: Callable[[datetime.datetime], str]


PERIODS: Mapping[str, Period] = {
    "24h": Period(24, _HOUR, GetUsageRequest.STEP_HOUR, iso),
    "7d": Period(7, _DAY, GetUsageRequest.STEP_DAY, date),
    "30d": Period(30, _DAY, GetUsageRequest.STEP_DAY, date),
    "90d": Period(90, _DAY, GetUsageRequest.STEP_DAY, date),
}
DEFAULT_PERIOD = "7d"


class Activity(msgspec.Struct, frozen=True):
    """One of the last tasks."""

    task_id: str
    provider: str
    prompt: str
    status: StatusWord
    credits: Credits
    created_at: Annotated[str, Meta(description="A time in UTC.", extra_json_schema={"format": "date-time"})]


class Stats(msgspec.Struct, frozen=True):
    """The account's figures in this API."""

    credits_remaining: Credits
    total_api_calls: Annotated[int, Meta(description="Requests to the POST routes of this API.")]
    total_images_generated: int
    total_credits_used: Credits
    success_rate: Annotated[float, Meta(description="Percentage of the tasks that ended; 0 where none has.")]
    provider_usage: Annotated[dict[str, int], Meta(description="Tasks by provider.")]
    recent_activity: Annotated[
        list[Activity], Meta(description="The last 20 tasks, newest jobs first, in their order.")
    ]


class UsageRow(msgspec.Struct, frozen=True):
    """A UTC day, or an hour of one."""

    date: Annotated[str, Meta(description="As `2025-01-20`; an hour as `2025-01-20T13:00:00Z`.")]
    calls: int
    credits: Credits


class ProviderRow(msgspec.Struct, frozen=True):
    """One provider; its calls are its tasks."""

    provider: str
    calls: int
    credits: Credits


class Usage(msgspec.Struct, frozen=True):
    """The figures of a period, in which every day or hour has a row."""

    period: Annotated[str, Meta(description="`24h`, `7d`, `30d` or `90d`.")]
    total_calls: int
    total_credits: Credits
    daily_usage: Annotated[list[UsageRow], Meta(description="Oldest first.")]
    provider_usage: Annotated[list[ProviderRow], Meta(description="Most tasks first.")]


async def stats(desk: Desk, _: Visitor) -> Reply:
    """The account's figures of all time."""
    balance, calls, usage, recent = await asyncio.gather(
        desk.balance(), desk.calls(NAME), desk.usage(dialect=NAME), desk.jobs(dialect=NAME, limit=RECENT_TASKS)
    )
    total = usage.total
    body = Stats(
        credits_remaining=shown_credits(balance.available_micros),
        total_api_calls=sum(hour.calls for hour in calls),
        total_images_generated=total.images,
        total_credits_used=shown_credits(total.charge_micros),
        success_rate=success_rate(total.succeeded_tasks, total.failed_tasks),
        provider_usage={entry.model: entry.sums.tasks for entry in usage.models},
        recent_activity=_activities(recent.jobs),
    )
    return json_reply(body)


async def usage(desk: Desk, visitor: Visitor) -> Reply:
    """The figures of a period. Raises InvalidField for an unknown one."""
    name = choice(visitor.query, "period", tuple(PERIODS), default=DEFAULT_PERIOD)
    period = PERIODS[name]
    starts = starts_of(period, datetime.datetime.now(datetime.UTC))
    calls, used = await asyncio.gather(
        desk.calls(NAME, since=starts[0]), desk.usage(dialect=NAME, since=starts[0], step=period.by)
    )
    rows = rows_of(period, starts, calls, used)
    body = Usage(
        period=name,
        total_calls=sum(row.calls for row in rows),
        total_credits=shown_credits(used.total.charge_micros),
        daily_usage=rows,
        provider_usage=[
            ProviderRow(entry.model, entry.sums.tasks, shown_credits(entry.sums.charge_micros)) for entry in used.models
        ],
    )
    return json_reply(body)


def success_rate(succeeded: int, failed: int) -> float:
    """Percent with two decimals; all of them only where none failed."""
    if not succeeded:
        return 0.0
    return min(round(100 * succeeded / (succeeded + failed), 2), 99.99) if failed else 100.0


def starts_of(period: Period, now: datetime.datetime) -> Sequence[datetime.datetime]:
    """When each row begins, oldest first."""
    current = now.replace(minute=0, second=0, microsecond=0)
    if period.step == _DAY:
        current = current.replace(hour=0)
    return [current - period.step * back for back in reversed(range(period.rows))]


def rows_of(
    period: Period,
    starts: Sequence[datetime.datetime],
    calls: Sequence[GetCallsResponse.Hour],
    used: GetUsageResponse,
) -> list[UsageRow]:
    """A row for each start, with zeros where nothing happened."""
    called: Counter[str] = Counter()
    for hour in calls:
        called[period.written(moment(hour.start))] += hour.calls
    spent_micros = {period.written(moment(bucket.start)): bucket.sums.charge_micros for bucket in used.buckets}
    written = map(period.written, starts)
    return [UsageRow(start, called[start], shown_credits(spent_micros.get(start, 0))) for start in written]


def _activities(jobs: Sequence[Job]) -> list[Activity]:
    """The last tasks of jobs that are newest first; of a job that is not told whole, those at its end."""
    found: list[Activity] = []
    for job in jobs:
        room = RECENT_TASKS - len(found)
        if room and job.state not in (Job.STATE_ADMITTING, Job.STATE_REFUSED):
            found += [_activity(job, task) for task in job.tasks[-room:]]
    return found


def _activity(job: Job, task: Task) -> Activity:
    return Activity(
        task_id=f"{job.id}/{task.index}",
        provider=task.draw.model,
        prompt=task.draw.prompt,
        status=status_word(job, task),
        credits=shown_credits(task.charge_micros),
        created_at=iso(moment(job.created_at)),
    )
