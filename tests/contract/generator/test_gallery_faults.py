"""A gallery that answers with a fault of its own stops neither the replica nor other jobs, and what it costs is written down."""

import contextlib
from collections.abc import AsyncIterator

import asyncpg

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from testkit.eventually import eventually

from .house import Generator, House, ended
from .purchases import COST_MICROS, LOST, Customer, draw, purchase
from .scripted import Scripted
from .test_lives import kill_leases


@contextlib.asynccontextmanager
async def broken_gallery(house: House) -> AsyncIterator[asyncpg.Connection]:
    """The gallery's table is not what it was; yields a connection that sees how often that was noticed."""
    connection = await asyncpg.connect(house.database.admin_url)
    await connection.execute("ALTER TABLE gallery.images RENAME TO out_of_order")
    try:
        yield connection
    finally:
        await connection.execute("ALTER TABLE gallery.out_of_order RENAME TO images")
        await connection.close()


async def test_what_cannot_be_recovered_now_is_recovered_later_and_stops_no_replica(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    jobs = [await generator.submit(customer.token(), purchase(draw(prompt=str(n)))) for n in range(2)]
    await eventually(lambda: len(alpha.orders) == 2)
    async with broken_gallery(house) as connection:
        before = await connection.fetchval("SELECT count(DISTINCT lease_token) FROM generator.tasks")
        await kill_leases(house)
        seen: set[int] = set()

        async def tried_again() -> None:
            seen.update(row[0] for row in await connection.fetch("SELECT lease_token FROM generator.tasks"))
            assert len(seen) > before + 1

        await eventually(tried_again)
    alpha.curtain.set()
    for job in jobs:
        assert (await ended(generator, customer.token(), job.id)).fault.reason == reasons.REASON_OUTCOME_UNKNOWN
    assert (await house.balance(customer.id)).available_micros == 1_000_000


async def test_a_picture_that_the_gallery_cannot_write_down_is_a_loss_of_the_house(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    async with broken_gallery(house):
        job = await generator.submit(customer.token(), purchase())
        job = await ended(generator, customer.token(), job.id)
    assert (job.state, job.charge_micros) == (pb.Job.STATE_FAILED, 0)
    (loss,) = await house.rows(LOST)
    assert loss["lost_micros"] == COST_MICROS
