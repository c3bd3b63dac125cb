"""Waits for jobs to end over one stream to the generator, which is opened again when it breaks; a slow question is the net.

Source: design.md, "The hot path": no wait owns a call.
"""

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable

import grpc.aio

from gateway.jobs import has_ended
from gesso.generator.v1.generator_pb2 import Job, WatchJobsRequest
from gesso.generator.v1.generator_pb2_grpc import JobsStub
from servicekit.background import running_task
from servicekit.faults import Fault
from servicekit.ids import new_id
from servicekit.link import Link

NET_SECONDS = 10.0
"""How long a wait goes without news before the generator is asked for its job."""
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 1.0
_EARLY_JOBS = 1024
"""Jobs that ended before anyone waited: their news overtook the answer to their submission."""

AskForJob = Callable[[], Awaitable[Job]]


class Wait:
    """One caller's wait for one job."""

    __slots__ = ("_ask", "_asked_at", "_ended")

    def __init__(self, ask: AskForJob) -> None:
        loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[Job | None] = loop.create_future()
        self._ask = ask
        self._asked_at = loop.time()

    def end(self, job: Job | None) -> None:
        """Wake the caller with the ended job, or with None where the wait is over before the job is."""
        if not self._ended.done():
            self._ended.set_result(job)

    @property
    def saw_the_end(self) -> bool:
        """Whether the job's end is what ended the wait."""
        return self._ended.done() and not self._ended.cancelled() and self._ended.result() is not None

    async def until(self, deadline: float) -> Job | None:
        """Wait until `end` is called or the loop's clock passes the deadline."""
        timer = asyncio.get_running_loop().call_at(deadline, self.end, None)
        try:
            return await self._ended
        finally:
            timer.cancel()

    async def ask_again(self, now: float) -> None:
        """Ask for the job where there has been no news for long. That it cannot be told now is no news either."""
        if now - self._asked_at < NET_SECONDS:
            return
        self._asked_at = now
        with contextlib.suppress(Fault):
            job = await self._ask()
            if has_ended(job):
                self.end(job)


class Watch:
    """The stream and all waits upon it. `id` names the stream in submissions."""

    def __init__(self, link: Link) -> None:
        self.id = new_id("watch")
        self._link = link
        self._stub = JobsStub(link.channel)
        self._waits: dict[str, set[Wait]] = {}
        self._followers: dict[str, set[asyncio.Queue[Job | None]]] = {}
        self._early: OrderedDict[str, Job] = OrderedDict()
        self._to_send: asyncio.Queue[WatchJobsRequest] = asyncio.Queue()
        self._left = asyncio.Event()
        self._streams = 0
        self.proven_stream = 0
        """Which stream news comes by now; 0 until the first news of a fresh one."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Keep the stream open inside the block; waits that are left at its end are over."""
        async with running_task(self._stay_connected()), running_task(self._cast_net()):
            try:
                yield
            finally:
                self.end_all()

    async def idle(self) -> None:
        """Return when nobody waits."""
        while self._waits or self._followers:
            self._left.clear()
            await self._left.wait()

    def end_all(self) -> None:
        """End every wait without its job."""
        for waits in self._waits.values():
            for wait in waits:
                wait.end(None)
        for followers in self._followers.values():
            for queue in followers:
                queue.put_nowait(None)

    async def wait(self, job_id: str, deadline: float, *, ask: AskForJob, told_by: int) -> Job | None:
        """The ended job, or None where the loop's clock passes `deadline` first.

        `ask` fetches the job when the stream is silent; `told_by` is the proven stream that was named when the job was submitted.
        Only if that is still open can the job's news be counted upon without asking for it.
        """
        early = self._early.pop(job_id, None)
        if early is not None:
            return early
        wait = Wait(ask)
        self._waits.setdefault(job_id, set()).add(wait)
        if not told_by or told_by != self.proven_stream:
            self._send(add=(job_id,))
        try:
            return await wait.until(deadline)
        finally:
            self._leave(job_id, wait)

    async def follow(self, job: Job, *, ask: AskForJob) -> AsyncGenerator[Job, None]:
        """The job as it stands, and again at each change until it has ended; it stops before that where the edge does.

        Where the stream is silent for long, `ask` fetches the job.
        """
        queue: asyncio.Queue[Job | None] = asyncio.Queue()
        self._followers.setdefault(job.id, set()).add(queue)
        if (early := self._early.pop(job.id, None)) is not None:
            job = early
        else:
            self._send(add=(job.id,))
        try:
            yield job
            while not has_ended(job):
                news = await self._news(queue, ask)
                if news is None:
                    return
                if news.revision > job.revision or has_ended(news):
                    job = news
                    yield job
        finally:
            self._stop_following(job.id, queue)

    async def _news(self, queue: "asyncio.Queue[Job | None]", ask: AskForJob) -> Job | None:
        while True:
            try:
                return await asyncio.wait_for(queue.get(), NET_SECONDS)
            except TimeoutError:
                with contextlib.suppress(Fault):  # that it cannot be told now is no news either
                    return await ask()

    def _stop_following(self, job_id: str, queue: "asyncio.Queue[Job | None]") -> None:
        followers = self._followers[job_id]
        followers.discard(queue)
        if not followers:
            del self._followers[job_id]
            self._left.set()
            if job_id not in self._waits:
                self._send(drop=(job_id,))

    def _leave(self, job_id: str, wait: Wait) -> None:
        waits = self._waits[job_id]
        waits.discard(wait)
        if not waits:
            del self._waits[job_id]
            self._left.set()
            if not wait.saw_the_end and job_id not in self._followers:
                self._send(drop=(job_id,))

    def _send(self, *, add: Iterable[str] = (), drop: Iterable[str] = ()) -> None:
        self._to_send.put_nowait(WatchJobsRequest(watch_id=self.id, add_job_ids=add, drop_job_ids=drop))

    def take_news(self, jobs: Iterable[Job]) -> None:
        """Tell those who follow a job, and wake whoever waits for one that has ended."""
        for job in jobs:
            followers = self._followers.get(job.id)
            for queue in followers or ():
                queue.put_nowait(job)
            if not has_ended(job):
                continue
            waits = self._waits.get(job.id)
            if waits is None and followers:
                continue
            if waits is None:
                self._early[job.id] = job
                if len(self._early) > _EARLY_JOBS:
                    self._early.popitem(last=False)
            else:
                for wait in waits:
                    wait.end(job)

    async def _stay_connected(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            self._streams += 1
            with contextlib.suppress(grpc.aio.AioRpcError):
                async for response in self._stub.WatchJobs(self._messages(), metadata=self._link.metadata()):
                    self.proven_stream = self._streams
                    self.take_news(response.jobs)
                    pause = _FIRST_PAUSE_SECONDS
            self.proven_stream = 0
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    async def _messages(self) -> AsyncIterator[WatchJobsRequest]:
        """What a fresh stream is told: every job that is waited for, then each change."""
        self._to_send = asyncio.Queue()
        yield WatchJobsRequest(watch_id=self.id, add_job_ids={**self._waits, **self._followers}.keys())
        while True:
            yield await self._to_send.get()

    async def _cast_net(self) -> None:
        while True:
            await asyncio.sleep(NET_SECONDS / 4)
            now = asyncio.get_running_loop().time()
            for wait in [wait for waits in self._waits.values() for wait in waits]:
                await wait.ask_again(now)
