"""A picture that a vendor draws after its task has ended is fetched, and put onto the task, uncharged."""

import asyncio
from collections.abc import Mapping

from generator.providers.base import Bought, Drawn, Order, UpstreamFault
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import Customer, draw, purchase
from .scripted import Scripted, failing, ticket

HASTY: Mapping[str, str] = {
    "GESSO_JOB_DEADLINE_SECONDS": "1",
    "GESSO_GENERATOR_SALVAGE_SECONDS": "0.1",
    "GESSO_GENERATOR_SWEEP_SECONDS": "0.3",
}


async def not_yet(order: Order) -> Drawn:
    """A look that ends with the time that it was given: the vendor is not done."""
    await asyncio.sleep(order.deadline_seconds)
    raise UpstreamFault(reasons.REASON_TIMEOUT, "not yet", bought=Bought.YES, retryable=True)


async def _has_picture(generator: Generator, customer: Customer, job_id: str) -> None:
    assert (await generator.job(customer.token(), job_id)).tasks[0].pictures


async def test_a_task_that_ran_out_of_time_gets_its_picture_when_its_vendor_has_drawn_it(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(ticket(b"their-id"))
    alpha.collecting.append(not_yet)
    async with house.generator({"alpha": alpha}, **HASTY) as generator:
        job = await generator.submit(customer.token(), purchase())
        job = await ended(generator, customer.token(), job.id)
        assert (job.state, job.fault.reason) == (pb.Job.STATE_FAILED, reasons.REASON_TIMEOUT)
        await eventually(lambda: _has_picture(generator, customer, job.id))
        late = await generator.job(customer.token(), job.id)
        assert (late.state, late.charge_micros) == (pb.Job.STATE_FAILED, 0)
        assert not await house.breaches(generator)
    assert len(alpha.orders) == 1
    assert (await house.balance(customer.id)).available_micros == 1_000_000
    assert not await house.rows("SELECT FROM late_orders")


async def test_another_replica_fetches_what_came_after_the_end(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(ticket(b"their-id"))
    alpha.collecting.append(not_yet)
    async with house.generator({"alpha": alpha}, **{**HASTY, "GESSO_GENERATOR_SWEEP_SECONDS": "60"}) as first:
        job = await first.submit(customer.token(), purchase())
        await ended(first, customer.token(), job.id)
    other = Scripted("alpha")
    async with house.generator({"alpha": other}, **HASTY) as second:
        await eventually(lambda: _has_picture(second, customer, job.id))
    assert (other.orders, other.collected) == ([], [b"their-id"])


async def test_an_order_in_doubt_that_has_a_ticket_is_looked_after(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(ticket(b"their-id"))
    alpha.collecting.append(failing(bought=Bought.UNKNOWN, retryable=False))
    async with house.generator({"alpha": alpha}, **{**HASTY, "GESSO_JOB_DEADLINE_SECONDS": "20"}) as generator:
        job = await generator.submit(customer.token(), purchase(draw(n=2)))
        job = await ended(generator, customer.token(), job.id)
        assert job.fault.reason == reasons.REASON_OUTCOME_UNKNOWN
        await eventually(lambda: _has_picture(generator, customer, job.id))
        assert len((await generator.job(customer.token(), job.id)).tasks[0].pictures) == 2
    assert (await house.balance(customer.id)).available_micros == 1_000_000


async def test_what_was_not_bought_or_is_known_to_be_lost_is_not_looked_after(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.extend([ticket(b"their-id"), failing(bought=Bought.UNKNOWN)])
    alpha.collecting.append(failing(reasons.REASON_UPSTREAM_BAD_IMAGE, bought=Bought.YES, retryable=False))
    async with house.generator({"alpha": alpha}, **{**HASTY, "GESSO_JOB_DEADLINE_SECONDS": "20"}) as generator:
        for _ in range(2):
            job = await generator.submit(customer.token(), purchase())
            assert (await ended(generator, customer.token(), job.id)).state == pb.Job.STATE_FAILED
    assert not await house.rows("SELECT FROM late_orders")


async def test_an_order_that_is_accepted_only_after_the_end_is_looked_after_too(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    alpha.acts.append(ticket(b"their-id"))
    alpha.collecting.append(not_yet)
    async with house.generator({"alpha": alpha}, **{**HASTY, "GESSO_GENERATOR_SALVAGE_SECONDS": "1"}) as generator:
        job = await generator.submit(customer.token(), purchase())
        assert (await ended(generator, customer.token(), job.id)).fault.reason == reasons.REASON_TIMEOUT
        alpha.curtain.set()
        await eventually(lambda: _has_picture(generator, customer, job.id))
    assert (len(alpha.orders), set(alpha.collected)) == (1, {b"their-id"})
    assert (await house.balance(customer.id)).available_micros == 1_000_000
