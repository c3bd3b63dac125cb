"""Who waits for a job is told of its end at once, wherever it ran."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from gesso.generator.v1 import generator_pb2 as pb

from .house import Generator, House
from .purchases import Customer, draw, purchase
from .scripted import Scripted


class Watcher:
    """An edge's stream of one replica."""

    def __init__(self, generator: Generator, watch_id: str) -> None:
        self.watch_id = watch_id
        self._requests: asyncio.Queue[pb.WatchJobsRequest] = asyncio.Queue()
        self._requests.put_nowait(pb.WatchJobsRequest(watch_id=watch_id))
        self._call = generator.watch(self._sent())
        self.jobs: asyncio.Queue[pb.Job] = asyncio.Queue()
        self._reader = asyncio.create_task(self._read())

    def add(self, *job_ids: str) -> None:
        self._requests.put_nowait(pb.WatchJobsRequest(add_job_ids=job_ids))

    def drop(self, *job_ids: str) -> None:
        self._requests.put_nowait(pb.WatchJobsRequest(drop_job_ids=job_ids))

    async def next(self) -> pb.Job:
        async with asyncio.timeout(5):
            return await self.jobs.get()

    async def ended(self) -> None:
        """Wait until the replica has ended the stream."""
        async with asyncio.timeout(5):
            await asyncio.wait([self._reader])

    async def close(self) -> None:
        self._call.cancel()
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    async def _sent(self) -> AsyncIterator[pb.WatchJobsRequest]:
        while True:
            yield await self._requests.get()

    async def _read(self) -> None:
        async for response in self._call:
            for job in response.jobs:
                self.jobs.put_nowait(job)


@contextlib.asynccontextmanager
async def watching(generator: Generator, watch_id: str = "edge-1") -> AsyncIterator[Watcher]:
    watcher = Watcher(generator, watch_id)
    try:
        yield watcher
    finally:
        await watcher.close()


async def test_the_end_of_a_job_comes_with_all_that_was_settled(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    async with watching(generator) as watcher:
        job = await generator.submit(customer.token(), purchase(), watch_id=watcher.watch_id)
        alpha.curtain.set()
        told = await watcher.next()
    assert (told.id, told.state, told.available_micros) == (job.id, pb.Job.STATE_SUCCEEDED, 990_000)
    fetched = await generator.job(customer.token(), job.id)
    assert fetched.revision >= told.revision  # the ledger follows the answer, and may have ended the job meanwhile
    told.revision = fetched.revision
    assert told == fetched


async def test_a_job_that_runs_tells_what_its_hold_left(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    job = await generator.submit(customer.token(), purchase(draw(n=2)))
    assert job.available_micros == 980_000
    assert (await generator.job(customer.token(), job.id)).available_micros == 980_000
    alpha.curtain.set()


async def test_interest_that_comes_before_its_stream_is_remembered(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    job = await generator.submit(customer.token(), purchase(), watch_id="edge-1")
    async with watching(generator, "edge-1") as watcher:
        assert (await watcher.next()).id == job.id


async def test_a_job_that_has_ended_already_is_told_at_once(generator: Generator, customer: Customer) -> None:
    job = await generator.submit(customer.token(), purchase())
    async with watching(generator) as watcher:
        watcher.add(job.id)
        told = await watcher.next()
        while told.state == pb.Job.STATE_RUNNING:
            told = await watcher.next()
    assert (told.id, told.state) == (job.id, pb.Job.STATE_SUCCEEDED)


async def test_the_end_of_a_task_is_told_as_progress(
    generator: Generator, customer: Customer, alpha: Scripted, beta: Scripted
) -> None:
    beta.curtain.clear()
    async with watching(generator) as watcher:
        bound_to_beta = draw(sealed_for="beta")
        job = await generator.submit(customer.token(), purchase(draw(), bound_to_beta), watch_id=watcher.watch_id)
        progress = await watcher.next()
        assert (progress.id, progress.state) == (job.id, pb.Job.STATE_RUNNING)
        assert pb.Task.STATE_KEPT in {task.state for task in progress.tasks}
        beta.curtain.set()
        assert (await watcher.next()).state == pb.Job.STATE_SUCCEEDED


async def test_a_job_that_runs_in_another_replica_is_told_too(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    job = await generator.submit(customer.token(), purchase())
    async with house.generator({"alpha": Scripted("alpha")}) as other, watching(other) as watcher:
        watcher.add(job.id)
        assert (await watcher.next()).state == pb.Job.STATE_RUNNING
        alpha.curtain.set()
        assert (await watcher.next()).state == pb.Job.STATE_SUCCEEDED


async def test_a_dropped_job_is_told_no_more(generator: Generator, customer: Customer, alpha: Scripted) -> None:
    alpha.curtain.clear()
    async with watching(generator) as watcher:
        dropped = await generator.submit(customer.token(), purchase(), watch_id=watcher.watch_id)
        watcher.drop(dropped.id)
        kept = await generator.submit(customer.token(), purchase(), watch_id=watcher.watch_id)
        alpha.curtain.set()
        assert (await watcher.next()).id == kept.id
    assert watcher.jobs.empty()


async def test_an_edge_that_comes_back_before_its_old_stream_is_known_to_be_dead_misses_nothing(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    async with watching(generator, "edge-1") as old:
        job = await generator.submit(customer.token(), purchase(), watch_id="edge-1")
        async with watching(generator, "edge-1") as new:
            await old.ended()
            alpha.curtain.set()
            assert (await new.next()).id == job.id
    assert old.jobs.empty()
