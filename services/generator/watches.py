"""Who waits for a job is told when it ends, at once, and of what happens before, at most twice a second.

Jobs that run in this process are told from memory; for those that run elsewhere the database is asked, for all of them together.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable

from generator import views
from generator.records import JobRecord
from generator.store import reads
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.database import Database
from servicekit.faults import Unavailable
from servicekit.objects import Objects

_PROGRESS_SECONDS = 0.5
_FOLLOW_SECONDS = 0.3
_UNATTACHED_SECONDS = 60.0


class Watch:
    """One edge's interest: the ids it waits for, and what it has not been told yet."""

    def __init__(self) -> None:
        self.job_ids: dict[str, int] = {}
        """The last revision that was told, by id."""
        self.attached = False
        self.made_at = time.monotonic()
        self._news: dict[str, JobRecord] = {}
        self._closed = False
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def tell(self, job: JobRecord, *, ended: bool) -> None:
        """Queue a job's present state for the edge."""
        self._news[job.id] = job
        if ended:
            self._wake.set()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_PROGRESS_SECONDS, self._progress_due)

    async def news(self) -> list[JobRecord]:
        """Wait for something to tell: jobs that have ended, and twice a second also those that have not; empty once closed."""
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            due = self._timer is None
            if jobs := [job for job in self._news.values() if due or is_over(job)]:
                for job in jobs:
                    del self._news[job.id]
                return jobs
        return []

    def succeed(self, older: "Watch") -> None:
        """Go on where another watch of the same edge was, and end it."""
        self.job_ids = older.job_ids
        for job in older.close():
            self.tell(job, ended=is_over(job))

    def close(self) -> list[JobRecord]:
        """The edge is gone; returns what it was not told."""
        self._closed = True
        self._wake.set()
        untold, self._news = list(self._news.values()), {}
        return untold

    def _progress_due(self) -> None:
        self._timer = None
        self._wake.set()


class Watches:
    """All watches of this replica."""

    def __init__(self, database: Database, objects: Objects, is_local: Callable[[str], bool]) -> None:
        self._database = database
        self._objects = objects
        self._is_local = is_local
        self._watches: dict[str, Watch] = {}
        self._watchers: dict[str, set[str]] = {}
        self._follow = asyncio.Event()

    def add(self, watch_id: str, job_ids: Iterable[str]) -> None:
        """Note interest; jobs that do not run here are asked after."""
        watch = self._watches.setdefault(watch_id, Watch())
        for job_id in job_ids:
            watch.job_ids.setdefault(job_id, 0)
            self._watchers.setdefault(job_id, set()).add(watch_id)
            if not self._is_local(job_id):
                self._follow.set()

    def drop(self, watch_id: str, job_ids: Iterable[str]) -> None:
        """Forget interest."""
        watch = self._watches.get(watch_id)
        for job_id in job_ids:
            if watch is not None:
                watch.job_ids.pop(job_id, None)
            watchers = self._watchers.get(job_id, set())
            watchers.discard(watch_id)
            if not watchers:
                self._watchers.pop(job_id, None)

    def publish(self, job: JobRecord) -> None:
        """Tell who waits that the job has changed; who is told of its end waits no more."""
        over = is_over(job)
        for watch_id in tuple(self._watchers.get(job.id, ())):
            watch = self._watches[watch_id]
            watch.tell(job, ended=over)
            watch.job_ids[job.id] = views.revision(job)
            if over:
                self.drop(watch_id, (job.id,))

    def close(self) -> None:
        """End every stream; edges come back to another replica."""
        for watch in self._watches.values():
            watch.close()

    def look_elsewhere(self) -> None:
        """A job has left this process and goes on in another."""
        self._follow.set()

    async def stream(self, requests: AsyncIterator[pb.WatchJobsRequest]) -> AsyncIterator[pb.WatchJobsResponse]:
        """Serve one edge: its first request names the watch."""
        first = await anext(requests, None)
        if first is None:
            return
        watch_id = first.watch_id
        watch = self._attached(watch_id)
        self._take(watch_id, first)
        reader = asyncio.create_task(self._read(watch_id, requests))
        reader.add_done_callback(lambda _: watch.close())
        try:
            while news := await watch.news():
                yield pb.WatchJobsResponse(jobs=[await views.to_message(job, self._objects) for job in news])
        finally:
            reader.cancel()
            self._forget(watch_id, watch)

    async def follow(self) -> None:
        """Ask the database after jobs that run elsewhere, while there are any; for ever."""
        while True:
            if not self._elsewhere():
                self._follow.clear()
                await self._follow.wait()
            with contextlib.suppress(Unavailable):  # the next round asks again
                await self._ask(self._elsewhere())
            self._drop_unattached()
            await asyncio.sleep(_FOLLOW_SECONDS)

    def _attached(self, watch_id: str) -> Watch:
        """The watch that the stream just opened serves; an older stream of the same edge, dead but not known to be, gives way."""
        watch, older = Watch(), self._watches.get(watch_id)
        if older is not None:
            watch.succeed(older)
        watch.attached = True
        self._watches[watch_id] = watch
        return watch

    def _elsewhere(self) -> list[str]:
        return [job_id for job_id in self._watchers if not self._is_local(job_id)]

    async def _ask(self, job_ids: Collection[str]) -> None:
        now = await reads.revisions(self._database, list(job_ids)) if job_ids else {}
        changed = [job_id for job_id in now if now[job_id] > self._told(job_id)]
        for job in (await reads.jobs(self._database, changed)).values() if changed else ():
            if not self._is_local(job.id):
                self.publish(job)

    def _told(self, job_id: str) -> int:
        watchers = self._watchers.get(job_id, ())
        return min((self._watches[watch_id].job_ids.get(job_id, 0) for watch_id in watchers), default=0)

    async def _read(self, watch_id: str, requests: AsyncIterator[pb.WatchJobsRequest]) -> None:
        async for request in requests:
            self._take(watch_id, request)

    def _take(self, watch_id: str, request: pb.WatchJobsRequest) -> None:
        self.add(watch_id, request.add_job_ids)
        self.drop(watch_id, request.drop_job_ids)

    def _forget(self, watch_id: str, watch: Watch) -> None:
        if self._watches.get(watch_id) is watch:
            self.drop(watch_id, tuple(watch.job_ids))
            del self._watches[watch_id]

    def _drop_unattached(self) -> None:
        horizon = time.monotonic() - _UNATTACHED_SECONDS
        for watch_id, watch in tuple(self._watches.items()):
            if not watch.attached and watch.made_at < horizon:
                self._forget(watch_id, watch)


def is_over(job: JobRecord) -> bool:
    """Whether there is nothing more to tell."""
    return job.ended or (job.tasks_ended and job.state in (pb.Job.STATE_QUEUED, pb.Job.STATE_RUNNING))
