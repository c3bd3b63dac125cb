"""What vendors that queue have in common: jobs with an id, which are ready after a while and remember what they are to meet."""

import asyncio
import secrets
import time
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from testkit.upstreams.base import SUCCESS, Behaviour, Dropped, Exchange, Reply, Rules, ScriptedUpstream
from testkit.upstreams.calling import Calls, Message

_FAILING_POLLS = 2


@dataclass(slots=True)
class QueuedJob:
    """An accepted order. ``fields`` is what was asked for, ``target`` the model or operation that it was sent to."""

    id: str
    target: str
    fields: Mapping[str, object]
    behaviour: Behaviour
    accepted_at: float = field(default_factory=time.monotonic)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    poll_count: int = 0
    cancelled: bool = False
    pictures: list[str] = field(default_factory=list)
    """Addresses of its pictures, made when they are first asked for."""


class QueueUpstream(ScriptedUpstream):
    """A vendor that answers an order with the id of a job. ``jobs`` are all that it accepted, ``calls`` those that it made back.

    A job is ready after ``delay_seconds``; after its own seconds or gate where it is ``slow``; never where it ``hang``s.
    """

    def __init__(
        self,
        *,
        default: Behaviour = SUCCESS,
        payload_bytes: int = 0,
        specification: Rules | None = None,
        delay_seconds: float = 0.0,
    ) -> None:
        super().__init__(default=default, payload_bytes=payload_bytes, specification=specification)
        self.delay_seconds = delay_seconds
        self.jobs: dict[str, QueuedJob] = {}
        self.calls = Calls()

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[str]:
        """Serve, and call back."""
        async with super().running(port) as url, self.calls.running():
            yield url

    def call_back(self, job: QueuedJob, url: str, message: Callable[[], Message]) -> None:
        """Call the address when the job is ready."""
        self.calls.begin(url, self._ready(job), message, behaviour=job.behaviour.name)

    async def _ready(self, job: QueuedJob) -> None:
        if job.behaviour.name == "hang":
            await asyncio.Event().wait()
        if job.behaviour.gate is not None:
            await job.behaviour.gate.wait()
            return
        await asyncio.sleep(max(self._ready_at(job) - time.monotonic(), 0.0))

    def places_order(self, method: str, path: str) -> bool:
        """A POST does; a vendor that cancels by POST says otherwise."""
        return method == "POST"

    @abstractmethod
    def poll_limited(self) -> Reply:
        """The vendor's 429 for a poll."""

    async def enqueue(self, exchange: Exchange, target: str, fields: Mapping[str, object]) -> QueuedJob:
        """Accept an order: from here the vendor charges."""
        job = QueuedJob(secrets.token_hex(12), target, fields, exchange.behaviour)
        self.jobs[job.id] = job
        await exchange.accept(queued=True)
        return job

    def found(self, job_id: str) -> QueuedJob | None:
        """The job that a poll, a fetch of its result or its cancellation names."""
        job = self.jobs.get(job_id)
        return None if job is None or job.behaviour.name == "lost" else job

    def polled(self, job: QueuedJob) -> Reply | None:
        """What a poll of the job meets instead of an answer, if anything."""
        job.poll_count += 1
        if job.poll_count <= _FAILING_POLLS:
            if job.behaviour.name == "poll_error":
                return Reply(503, "text/html", [b"<html>upstream connect error</html>"])
            if job.behaviour.name == "poll_drop":
                raise Dropped
        if job.behaviour.name == "poll_limited" and job.poll_count == 1:
            return self.poll_limited()
        return None

    def is_ready(self, job: QueuedJob) -> bool:
        """Whether the job has ended."""
        behaviour = job.behaviour
        if behaviour.name == "hang":
            return False
        if behaviour.name == "slow" and behaviour.gate is not None:
            return behaviour.gate.is_set()
        return time.monotonic() >= self._ready_at(job)

    def _ready_at(self, job: QueuedJob) -> float:
        seconds = job.behaviour.seconds if job.behaviour.name == "slow" else self.delay_seconds
        return job.accepted_at + (seconds or 0.0)
