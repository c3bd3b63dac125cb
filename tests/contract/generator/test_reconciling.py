"""An order whose answer was lost is asked after at its vendor, and placed again only if the vendor does not have it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from generator.providers.base import Bought, Drawn, Found, Order, Ticket, UpstreamFault
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import CATALOGUE, PRICE_MICROS, Customer, draw, purchase
from .scripted import Act, Scripted, failing, never
from .test_lives import kill_leases

LOST = failing(bought=Bought.UNKNOWN)


@dataclass
class Listing(Scripted):
    """A vendor that lists the orders that it took, by prompt."""

    taken: list[tuple[str, str]] = field(default_factory=list)
    asked: int = 0
    tells: bool = True

    def lost(self, name: str, bought: Bought = Bought.UNKNOWN) -> Act:
        """An order that is taken, and whose answer is lost."""

        async def act(order: Order) -> Drawn:
            self.taken.append((name, order.draw.prompt))
            raise UpstreamFault(reasons.REASON_UPSTREAM_FAILED, "lost", bought=bought, retryable=True)

        return act

    def ticketed(self, name: str) -> Act:
        """An order that is taken, and answered."""

        async def act(order: Order) -> Ticket:
            self.taken.append((name, order.draw.prompt))
            return Ticket(name.encode())

        return act

    async def find(self, order: Order, since: datetime) -> Sequence[Found]:
        assert since < datetime.now(UTC)
        assert not order.inputs
        self.asked += 1
        if not self.tells:
            raise UpstreamFault(reasons.REASON_UPSTREAM_FAILED, "no list", bought=Bought.NO, retryable=True)
        return [Found(name, Ticket(name.encode())) for name, prompt in self.taken if prompt == order.draw.prompt]


@pytest.fixture
def vendor() -> Listing:
    """The vendor."""
    return Listing("alpha")


@pytest.fixture
async def replica(house: House, vendor: Listing) -> AsyncIterator[Generator]:
    """A replica that believes the vendor after a second."""
    async with house.generator({"alpha": vendor}, GESSO_GENERATOR_ASK_SECONDS="1") as generator:
        yield generator


async def test_an_order_that_the_vendor_said_it_took_is_not_placed_again_though_it_lists_none(
    house: House, replica: Generator, customer: Customer, vendor: Listing
) -> None:
    vendor.acts.append(failing(bought=Bought.YES))
    job = await replica.submit(customer.token(), purchase())
    job = await ended(replica, customer.token(), job.id)
    assert (job.state, len(vendor.orders), vendor.asked > 0) == (pb.Job.STATE_FAILED, 1, True)
    assert (await house.balance(customer.id)).available_micros == 1_000_000


@pytest.mark.parametrize("bought", [Bought.UNKNOWN, Bought.YES], ids=["no answer", "a success that broke off"])
async def test_an_order_that_the_vendor_has_is_collected_and_paid_once(
    replica: Generator, customer: Customer, vendor: Listing, bought: Bought
) -> None:
    vendor.acts.append(vendor.lost("id-1", bought))
    job = await replica.submit(customer.token(), purchase())
    job = await ended(replica, customer.token(), job.id)
    assert (job.state, job.charge_micros) == (pb.Job.STATE_SUCCEEDED, PRICE_MICROS)
    assert (len(vendor.orders), vendor.collected) == (1, [b"id-1"])


async def test_an_order_that_appears_in_the_list_only_later_is_found_all_the_same(
    replica: Generator, customer: Customer, vendor: Listing
) -> None:
    vendor.acts.append(LOST)
    job = await replica.submit(customer.token(), purchase())
    await eventually(lambda: vendor.asked == 1)
    vendor.taken.append(("id-1", "a fox"))
    job = await ended(replica, customer.token(), job.id)
    assert (job.state, len(vendor.orders), vendor.collected) == (pb.Job.STATE_SUCCEEDED, 1, [b"id-1"])


async def test_an_order_that_the_vendor_does_not_have_is_placed_again(
    replica: Generator, customer: Customer, vendor: Listing
) -> None:
    vendor.acts.append(LOST)
    job = await replica.submit(customer.token(), purchase())
    job = await ended(replica, customer.token(), job.id)
    assert (job.state, job.charge_micros) == (pb.Job.STATE_SUCCEEDED, PRICE_MICROS)
    assert (len(vendor.orders), vendor.collected) == (2, [])
    assert vendor.asked > 1


async def test_where_the_vendor_cannot_tell_the_task_fails_uncharged_and_nothing_is_bought_again(
    house: House, replica: Generator, customer: Customer, vendor: Listing
) -> None:
    vendor.tells = False
    vendor.acts.append(vendor.lost("id-1"))
    job = await replica.submit(customer.token(), purchase())
    job = await ended(replica, customer.token(), job.id)
    assert (job.state, job.fault.reason, len(vendor.orders)) == (pb.Job.STATE_FAILED, reasons.REASON_OUTCOME_UNKNOWN, 1)
    assert (await house.balance(customer.id)).available_micros == 1_000_000


async def test_of_two_orders_that_are_alike_each_finds_its_own(
    replica: Generator, customer: Customer, vendor: Listing
) -> None:
    vendor.acts.extend([vendor.lost("id-1"), vendor.lost("id-2")])
    jobs = [await replica.submit(customer.token(), purchase()) for _ in range(2)]
    for job in jobs:
        assert (await ended(replica, customer.token(), job.id)).state == pb.Job.STATE_SUCCEEDED
    assert sorted(vendor.collected) == [b"id-1", b"id-2"]
    assert len(vendor.orders) == 2


async def test_an_order_that_another_task_has_is_not_taken_for_ones_own(
    replica: Generator, customer: Customer, vendor: Listing
) -> None:
    vendor.acts.extend([vendor.ticketed("id-1"), LOST])
    for _ in range(2):
        job = await replica.submit(customer.token(), purchase())
        assert (await ended(replica, customer.token(), job.id)).state == pb.Job.STATE_SUCCEEDED
    assert (vendor.collected, len(vendor.orders)) == ([b"id-1"], 3)


async def test_what_a_dead_worker_had_ordered_is_asked_after(house: House, customer: Customer, vendor: Listing) -> None:
    dead = Listing("alpha")
    dead.acts.append(never)
    async with house.generator({"alpha": dead}, GESSO_GENERATOR_GRACE_SECONDS="0") as first:
        job = await first.submit(customer.token(), purchase())
        await eventually(lambda: len(dead.orders) == 1)
    vendor.taken.append(("id-1", "a fox"))
    async with house.generator({"alpha": vendor}, GESSO_GENERATOR_ASK_SECONDS="1") as second:
        job = await ended(second, customer.token(), job.id)
    assert (job.state, job.charge_micros) == (pb.Job.STATE_SUCCEEDED, PRICE_MICROS)
    assert (vendor.orders, vendor.collected) == ([], [b"id-1"])


async def test_what_a_dead_worker_had_only_meant_to_order_is_ordered(
    replica: Generator, house: House, customer: Customer, vendor: Listing
) -> None:
    vendor.acts.append(never)
    job = await replica.submit(customer.token(), purchase(draw(n=2)))
    await eventually(lambda: len(vendor.orders) == 1)
    await kill_leases(house)
    job = await ended(replica, customer.token(), job.id)
    assert (job.state, job.charge_micros) == (pb.Job.STATE_SUCCEEDED, 2 * PRICE_MICROS)
    assert len(vendor.orders) == 2


async def test_a_provider_that_is_not_to_be_asked_is_not(house: House, customer: Customer, vendor: Listing) -> None:
    catalogue = house.folder / "own.toml"
    text = CATALOGUE.replace('title = "Alpha"\n', 'title = "Alpha"\nunknown_outcome = "fail"\n')
    await asyncio.to_thread(catalogue.write_text, text)
    vendor.acts.append(vendor.lost("id-1"))
    async with house.generator({"alpha": vendor}, GESSO_CATALOGUE=str(catalogue)) as generator:
        job = await generator.submit(customer.token(), purchase())
        job = await ended(generator, customer.token(), job.id)
    assert (job.fault.reason, vendor.asked) == (reasons.REASON_OUTCOME_UNKNOWN, 0)
