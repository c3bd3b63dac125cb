"""A Coalescer loses no item, whenever it is submitted."""

import asyncio

from servicekit.coalescer import Coalescer
from servicekit.faults import Internal, Unavailable


async def test_a_caller_that_submits_again_as_soon_as_it_is_answered_is_answered_again() -> None:
    async def double(numbers: list[int]) -> list[int]:
        await asyncio.sleep(0)
        return [2 * number for number in numbers]

    coalescer = Coalescer[int, int](double)
    async with asyncio.timeout(5):
        assert [await coalescer.submit(number) for number in range(3)] == [0, 2, 4]


async def test_large_items_go_in_several_batches_and_one_that_is_too_large_goes_alone() -> None:
    batches: list[list[int]] = []
    go_on = asyncio.Event()

    async def note(weights: list[int]) -> list[int]:
        batches.append(weights)
        await go_on.wait()
        return weights

    coalescer = Coalescer[int, int](note, weigh=int, max_weight=10)
    async with asyncio.timeout(5):
        calls = [asyncio.create_task(coalescer.submit(weight)) for weight in (1, 4, 6, 1, 50, 2, 3)]
        go_on.set()
        assert await asyncio.gather(*calls) == [1, 4, 6, 1, 50, 2, 3]
    assert batches == [[1, 4], [6, 1], [50], [2, 3]]


async def test_an_item_that_a_peer_cannot_bear_fails_alone_and_one_that_is_away_fails_all_at_once() -> None:
    sent: list[list[int]] = []

    async def bear(numbers: list[int]) -> list[int]:
        sent.append(numbers)
        if 13 in numbers:
            raise Internal
        if 0 in numbers:
            raise Unavailable("peer")
        return numbers

    coalescer = Coalescer[int, int](bear)
    first = await asyncio.gather(*(coalescer.submit(number) for number in (1, 13, 2)), return_exceptions=True)
    second = await asyncio.gather(*(coalescer.submit(number) for number in (1, 0)), return_exceptions=True)
    assert [type(result) for result in (*first, *second)] == [int, Internal, int, Unavailable, Unavailable]
    assert sent == [[1, 13, 2], [1], [13], [2], [1, 0]]


async def test_a_second_batch_goes_out_beside_the_first_only_while_a_crowd_waits() -> None:
    under_way: list[list[int]] = []
    go_on = asyncio.Semaphore(0)

    async def note(numbers: list[int]) -> list[int]:
        under_way.append(numbers)
        await go_on.acquire()
        return numbers

    async def submitted(*numbers: int) -> None:
        calls.extend(asyncio.create_task(coalescer.submit(number)) for number in numbers)
        for _ in range(3):  # the calls, the pump that they start, and what it sends
            await asyncio.sleep(0)

    calls: list[asyncio.Task[int]] = []
    coalescer = Coalescer[int, int](note, max_in_flight=2, crowd=3)
    async with asyncio.timeout(5):
        await submitted(1)
        await submitted(2, 3)
        assert under_way == [[1]]
        await submitted(4)
        assert under_way == [[1], [2, 3, 4]]
        await submitted(5)
        go_on.release()
        await asyncio.wait(calls[:1])
        await submitted(6)
        assert under_way == [[1], [2, 3, 4]], "one batch is under way, and two items are no crowd"
        for _ in range(3):
            go_on.release()
        assert await asyncio.gather(*calls) == [1, 2, 3, 4, 5, 6]
    assert under_way == [[1], [2, 3, 4], [5, 6]]


async def test_a_second_batch_goes_out_beside_the_first_where_more_waits_than_one_may_weigh() -> None:
    under_way: list[list[int]] = []
    go_on = asyncio.Event()

    async def note(weights: list[int]) -> list[int]:
        under_way.append(weights)
        await go_on.wait()
        return weights

    coalescer = Coalescer[int, int](note, max_in_flight=2, crowd=100, weigh=int, max_weight=10)
    async with asyncio.timeout(5):
        calls = []
        for weight in (3, 6, 5):
            calls.append(asyncio.create_task(coalescer.submit(weight)))
            for _ in range(3):  # the call, the pump that it starts, and what it sends
                await asyncio.sleep(0)
        assert under_way == [[3], [6]]
        go_on.set()
        assert await asyncio.gather(*calls) == [3, 6, 5]
