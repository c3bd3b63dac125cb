"""Each order is booked at what it cost us, beside what the customer paid; the operator sees margins, losses and odd prices."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from generator.providers.base import Bought, Drawn, Order, Pixels
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault
from servicekit.sealing import seal
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import COST_MICROS, PRICE_MICROS, Customer, draw, purchase
from .scripted import Act, Scripted, answering, failing, never, picture, ticket

ROWS = """
SELECT number, position, provider, upstream_model, model, dialect, picture_count, cost_micros, source, estimate_micros,
    paid_micros, outcome FROM costs ORDER BY number, position
"""


async def booked(house: House) -> list[tuple[object, ...]]:
    """What stands in the books."""
    return [tuple(row.values()) for row in await house.rows(ROWS)]


def charging(cost_micros: int | None = None, usage: bytes = b"", serials: Sequence[int] = (1,)) -> Act:
    """An order whose vendor says what it charged, or what it measured."""

    async def act(order: Order) -> Drawn:
        pictures = [Pixels(picture(serial)) for serial in serials]
        return Drawn(pictures, upstream_model="alpha-1-dated", cost_micros=cost_micros, usage_json=usage)

    return act


async def drawn(generator: Generator, customer: Customer, one: pb.Purchase) -> pb.Job:
    """Submit a purchase and wait for its end."""
    job = await generator.submit(customer.token(), one)
    return await ended(generator, customer.token(), job.id)


@pytest.mark.parametrize(
    ("act", "cost_micros", "source"),
    [
        (charging(7_000), 7_000, "vendor"),
        (charging(usage=b'{"tokens": 150}'), 4_500, "usage"),
        (charging(usage=b'{"other": 150}'), COST_MICROS, "estimate"),
    ],
    ids=["said", "measured", "estimated"],
)
async def test_an_order_is_booked_at_the_best_that_is_known(
    house: House, generator: Generator, customer: Customer, alpha: Scripted, act: Act, cost_micros: int, source: str
) -> None:
    alpha.acts.append(act)
    await drawn(generator, customer, purchase())
    row = (1, 0, "alpha", "alpha-1", "painter", "openai", 1, cost_micros, source, COST_MICROS, PRICE_MICROS, "kept")
    assert await booked(house) == [row]


async def test_each_order_of_a_task_has_its_share_of_what_was_paid(
    house: House, generator: Generator, customer: Customer
) -> None:
    await drawn(generator, customer, purchase(draw("single", n=3)))
    assert [(row[1], row[6], row[7], row[10]) for row in await booked(house)] == [
        (position, 1, COST_MICROS, PRICE_MICROS) for position in range(3)
    ]


async def test_what_was_not_bought_is_not_booked_and_what_was_bought_of_no_use_is_a_loss(
    house: House, generator: Generator, customer: Customer, alpha: Scripted, beta: Scripted
) -> None:
    alpha.acts.append(failing())
    beta.acts.append(answering(b"<html>sorry</html>"))
    await drawn(generator, customer, purchase())
    (row,) = await booked(house)
    assert (row[0], row[2], row[6], row[7], row[10:]) == (2, "beta", 0, COST_MICROS, (0, "UPSTREAM_BAD_IMAGE"))
    found = await generator.costs()
    assert [(one.provider, one.cause, one.tasks, one.amount_micros) for one in found.losses] == [
        ("beta", "UPSTREAM_BAD_IMAGE", 1, COST_MICROS)
    ]


async def test_of_an_order_that_came_in_part_the_missing_part_is_lost(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(charging(9_000, serials=(1, 2)))
    await drawn(generator, customer, purchase(draw(n=3)))
    (row,) = await booked(house)
    assert (row[6], row[7], row[10:]) == (2, 9_000, (2 * PRICE_MICROS, "UPSTREAM_FAILED"))
    assert (await generator.costs()).losses[0].amount_micros == 3_000


async def test_what_a_customer_pays_for_though_it_failed_is_no_loss(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(failing(bought=Bought.YES, retryable=False))
    await drawn(generator, customer, purchase(capture_at_start=True))
    (row,) = await booked(house)
    assert (row[7], row[10:]) == (COST_MICROS, (PRICE_MICROS, "UPSTREAM_FAILED"))
    assert not (await generator.costs()).losses


async def test_an_order_with_the_callers_own_key_costs_nothing(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(charging(7_000))
    sealed = seal(await generator.sealing_key(), "sk-of-the-caller")
    await drawn(generator, customer, purchase(draw(sealed_secret=sealed, sealed_for="alpha")))
    ((*_, picture_count, cost_micros, source, estimate, paid, _outcome),) = await booked(house)
    assert (picture_count, cost_micros, source, estimate, paid) == (1, 0, "own_key", None, PRICE_MICROS)
    assert (await generator.costs()).total.own_key_orders == 1


async def test_an_upstream_without_a_cost_is_booked_at_nothing_and_flagged(house: House, customer: Customer) -> None:
    narrow = Scripted("narrow")
    async with house.generator({"narrow": narrow}) as generator:
        await drawn(generator, customer, purchase(draw("solo")))
        assert [(row[7], row[8]) for row in await booked(house)] == [(0, "unknown")]
        found = await generator.costs()
    assert found.total.unknown_orders == 1
    assert [(flag.kind, flag.upstream_model) for flag in found.flags] == [
        (pb.GetCostsResponse.Flag.KIND_UNKNOWN_COST, "narrow-1")
    ]


async def test_after_the_deadline_an_order_is_booked_as_expected_until_its_vendor_says_what_it_was(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    alpha.acts.append(charging(7_000))
    async with house.generator({"alpha": alpha}, GESSO_JOB_DEADLINE_SECONDS="1") as generator:
        await drawn(generator, customer, purchase())
        assert [(row[6], row[7], row[8], row[11]) for row in await booked(house)] == [
            (0, COST_MICROS, "estimate", "TIMEOUT")
        ]
        alpha.curtain.set()

        async def corrected() -> None:
            assert [(row[6], row[7], row[8], row[11]) for row in await booked(house)] == [
                (0, 7_000, "vendor", "TIMEOUT")
            ]

        await eventually(corrected)
        assert [loss.amount_micros for loss in (await generator.costs()).losses] == [7_000]


async def test_what_a_dead_replica_had_ordered_is_booked_as_if_all_of_it_were_sold(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    async with house.generator({"alpha": alpha}) as generator:
        job = await generator.submit(customer.token(), purchase(draw(n=2)))
        await eventually(lambda: len(alpha.orders) == 1)
        await house.rows("UPDATE replicas SET alive_until = now() - interval '1 second'")
        job = await ended(generator, customer.token(), job.id)
        alpha.curtain.set()
    assert job.fault.reason == reasons.REASON_OUTCOME_UNKNOWN
    assert [(row[7], row[8], row[10], row[11]) for row in await booked(house)] == [
        (2 * COST_MICROS, "estimate", 0, "OUTCOME_UNKNOWN")
    ]


async def test_an_order_that_another_replica_collects_is_booked_once(house: House, customer: Customer) -> None:
    first, second = Scripted("alpha"), Scripted("alpha")
    first.acts.append(ticket(b"their-id"))
    async with house.generator({"alpha": first}) as generator:
        first.curtain.set()
        job = await generator.submit(customer.token(), purchase())
        first.curtain.clear()

        async def accepted() -> None:
            assert [row["state"] for row in await house.rows("SELECT state FROM tasks")] == [pb.Task.STATE_SUBMITTED]

        await eventually(accepted)
    async with house.generator({"alpha": second}) as generator:
        await ended(generator, customer.token(), job.id)
    assert [(row[7], row[10], row[11]) for row in await booked(house)] == [(COST_MICROS, PRICE_MICROS, "kept")]


async def test_a_late_picture_that_another_replica_fetches_stays_lost_at_what_it_cost(
    house: House, customer: Customer
) -> None:
    first, second = Scripted("alpha"), Scripted("alpha")
    first.acts.append(ticket(b"their-id"))
    first.collecting.append(never)
    second.collecting.append(charging(7_000))
    hasty = {"GESSO_JOB_DEADLINE_SECONDS": "1", "GESSO_GENERATOR_SALVAGE_SECONDS": "0.1"}
    async with house.generator({"alpha": first}, **hasty, GESSO_GENERATOR_SWEEP_SECONDS="60") as generator:
        await drawn(generator, customer, purchase())
    async with house.generator({"alpha": second}, **hasty, GESSO_GENERATOR_SWEEP_SECONDS="0.3") as generator:

        async def corrected() -> None:
            assert [(row[6], row[7], row[8], row[11]) for row in await booked(house)] == [
                (0, 7_000, "vendor", "TIMEOUT")
            ]

        await eventually(corrected)
        assert [loss.amount_micros for loss in (await generator.costs()).losses] == [7_000]


async def test_margins_are_told_by_model_provider_and_day(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.extend([charging(7_000), failing()])
    await drawn(generator, customer, purchase())
    await drawn(generator, customer, purchase(key="another"))
    by_provider = await generator.costs(pb.GetCostsRequest.KEY_PROVIDER)
    assert [(row.key, row.sums.cost_micros, row.sums.estimated_micros) for row in by_provider.rows] == [
        ("alpha", 7_000, 0),
        ("beta", COST_MICROS, COST_MICROS),
    ]
    total = by_provider.total
    assert (total.orders, total.pictures, total.paid_micros) == (2, 2, 2 * PRICE_MICROS)
    assert [(row.key, row.sums.pictures) for row in (await generator.costs()).rows] == [("painter", 2)]
    today = datetime.now(UTC).date()
    by_day = await generator.costs(pb.GetCostsRequest.KEY_DAY, since=str(today - timedelta(days=1)), until=str(today))
    assert sum(row.sums.pictures for row in by_day.rows) == 2
    before = await generator.costs(until=str(today - timedelta(days=2)))
    assert (before.total, len(before.rows)) == (pb.CostSums(), 0)


async def test_a_vendor_that_charges_more_than_expected_or_than_was_paid_is_flagged(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.extend([charging(4_100), charging(PRICE_MICROS + 1)])
    await drawn(generator, customer, purchase())
    assert not (await generator.costs()).flags
    await drawn(generator, customer, purchase(key="another"))
    flags = (await generator.costs()).flags
    assert [(flag.kind, flag.orders, flag.expected_micros, flag.cost_micros) for flag in flags] == [
        (pb.GetCostsResponse.Flag.KIND_DRIFT, 2, 2 * COST_MICROS, 4_100 + PRICE_MICROS + 1)
    ]
    alpha.acts.append(charging(3 * PRICE_MICROS))
    await drawn(generator, customer, purchase(key="a third"))
    below = [flag for flag in (await generator.costs()).flags if flag.kind == pb.GetCostsResponse.Flag.KIND_BELOW_COST]
    assert [(flag.model, flag.dialect, flag.orders, flag.expected_micros) for flag in below] == [
        ("painter", "openai", 3, 3 * PRICE_MICROS)
    ]


async def test_a_day_that_is_none_is_refused_by_its_name(generator: Generator) -> None:
    with pytest.raises(Fault) as caught:
        await generator.costs(since="yesterday")
    assert (caught.value.reason, caught.value.details["field"]) == (reasons.REASON_INVALID_FIELD, "since")
