"""The bound on picture bytes makes tasks wait, in turn, and none of them for ever."""

import asyncio

from generator.memory import PictureMemory, Reservation


async def _settled(*tasks: "asyncio.Task[None]") -> list[bool]:
    """Let every task go as far as it can, and tell which have ended."""
    for _ in range(5):
        await asyncio.sleep(0)
    return [task.done() for task in tasks]


def _asks(reservation: Reservation, byte_count: int) -> "asyncio.Task[None]":
    return asyncio.create_task(reservation.reserve(byte_count))


async def test_what_does_not_fit_waits_until_others_are_done() -> None:
    memory = PictureMemory(100)
    with memory.reserved() as second:
        with memory.reserved() as first:
            await first.reserve(80)
            waiting = _asks(second, 30)
            assert await _settled(waiting) == [False]
        assert await _settled(waiting) == [True]
        assert memory.used_bytes == 30
    assert memory.used_bytes == 0


async def test_who_asked_first_is_served_first_even_where_a_later_one_would_fit() -> None:
    memory = PictureMemory(100)
    with memory.reserved() as holder, memory.reserved() as large, memory.reserved() as small:
        await holder.reserve(60)
        first, second = _asks(large, 50), _asks(small, 10)
        assert await _settled(first, second) == [False, False]
        holder.release(60)
        assert await _settled(first, second) == [True, True]


async def test_tasks_that_each_hold_a_part_do_not_wait_for_one_another() -> None:
    memory = PictureMemory(100)
    with memory.reserved() as younger:
        with memory.reserved() as older:
            await older.reserve(50)
            await younger.reserve(50)
            blocked = _asks(younger, 50)
            await asyncio.wait_for(older.reserve(50), 1)
            assert memory.used_bytes == 150
            assert await _settled(blocked) == [False]
        assert await _settled(blocked) == [True]


async def test_a_task_alone_may_hold_more_than_the_bound() -> None:
    memory = PictureMemory(10)
    with memory.reserved() as alone:
        await asyncio.wait_for(alone.reserve(1000), 1)


async def test_who_stops_waiting_gives_nothing_back_and_lets_the_next_pass() -> None:
    memory = PictureMemory(100)
    with memory.reserved() as holder, memory.reserved() as impatient, memory.reserved() as patient:
        await holder.reserve(90)
        leaving, staying = _asks(impatient, 20), _asks(patient, 10)
        await _settled()
        leaving.cancel()
        assert await _settled(leaving, staying) == [True, True]
        assert memory.used_bytes == 100


async def test_a_portion_gives_back_what_it_took_and_no_more() -> None:
    memory = PictureMemory(100)
    with memory.reserved() as reservation:
        sent, drawn = reservation.portion(), reservation.portion()
        await sent.reserve(40)
        await drawn.reserve(30)
        sent.release(10)
        assert memory.used_bytes == 60
        sent.give_back()
        sent.give_back()
        assert memory.used_bytes == 30
    drawn.give_back()
    assert memory.used_bytes == 0
