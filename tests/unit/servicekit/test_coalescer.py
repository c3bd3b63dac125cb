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
