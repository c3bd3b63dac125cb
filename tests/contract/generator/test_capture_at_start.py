"""Where tokens are captured at the start, the whole hold is captured once, as the first task begins, whatever fails then."""

import asyncio
import contextlib

import pytest

from generator.providers.base import Bought, Drawn, Order, Ticket
from gesso.billing.v1 import billing_pb2 as billing
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault, Unavailable
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import PRICE_MICROS, Customer, draw, purchase
from .scripted import Act, Scripted, answering, failing, picture
from .test_kills import doomed, serves

GRANT_MICROS = 1_000_000


def captured(*draws: pb.Draw) -> pb.Purchase:
    """A purchase that is captured at its start."""
    return purchase(*draws, capture_at_start=True)


async def capture(house: House, job_id: str) -> tuple[int, int]:
    """What of a job's hold is captured and refunded; fails while the hold is open, or billing has only just come back."""
    try:
        hold = (await house.holds())[job_id]
    except Unavailable as away:
        raise AssertionError from away
    assert hold.state != billing.Hold.STATE_OPEN
    return hold.captured_micros, hold.refunded_micros


async def assert_charged(house: House, generator: Generator, customer: Customer, job_id: str, micros: int) -> pb.Job:
    """Wait until the job has ended; then it, its account and the books must all say that it cost so much."""
    job = await ended(generator, customer.token(), job_id)
    balance = await house.balance(customer.id)
    assert job.charge_micros == micros
    assert (balance.held_micros, balance.available_micros) == (0, GRANT_MICROS - micros)
    assert job.available_micros == balance.available_micros
    assert await house.breaches(generator) == []
    return job


