"""Whatever goes wrong at a vendor, and at whichever stage: the customer pays if and only if the picture can be fetched, and the
vendor has sold at most one for each task.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from generator.providers.base import Provider
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from servicekit.objects import Objects
from testkit.database import Database
from testkit.eventually import eventually
from testkit.upstreams.base import Behaviour
from testkit.upstreams.queues import QueueUpstream

from .house import Generator, House, ended
from .purchases import PRICE_MICROS, Customer, purchase
from .test_lives import kill_leases
from .test_transformations import brought
from .vendors import ROWS, Case, Row

CALM: Mapping[str, str] = {
    "GESSO_GENERATOR_LEASE_SECONDS": "30",
    "GESSO_GENERATOR_SWEEP_SECONDS": "30",
    "GESSO_GENERATOR_ASK_SECONDS": "1",
    "GESSO_JOB_DEADLINE_SECONDS": "60",
}
"""Many cases run side by side: a busy machine must not look like a dead replica."""
_AT_ONCE = 64


@dataclass
class Outcome:
    """What became of a case."""

    case: Case
    provider: Provider
    job: pb.Job
    customer: Customer
    paid_micros: int


@contextlib.asynccontextmanager
async def housed(database: Database, folder: Path) -> AsyncIterator[House]:
    """Billing and gallery."""
    house = House(database, folder)
    async with house.billing(), house.gallery():
        yield house


@contextlib.asynccontextmanager
async def serving(
    house: House, cases: Sequence[Case], **others: str
) -> AsyncIterator[tuple[Generator, list[Provider]]]:
    """A replica that has each case's vendor for a provider."""
    catalogue = house.folder / "vendors.toml"
    await asyncio.to_thread(catalogue.write_text, "".join(case.tables for case in cases))
    async with contextlib.AsyncExitStack() as stack:
        urls = [await stack.enter_async_context(case.upstream.running()) for case in cases]
        providers = [case.opened(url) for case, url in zip(cases, urls, strict=True)]
        named = {case.name: provider for case, provider in zip(cases, providers, strict=True)}
        settings = {**CALM, "GESSO_CATALOGUE": str(catalogue), **others}
        yield await stack.enter_async_context(house.generator(named, **settings)), providers


async def submitted(house: House, generator: Generator, case: Case) -> tuple[Customer, pb.Job]:
    """Buy a picture on an account of its own."""
    customer = await house.customer()
    inputs = [await brought(house, customer, bytes(data)) for data in case.row.vendor.inputs]
    return customer, await generator.submit(customer.token(), purchase(case.draw(inputs)))


async def outcome(
    house: House, generator: Generator, case: Case, provider: Provider, turns: asyncio.Semaphore
) -> Outcome:
    """Buy a picture when it is the case's turn, and wait until the job is over."""
    async with turns:
        customer, job = await submitted(house, generator, case)
        return await concluded(house, generator, Outcome(case, provider, job, customer, 0))


async def concluded(house: House, generator: Generator, begun: Outcome) -> Outcome:
    """Wait until the job is over."""
    job = await eventually(partial(ended, generator, begun.customer.token(), begun.job.id), timeout_seconds=60)
    balance = await house.balance(begun.customer.id)
    assert balance.held_micros == 0
    return Outcome(begun.case, begun.provider, job, begun.customer, 1_000_000 - balance.available_micros)


CASES = [Case(row, behaviour) for row in ROWS for behaviour in row.behaviours()]


@pytest.fixture(scope="module")
async def outcomes(
    module_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[House, Mapping[str, Outcome]]]:
    """What became of all cases, which ran side by side."""
    async with housed(module_database, tmp_path_factory.mktemp("matrix")) as house:
        async with serving(house, CASES) as (generator, providers):
            every, turns = zip(CASES, providers, strict=True), asyncio.Semaphore(_AT_ONCE)
            found = await asyncio.gather(*(outcome(house, generator, *each, turns) for each in every))
            assert not await house.breaches(generator)
        yield house, {one.case.name: one for one in found}


async def assert_paid_for_what_can_be_fetched(house: House, one: Outcome) -> None:
    """The invariant, by the picture's bytes and the account's balance."""
    pictures = [picture for task in one.job.tasks for picture in task.pictures]
    if one.job.state != pb.Job.STATE_SUCCEEDED:
        assert (one.job.state, one.paid_micros, pictures) == (pb.Job.STATE_FAILED, 0, [])
        return
    assert (one.paid_micros, len(pictures)) == (PRICE_MICROS, 1)
    data = bytes(await Objects.from_url(house.store_url).get(pictures[0].blob_key))
    assert inspect(data).width == pictures[0].width


@pytest.mark.parametrize("name", [case.name for case in CASES])
async def test_the_customer_pays_for_what_can_be_fetched_and_the_vendor_sells_once(
    outcomes: tuple[House, Mapping[str, Outcome]], name: str
) -> None:
    house, found = outcomes
    one = found[name]
    await assert_paid_for_what_can_be_fetched(house, one)
    assert (one.job.state == pb.Job.STATE_SUCCEEDED) is one.case.is_delivered(one.provider), one.job.fault
    most = one.case.most_purchases(one.provider)
    assert most is None or one.case.upstream.purchases <= most
    assert not one.case.upstream.violations


async def test_orders_whose_replica_dies_are_collected_where_they_wait_and_else_given_up_and_none_is_bought_twice(
    database: Database, tmp_path: Path
) -> None:
    gate = asyncio.Event()
    cases = [Case(row, "") for row in ROWS]
    for case in cases:
        case.upstream.script.append(Behaviour("slow", gate=gate))
    async with housed(database, tmp_path) as house, serving(house, cases) as (generator, providers):
        begun = [
            Outcome(case, provider, job, customer, 0)
            for case, provider in zip(cases, providers, strict=True)
            for customer, job in [await submitted(house, generator, case)]
        ]
        await eventually(lambda: all(is_waited_for(case) for case in cases), timeout_seconds=30)
        await kill_leases(house)
        died = await house.rows("SELECT id FROM replicas WHERE alive_until > now()")
        assert not died
        await eventually(partial(_lives_again, house), timeout_seconds=30)
        gate.set()
        found = await asyncio.gather(*(concluded(house, generator, one) for one in begun))
        assert not await house.breaches(generator)
        for one in found:
            await assert_paid_for_what_can_be_fetched(house, one)
            survives = is_ticketed(one.case.row) or one.provider.free_to_repeat
            assert (one.job.state == pb.Job.STATE_SUCCEEDED) is survives, one.case.name
            assert survives or one.job.fault.reason == reasons.REASON_OUTCOME_UNKNOWN
            assert one.provider.free_to_repeat or one.case.upstream.purchases == 1


def is_ticketed(row: Row) -> bool:
    """Whether its order has a ticket before the picture is drawn."""
    return row.queues


def is_waited_for(case: Case) -> bool:
    """Whether the vendor has accepted the order, and is being asked about it where it queues."""
    if not case.upstream.purchases:
        return False
    queue = case.upstream
    return not (case.row.queues and isinstance(queue, QueueUpstream)) or any(
        job.poll_count for job in queue.jobs.values()
    )


async def _lives_again(house: House) -> None:
    assert await house.rows("SELECT FROM replicas WHERE alive_until > now()")
