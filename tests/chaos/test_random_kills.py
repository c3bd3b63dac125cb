"""Services and PostgreSQL are killed at moments that nobody chose while orders are under way; the accounts still add up."""

import asyncio
import os
import random
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest
from tests.chaos.orders import FINAL_SECONDS, Order, assert_paid, is_delivered

from testkit.eventually import eventually
from testkit.platform import MODEL, Account, PlatformUnderTest
from testkit.upstreams.base import Behaviour
from testkit.upstreams.openai import OpenAIUpstream

ORDERS = 20
CUSTOMERS = 5
SERVICES = ("billing", "generator", "gallery", "gateway", "webhooks")


@dataclass
class Load:
    """Orders of one account, placed by a few customers at a time; `begun` counts those that were ever begun."""

    account: Account
    platforms: Sequence[PlatformUnderTest]
    name: str
    begun: int = 0
    delivered: list[Order] = field(default_factory=list)
    in_doubt: list[Order] = field(default_factory=list)

    async def run(self) -> None:
        """Place every order and go on until its answer is final."""
        waiting = [
            Order(self.account, f"{self.name}-{number}", "sketch" if number % 4 == 3 else MODEL)
            for number in range(ORDERS)
        ]
        async with asyncio.TaskGroup() as group:
            for _ in range(CUSTOMERS):
                group.create_task(self._customer(waiting))

    async def _customer(self, waiting: list[Order]) -> None:
        while waiting:
            order = waiting.pop()
            self.begun += 1
            answer = await order.final(self.platforms)
            (self.delivered if await is_delivered(self.platforms[0], answer) else self.in_doubt).append(order)

    async def assert_accounts_add_up(self, vendor: OpenAIUpstream) -> None:
        """Every order has ended, was bought at most once, and is paid where it was delivered and nowhere else."""
        assert len(self.delivered) + len(self.in_doubt) == ORDERS
        assert len(self.delivered) > ORDERS // 2, "a kill costs what was under way, not the rest"
        for order in (*self.delivered, *self.in_doubt):
            assert order.accepted_count(vendor) <= 1
        price_micros = sum(order.price_micros for order in self.delivered)
        await assert_paid(self.platforms[0], self.account, 1_000_000, price_micros)
        await self.platforms[0].verify()


async def kill_while_under_way(
    load: Load, kills: Sequence[tuple[PlatformUnderTest, str]], chance: random.Random
) -> None:
    """Kill one process after the other, each once some more orders have begun."""
    stops = sorted(chance.sample(range(CUSTOMERS, ORDERS), len(kills)))
    for stop, (platform, name) in zip(stops, kills, strict=True):
        await eventually(_reached(load, stop), timeout_seconds=FINAL_SECONDS)
        await platform.kill(name)


def _reached(load: Load, count: int) -> Callable[[], bool]:
    return lambda: load.begun >= count


@pytest.fixture
def unhurried(vendor: OpenAIUpstream) -> OpenAIUpstream:
    """A vendor that takes its time, so that a kill finds orders under way."""
    vendor.requests.clear()
    vendor.default = Behaviour("slow", seconds=0.2)
    return vendor


@pytest.mark.parametrize("seed", [1, 2])
async def test_services_killed_at_random_cost_nobody_a_picture_or_a_cent(
    standing: PlatformUnderTest, unhurried: OpenAIUpstream, seed: int
) -> None:
    chance = random.Random(seed)
    load = Load(await standing.account(usd=1), [standing], f"seed-{seed}")
    kills = [(standing, name) for name in chance.sample(SERVICES, 3)]
    await asyncio.gather(load.run(), kill_while_under_way(load, kills, chance))
    await load.assert_accounts_add_up(unhurried)


@pytest.mark.parametrize("seed", [3])
async def test_postgresql_killed_at_random_costs_nobody_a_picture_or_a_cent(
    standing: PlatformUnderTest, unhurried: OpenAIUpstream, seed: int
) -> None:
    load = Load(await standing.account(usd=1), [standing], f"seed-{seed}")
    kills = [(standing, "postgres")] * 3
    await asyncio.gather(load.run(), kill_while_under_way(load, kills, random.Random(seed)))
    await load.assert_accounts_add_up(unhurried)


async def test_a_service_that_is_told_to_stop_ends_what_it_has_begun(
    standing: PlatformUnderTest, unhurried: OpenAIUpstream
) -> None:
    """An orderly end is no crash: whatever was bought arrives, and nothing is left in doubt."""
    load = Load(await standing.account(usd=1), [standing], "orderly")
    running = asyncio.create_task(load.run())
    for name in ("generator", "gallery", "billing", "gateway"):
        # While a service comes back the rest goes on: the last orders may have begun by then, and no further one will.
        await eventually(_reached(load, min(load.begun + 1, ORDERS)), timeout_seconds=FINAL_SECONDS)
        starts = standing.processes[name].starts
        os.kill(standing.processes[name].pid, signal.SIGTERM)
        await standing.until_restarted(name, starts)
    await running
    assert load.in_doubt == []
    await load.assert_accounts_add_up(unhurried)
