"""Unfinished pictures are seen while their task runs, by whoever watches, and are gone a while after its end."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlsplit

from generator.providers.base import Drawn, Order, Pixels
from gesso.generator.v1 import generator_pb2 as pb
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import Customer, draw, purchase
from .scripted import Scripted, picture
from .test_watches import Watcher, watching


def _unfinished(gate: asyncio.Event, *pictures: bytes) -> Callable[[Order], Awaitable[Drawn]]:
    """An order that shows these, and brings its picture when the gate opens."""

    async def act(order: Order) -> Drawn:
        for data in pictures:
            assert order.on_partial is not None, "somebody looks"
            await order.on_partial(Pixels(data))
        await gate.wait()
        return Drawn([Pixels(picture(9)) for _ in range(order.count)], upstream_model=order.upstream_model)

    return act


async def _showing(watcher: Watcher, count: int) -> pb.Job:
    job = await watcher.next()
    while len(job.tasks[0].partials) < count:
        job = await watcher.next()
    return job


def _bytes_at(read_url: str) -> bytes:
    """The bytes at an address; none where nothing lies there any more."""
    path = Path(urlsplit(read_url).path)
    return path.read_bytes() if path.exists() else b""


async def test_a_picture_is_seen_before_it_is_finished(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    gate = asyncio.Event()
    alpha.acts.append(_unfinished(gate, picture(1), picture(2)))
    async with watching(generator) as watcher:
        job = await generator.submit(customer.token(), purchase(draw(partial_images=2)), watch_id=watcher.watch_id)
        shown = await _showing(watcher, 2)
        assert shown.state == pb.Job.STATE_RUNNING
        assert [_bytes_at(one.read_url) for one in shown.tasks[0].partials] == [picture(1), picture(2)]
        fetched = await generator.job(customer.token(), job.id)
        assert fetched.tasks[0].partials == shown.tasks[0].partials
        assert fetched.revision == shown.revision
        gate.set()
        last = await watcher.next()
    assert (last.state, len(last.tasks[0].pictures), len(last.tasks[0].partials)) == (pb.Job.STATE_SUCCEEDED, 1, 2)


async def test_no_more_are_shown_than_were_asked_for_and_none_that_is_no_picture(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    gate = asyncio.Event()
    alpha.acts.append(_unfinished(gate, b"no picture", picture(1), picture(2)))
    async with watching(generator) as watcher:
        await generator.submit(customer.token(), purchase(draw(partial_images=1)), watch_id=watcher.watch_id)
        shown = await _showing(watcher, 1)
        gate.set()
        last = await watcher.next()
    for job in (shown, last):
        assert [_bytes_at(one.read_url) for one in job.tasks[0].partials] == [picture(1)]


async def test_the_pictures_of_a_stream_are_ordered_one_by_one_and_the_first_is_watched(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    async with watching(generator) as watcher:
        await generator.submit(customer.token(), purchase(draw(n=3, partial_images=1)), watch_id=watcher.watch_id)
        last = await watcher.next()
    assert len(last.tasks[0].pictures) == 3
    assert [order.count for order in alpha.orders] == [1, 1, 1]
    assert [order.on_partial is not None for order in alpha.orders] == [True, False, False]


async def test_without_a_wish_for_them_nobody_looks(generator: Generator, customer: Customer, alpha: Scripted) -> None:
    async with watching(generator) as watcher:
        await generator.submit(customer.token(), purchase(draw(n=3)), watch_id=watcher.watch_id)
        await watcher.next()
    (order,) = alpha.orders
    assert (order.count, order.on_partial) == (3, None)


async def test_another_replica_tells_of_them_too(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    gate = asyncio.Event()
    alpha.acts.append(_unfinished(gate, picture(1)))
    async with house.generator({"alpha": Scripted("alpha")}) as other, watching(other) as watcher:
        job = await generator.submit(customer.token(), purchase(draw(partial_images=1)))
        watcher.add(job.id)
        shown = await _showing(watcher, 1)
        gate.set()
    assert _bytes_at(shown.tasks[0].partials[0].read_url) == picture(1)


async def test_they_outlive_their_task_for_a_while_only(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    gate = asyncio.Event()
    gate.set()
    alpha.acts.append(_unfinished(gate, picture(1)))
    async with watching(generator) as watcher:
        job = await generator.submit(customer.token(), purchase(draw(partial_images=1)), watch_id=watcher.watch_id)
        told = await watcher.next()
    (shown,) = told.tasks[0].partials
    await ended(generator, customer.token(), job.id)
    assert _bytes_at(shown.read_url) == picture(1)
    await house.rows("UPDATE tasks SET ended_at = ended_at - interval '2 minutes'")

    async def forgotten() -> bool:
        return not (await generator.job(customer.token(), job.id)).tasks[0].partials

    await eventually(forgotten)
    assert _bytes_at(shown.read_url) == b""
