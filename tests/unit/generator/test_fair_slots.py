"""Places go round the accounts: whoever waits alone waits for one turn, and a place is never lost."""

import asyncio
import contextlib
import random

import pytest

from generator.fair_slots import FairSlots


class Orders:
    """Orders that hold their place until the test ends them; `begun` says in which order they were served."""

    def __init__(self, slots: FairSlots) -> None:
        self._slots = slots
        self._ends: dict[str, asyncio.Event] = {}
        self._work: dict[str, asyncio.Task[None]] = {}
        self.begun: list[str] = []

    async def place(self, *names: str) -> None:
        """Place orders, one after the other: `a1` is the account a's."""
        for name in names:
            self._ends[name] = asyncio.Event()
            self._work[name] = asyncio.create_task(self._run(name))
        await _settled()

    async def end(self, *names: str) -> None:
        """Let orders end."""
        for name in names:
            self._ends[name].set()
        await asyncio.wait([self._work.pop(name) for name in names])
        await _settled()

    def cancel(self, name: str) -> asyncio.Task[None]:
        """Cancel an order, and do not wait for it."""
        self._work[name].cancel()
        return self._work.pop(name)

    async def end_all(self) -> list[str]:
        """End whoever holds a place until nobody is left; returns who was served."""
        while running := [name for name in self.begun if name in self._work]:
            await self.end(running[0])
        assert not self._work, "everyone was served"
        return self.begun

    async def _run(self, name: str) -> None:
        async with self._slots.held(name[0]):
            self.begun.append(name)
            await self._ends[name].wait()


async def _settled() -> None:
    """Let every task run until it waits."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_orders_run_than_there_are_places() -> None:
    orders = Orders(FairSlots(2))
    await orders.place("a1", "a2", "b1")
    assert orders.begun == ["a1", "a2"]
    await orders.end("a2")
    assert orders.begun == ["a1", "a2", "b1"]


async def test_one_order_of_another_account_waits_for_one_turn_of_the_hundred_before_it() -> None:
    orders = Orders(FairSlots(1))
    await orders.place(*(f"a{number}" for number in range(100)), "b0")
    served = await orders.end_all()
    assert served.index("b0") == 2
    assert [name for name in served if name[0] == "a"] == [f"a{number}" for number in range(100)]


async def test_accounts_take_turns_and_each_is_served_in_order() -> None:
    orders = Orders(FairSlots(1))
    await orders.place("a1", "a2", "a3", "a4", "b1", "b2", "c1")
    assert await orders.end_all() == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


async def test_an_account_that_comes_back_stands_behind_those_that_waited() -> None:
    orders = Orders(FairSlots(1))
    await orders.place("a1", "b1", "c1")
    await orders.end("a1")
    await orders.place("a2")
    assert await orders.end_all() == ["a1", "b1", "c1", "a2"]


async def test_an_order_that_is_cancelled_while_it_waits_costs_nobody_a_place_or_a_turn() -> None:
    orders = Orders(FairSlots(1))
    await orders.place("a1", "b1", "b2", "c1")
    left = orders.cancel("b1")
    await asyncio.wait([left])
    assert await orders.end_all() == ["a1", "b2", "c1"]


async def test_an_order_that_is_cancelled_as_its_turn_comes_hands_the_place_on() -> None:
    slots = FairSlots(1)
    orders = Orders(slots)
    async with contextlib.AsyncExitStack() as holder:
        await holder.enter_async_context(slots.held("a"))
        await orders.place("b1", "c1")
    left = orders.cancel("b1")  # the place is its own already, and it has not run since
    await asyncio.wait([left])
    assert await orders.end_all() == ["c1"]


async def test_a_turn_whose_order_was_cancelled_just_before_is_the_next_one_of_its_account() -> None:
    slots = FairSlots(1)
    orders = Orders(slots)
    async with contextlib.AsyncExitStack() as holder:
        await holder.enter_async_context(slots.held("a"))
        await orders.place("b1", "b2", "c1")
        left = orders.cancel("b1")  # it stands in line still: it has not run since
    await asyncio.wait([left])
    assert await orders.end_all() == ["b2", "c1"]


async def test_a_block_that_fails_gives_its_place_back() -> None:
    slots = FairSlots(1)
    with pytest.raises(ValueError, match="as the test wants it"):
        async with slots.held("a"):
            raise ValueError("as the test wants it")
    async with asyncio.timeout(5), slots.held("b"):
        pass


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_is_cancelled_every_place_comes_back(seed: int) -> None:
    slots, chance = FairSlots(3), random.Random(seed)
    held = most = 0

    async def work(account: str, steps: int) -> None:
        nonlocal held, most
        async with slots.held(account):
            held += 1
            most = max(most, held)
            try:
                for _ in range(steps):
                    await asyncio.sleep(0)
            finally:
                held -= 1

    tasks = [asyncio.create_task(work(chance.choice("abcd"), chance.randrange(4))) for _ in range(200)]
    for _ in range(100):
        chance.choice(tasks).cancel()
        await asyncio.sleep(0)
    await asyncio.wait(tasks)
    assert (most, held) == (3, 0)
    async with asyncio.timeout(5), slots.held("x"), slots.held("y"), slots.held("z"):
        pass


async def test_a_place_that_is_given_back_early_is_given_back_once() -> None:
    slots = FairSlots(1)
    async with slots.held("a") as place:
        place.give_back()
        async with asyncio.timeout(1), slots.held("b"):
            place.give_back()
            assert not slots.is_idle
    assert slots.is_idle


async def test_what_holds_a_place_beyond_those_that_there_are_is_waited_for() -> None:
    slots = FairSlots(1)
    orders = Orders(slots)
    with slots.held_at_once():
        with slots.held_at_once():
            await orders.place("a1")
        await _settled()
        assert orders.begun == []
    await _settled()
    assert orders.begun == ["a1"]
    await orders.end("a1")
    assert slots.is_idle
