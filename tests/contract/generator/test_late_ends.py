"""What comes after a task has ended, or cannot be written down, changes nothing of what is owed."""

import asyncpg
import pytest

from generator.providers.base import Bought, Drawn, Order, Pixels, UpstreamFault
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.sealing import seal
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import LOST, PRICE_MICROS, Customer, draw, purchase
from .scripted import Act, Scripted, picture


def seeded(seed: int, serial: int) -> Act:
    """An order that brings one picture with the seed that its vendor names."""

    async def act(order: Order) -> Drawn:
        return Drawn([Pixels(picture(serial), seed=seed)], upstream_model=order.upstream_model)

    return act


async def test_a_late_picture_is_not_charged_though_another_of_its_order_fails_in_an_unforeseen_way(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    alpha.acts.extend([seeded(7, 1), seeded(1 << 80, 2)])
    async with house.generator({"alpha": alpha}, GESSO_JOB_DEADLINE_SECONDS="1") as generator:
        job = await generator.submit(customer.token(), purchase(draw("single", n=2)))
        job = await ended(generator, customer.token(), job.id)
        assert (job.state, job.charge_micros) == (pb.Job.STATE_FAILED, 0)
        alpha.curtain.set()

        async def over() -> None:
            assert len(await house.images()) == 2

        await eventually(over)
        late = await generator.job(customer.token(), job.id)
    assert (late.state, late.charge_micros) == (pb.Job.STATE_FAILED, 0)
    assert [row["charge_micros"] for row in await house.rows("SELECT charge_micros FROM tasks")] == [0]


async def test_a_late_order_on_the_callers_own_key_is_no_loss_of_the_house(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    async with house.generator({"alpha": alpha}, GESSO_JOB_DEADLINE_SECONDS="1") as generator:
        sealed = seal(await generator.sealing_key(), "sk-of-the-caller")
        job = await generator.submit(customer.token(), purchase(draw(sealed_secret=sealed, sealed_for="alpha")))
        assert (await ended(generator, customer.token(), job.id)).fault.reason == reasons.REASON_TIMEOUT
    assert not await house.rows(LOST)


async def test_words_that_the_database_cannot_hold_are_told_without_them(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    async def refusing(order: Order) -> Drawn:
        raise UpstreamFault(
            reasons.REASON_UPSTREAM_REFUSED, "not a\0 nice prompt", bought=Bought.YES, retryable=False, details={}
        )

    async def renamed(order: Order) -> Drawn:
        return Drawn([Pixels(picture(1))], upstream_model="al\0pha-2")

    alpha.acts.extend([refusing, renamed])
    first = await generator.submit(customer.token(), purchase())
    first = await ended(generator, customer.token(), first.id)
    assert (first.state, first.fault.reason) == (pb.Job.STATE_FAILED, reasons.REASON_UPSTREAM_REFUSED)
    second = await generator.submit(customer.token(), purchase())
    second = await ended(generator, customer.token(), second.id)
    assert (second.state, second.tasks[0].upstream_model) == (pb.Job.STATE_SUCCEEDED, "alpha-2")


@pytest.mark.parametrize("code", ["25006", "40P01", "53100", "57014"])
async def test_a_picture_outlives_a_database_that_cannot_write_for_a_while(
    house: House, generator: Generator, customer: Customer, alpha: Scripted, code: str
) -> None:
    """25006: a standby; 40P01: a deadlock; 53100: a full disk; 57014: a cancelled statement."""
    alpha.curtain.clear()
    job = await generator.submit(customer.token(), purchase())
    await eventually(lambda: len(alpha.orders) == 1)
    admin = await asyncpg.connect(house.database.admin_url)
    await admin.execute(
        "CREATE SEQUENCE public.refusals;"
        f" CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN"
        f" PERFORM nextval('public.refusals'); RAISE EXCEPTION 'not now' USING ERRCODE = '{code}'; END $$;"
        " CREATE TRIGGER not_now BEFORE UPDATE ON generator.tasks FOR EACH ROW EXECUTE FUNCTION public.refuse()"
    )
    alpha.curtain.set()

    async def refused() -> None:
        assert await admin.fetchval("SELECT last_value FROM public.refusals") > 3

    await eventually(refused)
    await admin.execute("DROP TRIGGER not_now ON generator.tasks")
    await admin.close()
    job = await ended(generator, customer.token(), job.id)
    assert (job.state, job.charge_micros) == (pb.Job.STATE_SUCCEEDED, PRICE_MICROS)
    assert not await house.rows(LOST)
