"""Jobs outlive replicas: leases, hand-overs, cancellation, and keys that only one replica knows."""

import json

import pytest

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from gesso.webhooks.v1.webhooks_pb2 import Event
from servicekit.faults import Fault
from servicekit.sealing import seal
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import PRICE_MICROS, Customer, draw, purchase
from .scripted import Scripted, never, ticket


async def kill_leases(house: House) -> None:
    """Let every lease run out at once, as if its replica had been frozen for long."""
    await house.rows("UPDATE replicas SET alive_until = now() - interval '1 second'")


async def test_a_replica_that_ends_hands_its_collectable_tasks_to_another(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(ticket(b"their-id"))
    alpha.queue.clear()
    async with house.generator({"alpha": alpha}) as first:
        job = await first.submit(customer.token(), purchase())
        await eventually(lambda: _in_state(house, pb.Task.STATE_SUBMITTED))
    other = Scripted("alpha")
    async with house.generator({"alpha": other}) as second:
        job = await ended(second, customer.token(), job.id)
    assert (job.state, job.charge_micros) == (pb.Job.STATE_SUCCEEDED, PRICE_MICROS)
    assert (len(alpha.orders), other.orders, other.collected) == (1, [], [b"their-id"])


async def _in_state(house: House, state: int) -> None:
    assert [row["state"] for row in await house.rows("SELECT state FROM tasks")] == [state]


async def test_a_stale_replica_stops_and_its_order_is_never_placed_again(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    job = await generator.submit(customer.token(), purchase())
    await eventually(lambda: len(alpha.orders) == 1)
    await kill_leases(house)
    job = await ended(generator, customer.token(), job.id)
    alpha.curtain.set()
    assert (job.state, job.fault.reason) == (pb.Job.STATE_FAILED, reasons.REASON_OUTCOME_UNKNOWN)
    assert (await house.balance(customer.id)).available_micros == 1_000_000
    again = await generator.submit(customer.token(), purchase())
    assert (await ended(generator, customer.token(), again.id)).state == pb.Job.STATE_SUCCEEDED
    assert len(alpha.orders) == 2
    assert len(await house.images()) == 1


async def test_an_engines_order_is_placed_again_after_its_replica_died(house: House, customer: Customer) -> None:
    stuck, free = Scripted("alpha", free_to_repeat=True), Scripted("alpha", free_to_repeat=True)
    stuck.acts.append(never)
    async with house.generator({"alpha": stuck}) as first:
        job = await first.submit(customer.token(), purchase())
        await eventually(lambda: len(stuck.orders) == 1)
        async with house.generator({"alpha": free}) as second:
            await house.rows(
                "UPDATE replicas SET alive_until = now() WHERE id = (SELECT lease_owner FROM tasks LIMIT 1)"
            )
            job = await ended(second, customer.token(), job.id)
    assert (job.state, job.charge_micros, job.tasks[0].attempt_count) == (pb.Job.STATE_SUCCEEDED, PRICE_MICROS, 2)
    assert len(await house.images()) == 1


async def test_more_tasks_than_one_replica_holds_are_run_by_all(house: House, customer: Customer) -> None:
    one, two = Scripted("alpha"), Scripted("alpha")
    one.curtain.clear()
    async with (
        house.generator({"alpha": one}, GESSO_GENERATOR_TASKS="2") as first,
        house.generator({"alpha": two}, GESSO_GENERATOR_TASKS="2"),
    ):
        job = await first.submit(customer.token(), purchase(*(draw(prompt=str(n)) for n in range(8))))
        await eventually(lambda: len(two.orders) == 6)
        one.curtain.set()
        job = await ended(first, customer.token(), job.id)
    assert (job.state, job.charge_micros) == (pb.Job.STATE_SUCCEEDED, 8 * PRICE_MICROS)
    assert len(one.orders) == 2


async def test_a_short_queue_of_one_account_does_not_wait_for_the_long_one_of_another(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    other = await house.customer()
    alpha.curtain.clear()
    async with house.generator({"alpha": alpha}, GESSO_GENERATOR_TASKS="1") as generator:
        long = await generator.submit(customer.token(), purchase(*(draw(prompt=f"a{n}") for n in range(6))))
        short = await generator.submit(other.token(), purchase(draw(prompt="b")))
        alpha.curtain.set()
        await ended(generator, other.token(), short.id)
        await ended(generator, customer.token(), long.id)
    turn = [order.draw.prompt for order in alpha.orders].index("b")
    assert turn <= 2


async def test_what_has_not_begun_is_cancelled_and_nothing_is_charged(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    async with house.generator({"alpha": alpha}, GESSO_GENERATOR_TASKS="1") as generator:
        running = await generator.submit(customer.token(), purchase())
        waiting = await generator.submit(customer.token(), purchase(draw(prompt="later")))
        cancelled = await generator.cancel(customer.token(), waiting.id)
        assert (cancelled.state, cancelled.charge_micros) == (pb.Job.STATE_CANCELLED, 0)
        assert cancelled.tasks[0].fault.reason == reasons.REASON_CANCELLED
        assert await generator.cancel(customer.token(), waiting.id) == cancelled
        assert (await generator.cancel(customer.token(), running.id)).state == pb.Job.STATE_RUNNING
        alpha.curtain.set()
        await ended(generator, customer.token(), running.id)
        with pytest.raises(Fault) as refused:
            await generator.cancel(customer.token(), running.id)
        assert refused.value.reason == reasons.REASON_CONFLICT
        stranger = await house.customer()
        with pytest.raises(Fault) as hidden:
            await generator.cancel(stranger.token(), running.id)
        assert hidden.value.reason == reasons.REASON_NOT_FOUND
    assert len(alpha.orders) == 1
    assert (await house.balance(customer.id)).available_micros == 1_000_000 - PRICE_MICROS


async def test_a_task_that_waits_for_its_providers_turn_is_answered_for_as_queued_and_can_be_cancelled(
    house: House, customer: Customer
) -> None:
    narrow = Scripted("narrow")
    narrow.curtain.clear()
    async with house.generator({"narrow": narrow}) as generator:
        first = await generator.submit(customer.token(), purchase(draw("solo")))
        second = await generator.submit(customer.token(), purchase(draw("solo", prompt="second")))
        assert (first.state, second.state) == (pb.Job.STATE_RUNNING, pb.Job.STATE_QUEUED)
        assert (await generator.cancel(customer.token(), second.id)).state == pb.Job.STATE_CANCELLED
        narrow.curtain.set()
        await ended(generator, customer.token(), first.id)
    assert len(narrow.orders) == 1


async def test_a_sealed_key_is_used_for_its_own_task_and_written_nowhere(
    house: House, generator: Generator, customer: Customer, alpha: Scripted, beta: Scripted
) -> None:
    sealed = seal(await generator.sealing_key(), "sk-of-the-caller")
    job = await generator.submit(customer.token(), purchase(draw(sealed_secret=sealed, sealed_for="beta")))
    job = await ended(generator, customer.token(), job.id)
    assert (job.state, job.tasks[0].provider) == (pb.Job.STATE_SUCCEEDED, "beta")
    assert [order.secret for order in beta.orders] == ["sk-of-the-caller"]
    assert not alpha.orders
    assert not job.tasks[0].draw.sealed_secret
    (row,) = await house.rows("SELECT purchase FROM jobs")
    assert sealed not in row["purchase"]


async def test_a_key_that_is_lost_before_the_purchase_ends_the_job_and_frees_its_idempotency_key(
    house: House, customer: Customer
) -> None:
    stuck, free = Scripted("narrow"), Scripted("narrow")
    stuck.curtain.clear()
    async with house.generator({"narrow": stuck}) as first:
        sealed = seal(await first.sealing_key(), "sk-of-the-caller")
        before = draw("solo", prompt="before it", sealed_secret=sealed, sealed_for="narrow")
        wanted = purchase(draw("solo", sealed_secret=sealed, sealed_for="narrow"), key="k")
        await first.submit(customer.token(), purchase(before))
        job = await first.submit(customer.token(), wanted)
        assert job.state == pb.Job.STATE_QUEUED
        async with house.generator({"narrow": free}) as second:
            await house.rows(
                "UPDATE replicas SET alive_until = now() WHERE id = (SELECT lease_owner FROM tasks LIMIT 1)"
            )
            job = await ended(second, customer.token(), job.id)
            assert (job.state, job.fault.reason) == (pb.Job.STATE_FAILED, reasons.REASON_SECRET_LOST)
            again = await second.submit(customer.token(), wanted)
            again = await ended(second, customer.token(), again.id)
    assert (again.state, free.orders[-1].secret) == (pb.Job.STATE_SUCCEEDED, "sk-of-the-caller")
    assert (await house.balance(customer.id)).available_micros == 1_000_000 - PRICE_MICROS


async def test_the_end_of_a_job_is_written_with_its_event_for_the_address_that_it_named(
    house: House, generator: Generator, customer: Customer
) -> None:
    job = await generator.submit(customer.token(), purchase(webhook_url="https://example.test/hook"))
    await ended(generator, customer.token(), job.id)
    silent = await generator.submit(customer.token(), purchase())
    await ended(generator, customer.token(), silent.id)
    (row,) = await house.rows("SELECT payload FROM outbox")
    event = Event.FromString(row["payload"])
    assert (event.type, event.direct_url) == ("generation.completed", "https://example.test/hook")
    data = json.loads(event.data_json)
    assert data["generation_id"] == job.id.replace("job_", "gen_")
    assert data["cost"] == {"credits": 0.5, "usd": 0.01}
    assert data["images"][0]["url"].startswith("http://files.test/i/img_")
