"""A generation as it goes on, as server-sent events whose numbers are the same whenever it is followed.

Each place for a picture has its own numbers, and is told of when all places before it are settled: whoever reconnects with
`Last-Event-ID` gets just what is missing. Source: contract.md, "imagegen", Generations.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Literal

import msgspec

from gateway.dialects.base import Addresses, Updates
from gateway.dialects.imagegen import answers
from gateway.dialects.imagegen.facts import facts_of
from gateway.dialects.imagegen.shapes import StatusWord
from gateway.jobs import has_ended
from gateway.wire import Event, json_event
from gesso.generator.v1.generator_pb2 import Job, Picture, Task

_QUEUED, _RUNNING = 1, 2
_FIRST_PLACE = 3
_PER_PLACE = 2
"""The picture, then the progress after it."""
_TASK_ENDED = frozenset({Task.STATE_KEPT, Task.STATE_FAILED, Task.STATE_CANCELLED})
_LAST: dict[StatusWord, str] = {"completed": "completed", "failed": "failed", "cancelled": "cancelled"}


class StatusNews(msgspec.Struct, frozen=True):
    """The data of `status`."""

    id: str
    status: Literal["queued", "running"]


class ProgressNews(msgspec.Struct, frozen=True):
    """The data of `progress`: how many places for pictures are settled, drawn or not."""

    id: str
    settled: int
    total: int
    percent: int


async def events(updates: Updates, addresses: Addresses) -> AsyncIterator[Event]:
    """`status`, `image` and `progress` as they come, then `completed`, `failed` or `cancelled` with the whole generation."""
    told = 0
    async for job in updates:
        for number, event in numbered(job, addresses, after=told):
            yield event
            told = number


def numbered(job: Job, addresses: Addresses, *, after: int) -> Iterator[tuple[int, Event]]:
    """Everything that can be told of the job as it stands, by its number, beyond the number `after`."""
    for number, event in _status(job):
        if number > after:
            yield number, event
    settled, total = list(_settled(job)), sum(task.draw.n for task in job.tasks)
    for place, picture in enumerate(settled):
        number = _FIRST_PLACE + place * _PER_PLACE
        if picture is not None and number > after:
            yield number, _image(job, picture, addresses, number)
        if number + 1 > after:
            yield number + 1, _progress(job, place + 1, total, number + 1)
    last = _FIRST_PLACE + total * _PER_PLACE
    if has_ended(job) and last > after:
        yield last, _end(job, addresses, last)


def _status(job: Job) -> Iterator[tuple[int, Event]]:
    shown_id = answers.shown_id(job)
    yield _QUEUED, json_event(StatusNews(shown_id, "queued"), name="status", event_id=str(_QUEUED))
    if job.state == Job.STATE_RUNNING or any(task.provider for task in job.tasks):
        yield _RUNNING, json_event(StatusNews(shown_id, "running"), name="status", event_id=str(_RUNNING))


def _settled(job: Job) -> Iterator[Picture | None]:
    """The places that are settled, up to the first that is not: their pictures, None where there will be none."""
    for task in job.tasks:
        if task.state not in _TASK_ENDED and not has_ended(job):
            return
        yield from (*task.pictures, *(None,) * (task.draw.n - len(task.pictures)))


def _image(job: Job, picture: Picture, addresses: Addresses, number: int) -> Event:
    facts = facts_of(job)
    shown = answers.image(job, picture, facts, addresses)
    pictures = (answers.file_of(picture),) if facts.in_base64 else ()
    return json_event(shown, name="image", event_id=str(number), pictures=pictures)


def _progress(job: Job, settled: int, total: int, number: int) -> Event:
    news = ProgressNews(answers.shown_id(job), settled, total, settled * 100 // total)
    return json_event(news, name="progress", event_id=str(number))


def _end(job: Job, addresses: Addresses, number: int) -> Event:
    body, pictures = answers.worded(job, addresses)
    return json_event(body, name=_LAST[body.status], event_id=str(number), pictures=pictures)
