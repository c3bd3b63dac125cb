"""Usage sums what an account's jobs really did: by hour or day, by model, and for no longer than was asked."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault
from servicekit.timestamps import to_datetime, to_timestamp
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import PRICE_MICROS, Customer, draw, purchase
from .scripted import Scripted, failing

DAY, HOUR = pb.GetUsageRequest.STEP_DAY, pb.GetUsageRequest.STEP_HOUR
Figures = tuple[int, int, int, int, int, int]
"""Jobs, tasks, succeeded tasks, failed tasks, images, charge in micros."""


def figures(sums: pb.Sums) -> Figures:
    return (sums.jobs, sums.tasks, sums.succeeded_tasks, sums.failed_tasks, sums.images, sums.charge_micros)


def by_time(answer: pb.GetUsageResponse) -> list[tuple[datetime, int]]:
    return [(to_datetime(bucket.start), bucket.sums.jobs) for bucket in answer.buckets]


def by_model(answer: pb.GetUsageResponse) -> Mapping[str, Figures]:
    return {one.model: figures(one.sums) for one in answer.models}


def at(day: int, hour: int = 12, minute: int = 30) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


async def drawn_at(house: House, generator: Generator, customer: Customer, *moments: datetime) -> None:
    """One delivered picture at each of these times."""
    for moment in moments:
        job = await generator.submit(customer.token(), purchase(draw(prompt=str(moment))))
        await ended(generator, customer.token(), job.id)
        await house.rows("UPDATE jobs SET created_at = $2 WHERE id = $1", job.id, moment)


async def test_delivered_failed_and_running_tasks_are_counted_as_what_they_are(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    async with house.generator({"alpha": alpha}) as generator:
        token = customer.token()
        mixed = await generator.submit(token, purchase(draw(n=3), draw("single", n=2)))
        await ended(generator, token, mixed.id)
        alpha.acts.append(failing(reasons.REASON_UPSTREAM_REFUSED, retryable=False))
        failed = await generator.submit(token, purchase(draw(prompt="refused")))
        await ended(generator, token, failed.id)
        alpha.curtain.clear()
        await generator.submit(token, purchase(draw("single", prompt="slow")))
        answer = await generator.usage(pb.GetUsageRequest(caller_token=token))
        assert figures(answer.total) == (3, 4, 2, 1, 5, 5 * PRICE_MICROS)
        assert by_model(answer) == {
            "painter": (0, 2, 1, 1, 3, 3 * PRICE_MICROS),
            "single": (0, 2, 1, 0, 2, 2 * PRICE_MICROS),
        }
        assert not answer.buckets
        alpha.curtain.set()


async def test_what_is_refunded_is_not_charged_and_what_is_kept_is(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    for reason in (reasons.REASON_UPSTREAM_DENIED, reasons.REASON_UPSTREAM_REFUSED):
        alpha.acts.append(failing(reason, retryable=False))
        job = await generator.submit(customer.token(), purchase(draw(prompt=str(reason)), capture_at_start=True))
        await ended(generator, customer.token(), job.id)
    answer = await generator.usage(pb.GetUsageRequest(caller_token=customer.token()))
    assert figures(answer.total) == (2, 2, 0, 2, 0, PRICE_MICROS)


async def test_a_refused_purchase_and_another_accounts_are_not_counted(house: House, generator: Generator) -> None:
    poor, other = await house.customer(grant_micros=PRICE_MICROS - 1), await house.customer()
    await generator.refused(poor.token(), purchase())
    await eventually(lambda: _refused(house))
    job = await generator.submit(other.token(), purchase())
    await ended(generator, other.token(), job.id)
    answer = await generator.usage(pb.GetUsageRequest(caller_token=poor.token(), step=DAY))
    assert (figures(answer.total), len(answer.buckets), len(answer.models)) == ((0, 0, 0, 0, 0, 0), 0, 0)


async def _refused(house: House) -> None:
    assert await house.rows("SELECT FROM jobs WHERE state = $1", pb.Job.STATE_REFUSED)


async def test_sums_by_time_are_of_utc_hours_and_days_in_which_something_happened(
    house: House, generator: Generator, customer: Customer
) -> None:
    await drawn_at(house, generator, customer, at(1, 23, 59), at(2, 0, 0), at(2, 0, 59), at(4))
    request = pb.GetUsageRequest(caller_token=customer.token(), step=DAY)
    assert by_time(await generator.usage(request)) == [(at(1, 0, 0), 1), (at(2, 0, 0), 2), (at(4, 0, 0), 1)]
    request.step = HOUR
    assert by_time(await generator.usage(request)) == [(at(1, 23, 0), 1), (at(2, 0, 0), 2), (at(4, 12, 0), 1)]


async def test_only_jobs_from_the_beginning_on_and_before_the_end_are_counted(
    house: House, generator: Generator, customer: Customer
) -> None:
    await drawn_at(house, generator, customer, at(1), at(2), at(3))
    request = pb.GetUsageRequest(
        caller_token=customer.token(), since=to_timestamp(at(2)), until=to_timestamp(at(3)), step=DAY
    )
    answer = await generator.usage(request)
    assert (answer.total.jobs, by_time(answer), by_model(answer)["painter"][1]) == (1, [(at(2, 0, 0), 1)], 1)
    request.ClearField("until")
    assert (await generator.usage(request)).total.jobs == 2


async def test_one_dialect_is_counted_alone(generator: Generator, customer: Customer) -> None:
    for dialect in ("openai", "openai", "imagegen"):
        one = purchase()
        one.dialect = dialect
        job = await generator.submit(customer.token(), one)
        await ended(generator, customer.token(), job.id)
    request = pb.GetUsageRequest(caller_token=customer.token(), dialect="openai")
    assert (await generator.usage(request)).total.jobs == 2
    request.dialect = ""
    assert (await generator.usage(request)).total.jobs == 3


async def test_what_the_previous_version_wrote_counts_with_its_model_and_pictures(
    house: House, generator: Generator, customer: Customer
) -> None:
    job = await generator.submit(customer.token(), purchase(draw("single", n=3)))
    await ended(generator, customer.token(), job.id)
    await house.rows("UPDATE tasks SET model = NULL, picture_count = NULL")
    answer = await generator.usage(pb.GetUsageRequest(caller_token=customer.token()))
    assert by_model(answer) == {"single": (0, 1, 1, 0, 3, 3 * PRICE_MICROS)}


@pytest.mark.parametrize("field", ["since", "until", "step"])
async def test_a_step_or_time_that_does_not_exist_is_named(
    generator: Generator, customer: Customer, field: str
) -> None:
    request = pb.GetUsageRequest(caller_token=customer.token())
    if field == "step":
        request.step = 9  # type: ignore[assignment]
    else:
        getattr(request, field).seconds = 1 << 60
    with pytest.raises(Fault) as caught:
        await generator.usage(request)
    assert (caught.value.reason, caught.value.details["field"]) == (reasons.REASON_INVALID_FIELD, field)
