"""An answer goes out before the ledger has followed: what is told, counted and owed in between is already right."""

import asyncio
import contextlib
import json

import asyncpg
import pytest

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from gesso.webhooks.v1.webhooks_pb2 import Event
from servicekit.faults import Fault
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import PRICE_MICROS, Customer, draw, purchase
from .scripted import Scripted, failing
from .test_kills import doomed, serves
from .test_watches import watching


async def answered(generator: Generator, caller: bytes, job_id: str) -> pb.Job:
    """Wait until a job is shown as ended, whether or not it is settled."""

    async def over() -> pb.Job:
        job = await generator.job(caller, job_id)
        assert job.HasField("finished_at"), job.state
        return job

    return await eventually(over)


async def test_a_client_that_calls_one_at_a_time_is_never_told_that_it_runs_too_many(
    generator: Generator, customer: Customer
) -> None:
    caller = customer.token(max_concurrency=1)
    for number in range(5):
        async with watching(generator, f"edge-{number}") as watcher:
            job = await generator.submit(caller, purchase(draw(prompt=str(number))), watch_id=watcher.watch_id)
            assert (await watcher.next()).id == job.id


async def test_who_is_told_that_a_job_failed_finds_its_hold_released(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.extend(failing(reasons.REASON_UPSTREAM_REFUSED, retryable=False) for _ in range(5))
    async with watching(generator) as watcher:
        for number in range(5):
            draws = purchase(draw(prompt=str(number)))
            job = await generator.submit(customer.token(), draws, watch_id=watcher.watch_id)
            told = await watcher.next()
            balance = await house.balance(customer.id)
            assert (told.id, told.state, balance.held_micros) == (job.id, pb.Job.STATE_FAILED, 0)


async def test_every_replica_tells_the_same_balance_before_the_ledger_has_followed(
    house_without_billing: House, alpha: Scripted
) -> None:
    house = house_without_billing
    alpha.curtain.clear()
    async with house.generator({"alpha": alpha}) as first, house.generator({"alpha": alpha}) as second:
        async with house.billing():
            customer = await house.customer()
            job = await first.submit(customer.token(), purchase(key="k"))
        alpha.curtain.set()
        left_micros = 1_000_000 - PRICE_MICROS
        for replica in (first, second):
            assert (await answered(replica, customer.token(), job.id)).available_micros == left_micros
            (again,) = await replica.submit_all(customer.token(), purchase(key="k"))
            assert (again.replayed, again.job.available_micros) == (True, left_micros)
        async with house.billing():
            assert (await ended(second, customer.token(), job.id)).available_micros == left_micros


async def test_a_job_that_went_through_the_queue_is_told_with_its_balance(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    async with house.generator({"alpha": alpha}, GESSO_GENERATOR_TASKS="1") as generator, watching(generator) as edge:
        await generator.submit(customer.token(), purchase(*(draw(prompt=str(n)) for n in range(3))), watch_id="edge-1")
        told = await edge.next()
        while not told.HasField("finished_at"):
            told = await edge.next()
    assert told.available_micros == 1_000_000 - 3 * PRICE_MICROS


@pytest.mark.parametrize("point", ["generator.after_settle", "generator.before_finish_commit"])
async def test_a_cancelled_job_is_ended_though_who_cancelled_it_died_once_its_hold_was_released(
    house: House, customer: Customer, alpha: Scripted, point: str
) -> None:
    environment = house.environment(
        GESSO_GENERATOR_TASKS="1", GESSO_GENERATOR_WAITING_TASKS="0", GESSO_CRASHPOINTS=point
    )
    async with doomed(environment) as process, house.speaking(environment["GESSO_GENERATOR_LISTEN"]) as first:
        await eventually(lambda: serves(first), timeout_seconds=30)
        running = await first.submit(customer.token(), purchase())
        waiting = await first.submit(customer.token(), purchase(draw(prompt="later")))
        with contextlib.suppress(Fault):  # the answer dies with the process
            await first.cancel(customer.token(), waiting.id)
        await asyncio.wait_for(process.wait(), 10)
    async with house.generator({"alpha": alpha}) as second:
        assert (await ended(second, customer.token(), running.id)).state == pb.Job.STATE_SUCCEEDED
        assert (await ended(second, customer.token(), waiting.id)).state == pb.Job.STATE_CANCELLED
    assert not await house.rows("SELECT FROM jobs WHERE finished_at IS NULL")
    assert (await house.balance(customer.id)).available_micros == 1_000_000 - PRICE_MICROS


async def test_a_job_that_fails_before_its_order_can_be_read_as_soon_as_it_is_answered_for(
    house_without_billing: House, alpha: Scripted
) -> None:
    house = house_without_billing
    missing = draw(input_image_ids=["img_01j00000000000000000000000"])
    missing.operation = pb.OPERATION_IMAGE_TO_IMAGE
    async with house.generator({"alpha": alpha}) as generator:
        async with house.billing():
            customer = await house.customer()
            token = customer.token()
            (job,) = [one.job for one in await generator.submit_all(token, purchase(missing, key="k"))]
            assert job.state == pb.Job.STATE_FAILED
            assert (await generator.job(token, job.id)).fault.reason == reasons.REASON_INPUT_UNREACHABLE
            await ended(generator, token, job.id)
        assert (alpha.orders, [one.charge_micros for one in await generator.settlements()]) == ([], [0])


async def test_what_the_ledger_fails_to_settle_is_settled_once_it_can_and_not_called_settled_before(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    job = await generator.submit(customer.token(), purchase())
    books = await asyncpg.connect(house.database.admin_url)
    await books.execute("ALTER TABLE billing.journal_entries RENAME TO out_of_order")
    alpha.curtain.set()
    await answered(generator, customer.token(), job.id)

    undone = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"

    async def tried_again() -> None:
        assert await books.fetchval(undone) > 2

    await eventually(tried_again)
    assert [one.settled for one in await generator.settlements()] == [False]
    await books.execute("ALTER TABLE billing.out_of_order RENAME TO journal_entries")
    await books.close()
    await ended(generator, customer.token(), job.id)
    balance = await house.balance(customer.id)
    assert (balance.held_micros, balance.available_micros) == (0, 1_000_000 - PRICE_MICROS)


async def test_a_timed_out_jobs_event_is_written_though_who_timed_it_out_died_before(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    environment = house.environment(
        GESSO_GENERATOR_TASKS="1", GESSO_JOB_DEADLINE_SECONDS="3", GESSO_CRASHPOINTS="generator.after_settle:2"
    )
    async with doomed(environment) as process, house.speaking(environment["GESSO_GENERATOR_LISTEN"]) as first:
        await eventually(lambda: serves(first), timeout_seconds=30)
        for prompt in ("first", "second"):
            await first.submit(customer.token(), purchase(draw(prompt=prompt), webhook_url="https://example.test/hook"))
        await asyncio.wait_for(process.wait(), 20)
    async with house.generator({"alpha": alpha}):

        async def both_told() -> None:
            rows = await house.rows("SELECT payload FROM outbox")
            prompts = [json.loads(Event.FromString(row["payload"]).data_json)["prompt"] for row in rows]
            assert sorted(prompts) == ["first", "second"]

        await eventually(both_told)


async def test_answers_of_a_replica_that_ends_while_the_ledger_is_away_are_settled_by_the_next(
    house_without_billing: House, alpha: Scripted
) -> None:
    house = house_without_billing
    alpha.curtain.clear()
    async with contextlib.AsyncExitStack() as replica:
        generator = await replica.enter_async_context(house.generator({"alpha": alpha}))
        async with house.billing():
            customer = await house.customer()
            jobs = [await generator.submit(customer.token(), purchase(draw(prompt=str(n)))) for n in range(8)]
        alpha.curtain.set()
        for job in jobs:
            assert (await answered(generator, customer.token(), job.id)).state == pb.Job.STATE_SUCCEEDED
    async with house.billing(), house.generator({"alpha": alpha}) as second:
        for job in jobs:
            assert (await ended(second, customer.token(), job.id)).charge_micros == PRICE_MICROS
        balance = await house.balance(customer.id)
    assert (balance.held_micros, balance.available_micros) == (0, 1_000_000 - 8 * PRICE_MICROS)
    assert len(alpha.orders) == 8


async def test_of_one_key_at_two_replicas_at_the_same_moment_one_purchase_is_made(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    token = customer.token()
    async with house.generator({"alpha": alpha}) as first, house.generator({"alpha": alpha}) as second:
        for number in range(10):
            one = purchase(draw(prompt=str(number)), key=f"k-{number}")
            calls = (replica.submit_all(token, one, one) for replica in (first, second) for _ in range(2))
            results = [result for answer in await asyncio.gather(*calls) for result in answer]
            job_ids = {result.job.id for result in results if result.HasField("job")}
            faults = {result.fault.reason for result in results if result.HasField("fault")}
            assert len(job_ids) == 1
            assert faults <= {reasons.REASON_IDEMPOTENCY_RUNNING}
            await ended(first, token, job_ids.pop())
    assert len(alpha.orders) == 10
    assert (await house.balance(customer.id)).available_micros == 1_000_000 - 10 * PRICE_MICROS
