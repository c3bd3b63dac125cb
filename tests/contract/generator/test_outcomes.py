"""A job ends as its orders did, and owes what was delivered."""

import time

import pytest

from generator.health import FAILURES_TO_OPEN, REST_SECONDS
from generator.providers.allowance import Allowance
from generator.providers.base import Bought, Drawn, Order, Pixels, UpstreamFault
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import COST_MICROS, LOST, PRICE_MICROS, Customer, draw, purchase
from .scripted import Act, Scripted, answering, failing, picture, ticket


async def test_a_picture_is_drawn_kept_signed_and_charged_once(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    job = await generator.submit(customer.token(), purchase(draw(n=2)))
    assert job.state == pb.Job.STATE_RUNNING
    job = await ended(generator, customer.token(), job.id)
    assert job.state == pb.Job.STATE_SUCCEEDED
    assert job.charge_micros == 2 * PRICE_MICROS
    (task,) = job.tasks
    assert (task.provider, task.upstream_model, task.deprecated_on) == ("alpha", "alpha-1", "2026-06-01")
    assert [one.format for one in task.pictures] == ["png", "png"]
    assert {one.id for one in await house.images()} == {one.image_id for one in task.pictures}
    assert [order.count for order in alpha.orders] == [2]
    balance = await house.balance(customer.id)
    assert (balance.held_micros, balance.available_micros) == (0, 1_000_000 - 2 * PRICE_MICROS)


async def test_a_model_that_draws_one_at_a_time_is_ordered_from_as_often_as_it_takes_with_consecutive_seeds(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    job = await generator.submit(customer.token(), purchase(draw("single", n=3, seed=7)))
    job = await ended(generator, customer.token(), job.id)
    assert sorted(order.draw.seed for order in alpha.orders) == [7, 8, 9]
    assert len(job.tasks[0].pictures) == 3


async def test_a_failure_before_anything_was_bought_is_repeated_on_the_next_route(
    generator: Generator, customer: Customer, alpha: Scripted, beta: Scripted
) -> None:
    alpha.acts.append(failing())
    job = await generator.submit(customer.token(), purchase())
    job = await ended(generator, customer.token(), job.id)
    assert job.state == pb.Job.STATE_SUCCEEDED
    assert (job.tasks[0].provider, job.tasks[0].attempt_count) == ("beta", 2)
    assert (len(alpha.orders), len(beta.orders)) == (1, 1)


async def test_a_refused_key_is_not_tried_again_where_no_other_route_serves(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(failing(reasons.REASON_UPSTREAM_DENIED))
    job = await generator.submit(customer.token(), purchase(draw("single")))
    job = await ended(generator, customer.token(), job.id)
    assert (job.state, job.fault.reason) == (pb.Job.STATE_FAILED, reasons.REASON_UPSTREAM_DENIED)
    assert len(alpha.orders) == 1


async def test_three_failures_end_the_job_and_nothing_is_charged(
    house: House, generator: Generator, customer: Customer, alpha: Scripted, beta: Scripted
) -> None:
    alpha.acts.extend([failing(), failing()])
    beta.acts.extend([failing(), failing()])
    job = await generator.submit(customer.token(), purchase())
    job = await ended(generator, customer.token(), job.id)
    assert (job.state, job.fault.reason) == (pb.Job.STATE_FAILED, reasons.REASON_UPSTREAM_FAILED)
    assert len(alpha.orders) + len(beta.orders) == 3
    assert (await house.balance(customer.id)).available_micros == 1_000_000


async def test_a_model_whose_only_vendor_keeps_failing_is_refused_at_once_and_says_when_to_come_back(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    """A job counts once, however often it was tried."""
    alpha.acts.extend([failing()] * 3 + [failing(retryable=False)] * (FAILURES_TO_OPEN - 1))
    async with house.generator({"alpha": alpha}) as generator:
        for _ in range(FAILURES_TO_OPEN):
            job = await generator.submit(customer.token(), purchase())
            assert (await ended(generator, customer.token(), job.id)).state == pb.Job.STATE_FAILED
        refused = await generator.refused(customer.token(), purchase())
    assert refused.reason == reasons.REASON_MODEL_UNAVAILABLE
    assert 0 < (refused.retry_after_seconds or 0) <= REST_SECONDS
    assert len(alpha.orders) == 3 + FAILURES_TO_OPEN - 1
    assert (await house.balance(customer.id)).available_micros == 1_000_000


async def test_a_vendor_that_turns_orders_away_is_asked_again_when_it_says_so_and_by_few_at_first(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    """Five at once are turned away: the circuit stays closed, and none of their jobs fails."""
    alpha.acts.extend([turning_away(0.3)] * FAILURES_TO_OPEN)
    async with house.generator({"alpha": alpha}) as generator:
        jobs = [
            await generator.submit(customer.token(), purchase(draw(prompt=str(n)))) for n in range(FAILURES_TO_OPEN)
        ]
        for job in jobs:
            assert (await ended(generator, customer.token(), job.id)).state == pb.Job.STATE_SUCCEEDED
    assert (await house.balance(customer.id)).available_micros == 1_000_000 - len(jobs) * PRICE_MICROS


async def test_a_vendor_that_takes_no_orders_for_long_is_passed_over(
    generator: Generator, customer: Customer, alpha: Scripted, beta: Scripted
) -> None:
    alpha.acts.append(turning_away(60))
    for _ in range(2):
        job = await generator.submit(customer.token(), purchase())
        job = await ended(generator, customer.token(), job.id)
        assert (job.state, job.tasks[0].provider) == (pb.Job.STATE_SUCCEEDED, "beta")
    assert (len(alpha.orders), len(beta.orders)) == (1, 2)


async def test_what_an_answer_says_of_the_vendors_rate_holds_the_next_orders(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    came_at: list[float] = []

    async def last(order: Order) -> Drawn:
        assert order.on_allowance is not None
        came_at.append(time.monotonic())
        order.on_allowance(Allowance(0, 1.5))
        return Drawn([Pixels(picture(1))], upstream_model=order.upstream_model)

    alpha.acts.extend([last, last])
    async with house.generator({"alpha": alpha}) as generator:
        for prompt in ("last", "held"):
            job = await generator.submit(customer.token(), purchase(draw(prompt=prompt)))
            await ended(generator, customer.token(), job.id)
    first, second = came_at
    assert second - first >= 1.4, "all but the rounding of clocks"


def turning_away(seconds: float) -> Act:
    """An order that is turned away, to be repeated after so many seconds."""

    async def act(order: Order) -> Drawn:
        raise UpstreamFault(
            reasons.REASON_UPSTREAM_RATE_LIMITED,
            "too many",
            bought=Bought.NO,
            retryable=True,
            retry_after_seconds=seconds,
        )

    return act


@pytest.mark.parametrize(
    ("act", "told", "loss_micros"),
    [
        (failing(bought=Bought.UNKNOWN), reasons.REASON_OUTCOME_UNKNOWN, COST_MICROS),
        (failing(reasons.REASON_UPSTREAM_REFUSED, retryable=False), reasons.REASON_UPSTREAM_REFUSED, None),
        (failing(reasons.REASON_UPSTREAM_DENIED, retryable=False), reasons.REASON_UPSTREAM_DENIED, None),
        (answering(b"<html>sorry</html>"), reasons.REASON_UPSTREAM_BAD_IMAGE, COST_MICROS),
        (answering(picture(1)[:200]), reasons.REASON_UPSTREAM_BAD_IMAGE, COST_MICROS),
        (answering(), reasons.REASON_UPSTREAM_FAILED, COST_MICROS),
    ],
    ids=["in doubt", "refused", "denied", "no image", "truncated", "nothing"],
)
async def test_what_may_not_be_bought_twice_fails_the_job_at_once(
    house: House,
    generator: Generator,
    customer: Customer,
    alpha: Scripted,
    beta: Scripted,
    act: Act,
    told: int,
    loss_micros: int | None,
) -> None:
    alpha.acts.append(act)
    job = await generator.submit(customer.token(), purchase())
    job = await ended(generator, customer.token(), job.id)
    assert (job.state, job.fault.reason, job.charge_micros) == (pb.Job.STATE_FAILED, told, 0)
    assert (len(alpha.orders), len(beta.orders)) == (1, 0)
    assert [row["lost_micros"] for row in await house.rows(LOST)] == ([] if loss_micros is None else [loss_micros])
    assert (await house.balance(customer.id)).available_micros == 1_000_000


async def test_an_engine_that_is_free_to_repeat_is_asked_again_after_a_doubtful_end(
    house: House, customer: Customer
) -> None:
    alpha = Scripted("alpha", free_to_repeat=True)
    alpha.acts.append(failing(bought=Bought.UNKNOWN))
    async with house.generator({"alpha": alpha}) as generator:
        job = await generator.submit(customer.token(), purchase())
        job = await ended(generator, customer.token(), job.id)
    assert (job.state, len(alpha.orders)) == (pb.Job.STATE_SUCCEEDED, 2)


async def test_fewer_pictures_than_ordered_are_charged_as_they_are(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(answering(picture(1)))
    job = await generator.submit(customer.token(), purchase(draw(n=3)))
    job = await ended(generator, customer.token(), job.id)
    assert (job.state, job.charge_micros, len(job.tasks[0].pictures)) == (pb.Job.STATE_PARTIAL, PRICE_MICROS, 1)
    assert job.tasks[0].fault.reason == reasons.REASON_UPSTREAM_FAILED


async def test_one_failed_task_of_several_leaves_the_others_as_they_are(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(failing(reasons.REASON_UPSTREAM_REFUSED, retryable=False))
    job = await generator.submit(customer.token(), purchase(draw(prompt="a"), draw(prompt="b"), draw(prompt="c")))
    job = await ended(generator, customer.token(), job.id)
    assert (job.state, job.charge_micros) == (pb.Job.STATE_PARTIAL, 2 * PRICE_MICROS)
    assert sorted(task.state for task in job.tasks) == [pb.Task.STATE_KEPT, pb.Task.STATE_KEPT, pb.Task.STATE_FAILED]


async def test_a_queueing_vendor_is_asked_for_its_pictures_by_its_own_id(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(ticket(b"their-id"))
    job = await generator.submit(customer.token(), purchase())
    job = await ended(generator, customer.token(), job.id)
    assert (job.state, alpha.collected) == (pb.Job.STATE_SUCCEEDED, [b"their-id"])


async def test_a_picture_of_another_size_or_format_is_made_what_was_asked_for_and_says_so(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    wanted = draw(width=96, height=80, output_format="webp")
    job = await generator.submit(customer.token(), purchase(wanted))
    job = await ended(generator, customer.token(), job.id)
    (one,) = job.tasks[0].pictures
    assert (one.format, one.width, one.height) == ("webp", 96, 80)
    assert job.tasks[0].warnings == ["resized from 64x64 to 96x80", "converted from png to webp"]


async def test_at_its_deadline_a_job_fails_and_its_late_picture_is_taken_in_uncharged(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    async with house.generator({"alpha": alpha}, GESSO_JOB_DEADLINE_SECONDS="1") as generator:
        job = await generator.submit(customer.token(), purchase())
        job = await ended(generator, customer.token(), job.id)
        assert (job.state, job.fault.reason) == (pb.Job.STATE_FAILED, reasons.REASON_TIMEOUT)
        assert not job.tasks[0].pictures
        alpha.curtain.set()

        async def salvaged() -> None:
            assert (await generator.job(customer.token(), job.id)).tasks[0].pictures

        await eventually(salvaged)
    assert (await house.balance(customer.id)).available_micros == 1_000_000
    (loss,) = await house.rows(LOST)
    assert loss["lost_micros"] == COST_MICROS
