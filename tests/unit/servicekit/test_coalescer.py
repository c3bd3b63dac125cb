"""A Coalescer loses no item, whenever it is submitted."""

import asyncio

from servicekit.coalescer import Coalescer


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