async def test_the_whole_hold_is_captured_while_the_job_still_runs(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    job = await generator.submit(customer.token(), captured(draw(n=2)))
    assert await eventually(lambda: capture(house, job.id)) == (2 * PRICE_MICROS, 0)
    assert (await house.balance(customer.id)).posted_micros == GRANT_MICROS - 2 * PRICE_MICROS
    assert (await generator.job(customer.token(), job.id)).state == pb.Job.STATE_RUNNING
    alpha.curtain.set()
    job = await assert_charged(house, generator, customer, job.id, 2 * PRICE_MICROS)
    assert (job.state, len(job.tasks[0].pictures)) == (pb.Job.STATE_SUCCEEDED, 2)


@pytest.mark.parametrize(
    "act",
    [
        failing(reasons.REASON_UPSTREAM_REFUSED, retryable=False),
        failing(reasons.REASON_UPSTREAM_FAILED, bought=Bought.YES),
        failing(reasons.REASON_UPSTREAM_INVALID, retryable=False),
        answering(b"<html>sorry</html>"),
    ],
    ids=["refused", "failed", "invalid", "bad image"],
)
async def test_a_job_that_failed_by_the_request_or_the_upstream_keeps_the_tokens(
    house: House, generator: Generator, customer: Customer, alpha: Scripted, act: Act
) -> None:
    alpha.acts.append(act)
    job = await generator.submit(customer.token(), captured())
    job = await assert_charged(house, generator, customer, job.id, PRICE_MICROS)
    assert job.state == pb.Job.STATE_FAILED
    assert await capture(house, job.id) == (PRICE_MICROS, 0)


@pytest.mark.parametrize(
    "act",
    [
        failing(reasons.REASON_UPSTREAM_DENIED, retryable=False),
        failing(reasons.REASON_UPSTREAM_RATE_LIMITED, retryable=False),
        failing(reasons.REASON_INTERNAL, retryable=False),
        failing(bought=Bought.UNKNOWN),
    ],
    ids=["denied", "rate limited", "internal", "in doubt"],
)
async def test_a_job_that_failed_by_the_platforms_own_fault_is_refunded(
    house: House, generator: Generator, customer: Customer, alpha: Scripted, act: Act
) -> None:
    alpha.acts.append(act)
    job = await generator.submit(customer.token(), captured())
    job = await assert_charged(house, generator, customer, job.id, 0)
    assert job.state == pb.Job.STATE_FAILED
    assert await capture(house, job.id) == (PRICE_MICROS, PRICE_MICROS)


async def test_a_job_that_outlives_its_deadline_keeps_the_tokens(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    async with house.generator({"alpha": alpha}, GESSO_JOB_DEADLINE_SECONDS="1") as generator:
        job = await generator.submit(customer.token(), captured())
        job = await assert_charged(house, generator, customer, job.id, PRICE_MICROS)
        assert job.fault.reason == reasons.REASON_TIMEOUT
        alpha.curtain.set()


async def test_of_several_tasks_those_that_fail_by_the_platforms_own_fault_are_refunded(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(failing(reasons.REASON_UPSTREAM_DENIED, retryable=False))
    alpha.acts.append(failing(reasons.REASON_UPSTREAM_REFUSED, retryable=False))
    alpha.acts.append(answering(picture(1)))
    job = await generator.submit(customer.token(), captured(*(draw(prompt=str(n), n=2) for n in range(3))))
    job = await assert_charged(house, generator, customer, job.id, 4 * PRICE_MICROS)
    assert sorted(task.charge_micros for task in job.tasks) == [0, 2 * PRICE_MICROS, 2 * PRICE_MICROS]
    assert await capture(house, job.id) == (6 * PRICE_MICROS, 2 * PRICE_MICROS)


async def test_a_job_that_is_cancelled_before_it_began_is_released(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    async with house.generator({"alpha": alpha}, GESSO_GENERATOR_TASKS="1") as generator:
        running = await generator.submit(customer.token(), captured())
        waiting = await generator.submit(customer.token(), captured(draw(prompt="later")))
        assert (await generator.cancel(customer.token(), waiting.id)).state == pb.Job.STATE_CANCELLED
        alpha.curtain.set()
        await assert_charged(house, generator, customer, running.id, PRICE_MICROS)
        assert await capture(house, waiting.id) == (0, 0)


async def test_a_job_whose_input_is_gone_before_it_began_costs_nothing(
    house: House, generator: Generator, customer: Customer
) -> None:
    missing = draw(input_image_ids=["img_01j00000000000000000000000"])
    missing.operation = pb.OPERATION_IMAGE_TO_IMAGE
    job = await generator.submit(customer.token(), captured(missing))
    job = await assert_charged(house, generator, customer, job.id, 0)
    assert (job.fault.reason, await capture(house, job.id)) == (reasons.REASON_INPUT_UNREACHABLE, (0, 0))


async def test_what_the_ledger_cannot_capture_at_the_start_is_captured_as_soon_as_it_can(
    house_without_billing: House, alpha: Scripted
) -> None:
    house, drawn = house_without_billing, asyncio.Event()

    async def slow(order: Order) -> Drawn | Ticket:
        await drawn.wait()
        return await answering(picture(1))(order)

    alpha.curtain.clear()
    alpha.acts.extend([answering(picture(0)), slow])
    async with house.generator({"alpha": alpha}, GESSO_GENERATOR_TASKS="1") as generator:
        async with house.billing():
            customer, other = await house.customer(), await house.customer()
            await generator.submit(other.token(), purchase())
            job = await generator.submit(customer.token(), captured())
        alpha.curtain.set()
        await eventually(lambda: len(alpha.orders) == 2)
        async with house.billing():
            assert await eventually(lambda: capture(house, job.id)) == (PRICE_MICROS, 0)
            assert (await generator.job(customer.token(), job.id)).state == pb.Job.STATE_RUNNING
            drawn.set()
            await assert_charged(house, generator, customer, job.id, PRICE_MICROS)


@pytest.mark.parametrize("point", ["generator.after_submitting", "generator.after_start_capture"])
async def test_a_job_whose_replica_died_as_it_began_is_captured_once_and_collected_or_refunded(
    house: House, customer: Customer, alpha: Scripted, point: str
) -> None:
    environment = house.environment(GESSO_CRASHPOINTS=point)
    async with doomed(environment) as process, house.speaking(environment["GESSO_GENERATOR_LISTEN"]) as first:
        await eventually(lambda: serves(first), timeout_seconds=30)
        with contextlib.suppress(Fault):  # the answer may be lost with the process
            await first.submit(customer.token(), captured())
        await asyncio.wait_for(process.wait(), 10)
    (job_id,) = await house.holds()
    async with house.generator({"alpha": alpha}) as second:
        delivered = (await ended(second, customer.token(), job_id)).state == pb.Job.STATE_SUCCEEDED
        assert delivered is bool(alpha.collected)
        await assert_charged(house, second, customer, job_id, PRICE_MICROS if delivered else 0)
    assert await capture(house, job_id) == (PRICE_MICROS, 0 if delivered else PRICE_MICROS)
    assert not alpha.orders


@pytest.mark.parametrize(
    "point", ["generator.after_settle", "generator.after_refund", "generator.before_finish_commit"]
)
async def test_a_refund_is_made_once_though_who_made_it_died(
    house: House, customer: Customer, alpha: Scripted, point: str
) -> None:
    environment = house.environment(GESSO_CRASHPOINTS=point)
    async with doomed(environment) as process, house.speaking(environment["GESSO_GENERATOR_LISTEN"]) as first:
        await eventually(lambda: serves(first), timeout_seconds=30)
        with contextlib.suppress(Fault):
            await first.submit(customer.token(), captured(draw(prompt="denied")))
        await asyncio.wait_for(process.wait(), 10)
    (job_id,) = await house.holds()
    async with house.generator({"alpha": alpha}) as second:
        job = await assert_charged(house, second, customer, job_id, 0)
    assert (job.state, job.fault.reason) == (pb.Job.STATE_FAILED, reasons.REASON_UPSTREAM_DENIED)
    assert await capture(house, job_id) == (PRICE_MICROS, PRICE_MICROS)
