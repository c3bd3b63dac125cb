"""An order that waits in a vendor's queue holds no place, no inputs and no room: only its ticket."""

import asyncio
import time

import pytest

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.objects import Objects
from testkit.eventually import eventually
from testkit.picture_samples import draw as drawn
from testkit.picture_samples import encoded

from .house import Generator, House, ended
from .purchases import CATALOGUE, Customer, draw, purchase
from .scripted import Scripted, ticket
from .test_transformations import brought


@pytest.fixture
def queueing() -> Scripted:
    """A vendor with one place, that queues two orders until the test says otherwise."""
    return waiting(Scripted("narrow"), 2)


def waiting(vendor: Scripted, count: int) -> Scripted:
    """The vendor, which will queue its next orders."""
    vendor.queue.clear()
    vendor.acts.extend(ticket(f"ticket-{number}".encode()) for number in range(count))
    return vendor


async def test_an_order_in_a_vendors_queue_leaves_its_place_to_the_next(
    house: House, customer: Customer, queueing: Scripted
) -> None:
    async with house.generator({"narrow": queueing}) as generator:
        jobs = [await generator.submit(customer.token(), purchase(draw("solo", prompt=str(n)))) for n in range(2)]
        await eventually(lambda: len(queueing.collected) == 2)
        queueing.queue.set()
        assert [(await ended(generator, customer.token(), job.id)).state for job in jobs] == [
            pb.Job.STATE_SUCCEEDED
        ] * 2
    assert len(queueing.orders) == 2


async def test_a_task_that_waits_for_a_vendors_queue_takes_nobodys_room(
    house: House, customer: Customer, queueing: Scripted
) -> None:
    async with house.generator({"narrow": queueing}, GESSO_GENERATOR_TASKS="1") as generator:
        many = await generator.submit(customer.token(), purchase(*(draw("solo", prompt=str(n)) for n in range(2))))
        await eventually(lambda: len(queueing.collected) == 2)
        queueing.queue.set()
        assert (await ended(generator, customer.token(), many.id)).state == pb.Job.STATE_SUCCEEDED


async def test_a_vendor_has_no_more_jobs_in_flight_than_its_catalogue_entry_says(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    catalogue = house.folder / "bounded.toml"
    await asyncio.to_thread(catalogue.write_text, CATALOGUE.replace("concurrency = 64", "in_flight = 1"))
    waiting(alpha, 1)
    async with house.generator({"alpha": alpha}, GESSO_CATALOGUE=str(catalogue)) as generator:
        first = await generator.submit(customer.token(), purchase())
        second = await generator.submit(customer.token(), purchase(draw(prompt="second")))
        assert second.state == pb.Job.STATE_QUEUED
        assert len(alpha.orders) == 1
        alpha.queue.set()
        for job in (first, second):
            assert (await ended(generator, customer.token(), job.id)).state == pb.Job.STATE_SUCCEEDED
    assert len(alpha.orders) == 2


async def _forgotten(house: House, image_id: str) -> None:
    """Take an input's bytes away, as retention would."""
    (image,) = [image for image in await house.images() if image.id == image_id]
    await Objects.from_url(house.store_url).delete(image.blob_key)


async def test_a_paid_picture_is_not_lost_with_the_input_that_it_was_drawn_from(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    waiting(alpha, 1)
    source = await brought(house, customer, encoded(drawn(80, 60), "PNG"))
    edit = draw(input_image_ids=[source], options={"preserve_colors": "true"})
    edit.operation = pb.OPERATION_IMAGE_TO_IMAGE
    async with house.generator({"alpha": alpha}) as generator:
        job = await generator.submit(customer.token(), purchase(edit))
        await eventually(lambda: len(alpha.collected) == 1)
        assert alpha.orders[0].inputs
        await _forgotten(house, source)
        alpha.queue.set()
        job = await ended(generator, customer.token(), job.id)
    assert job.state == pb.Job.STATE_SUCCEEDED
    assert "the input picture is gone" in " ".join(job.tasks[0].warnings)
    assert not job.tasks[0].pictures[0].transformations


async def test_another_replica_collects_a_ticket_whose_input_is_gone(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    waiting(alpha, 1)
    source = await brought(house, customer, encoded(drawn(80, 60), "PNG"))
    edit = draw(input_image_ids=[source])
    edit.operation = pb.OPERATION_IMAGE_TO_IMAGE
    async with house.generator({"alpha": alpha}) as first:
        job = await first.submit(customer.token(), purchase(edit))
        await eventually(lambda: len(alpha.collected) == 1)
    await _forgotten(house, source)
    other = Scripted("alpha")
    async with house.generator({"alpha": other}) as second:
        job = await ended(second, customer.token(), job.id)
    assert (job.state, other.orders, other.collected) == (pb.Job.STATE_SUCCEEDED, [], [b"ticket-0"])


async def test_an_input_that_is_gone_before_the_order_ends_the_task_unbought(
    house: House, customer: Customer, generator: Generator, alpha: Scripted
) -> None:
    source = await brought(house, customer, encoded(drawn(80, 60), "PNG"))
    await _forgotten(house, source)
    edit = draw(n=3, input_image_ids=[source])
    edit.operation = pb.OPERATION_IMAGE_TO_IMAGE
    job = await generator.submit(customer.token(), purchase(edit))
    job = await ended(generator, customer.token(), job.id)
    assert (job.fault.reason, alpha.orders) == (reasons.REASON_INPUT_UNREACHABLE, [])


async def test_a_replica_that_ends_does_not_wait_for_a_vendors_queue(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    waiting(alpha, 1)
    async with house.generator({"alpha": alpha}, GESSO_GENERATOR_GRACE_SECONDS="60") as first:
        job = await first.submit(customer.token(), purchase())
        await eventually(lambda: len(alpha.collected) == 1)
        began_at = time.monotonic()
    assert time.monotonic() - began_at < 30
    other = Scripted("alpha")
    async with house.generator({"alpha": other}) as second:
        assert (await ended(second, customer.token(), job.id)).state == pb.Job.STATE_SUCCEEDED
    assert not other.orders


async def test_a_replica_that_ends_waits_for_an_order_that_is_being_drawn(
    house: House, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    async with house.generator({"alpha": alpha}, GESSO_GENERATOR_GRACE_SECONDS="60") as first:
        job = await first.submit(customer.token(), purchase())
        await eventually(lambda: len(alpha.orders) == 1)
        asyncio.get_running_loop().call_later(0.3, alpha.curtain.set)
    assert await house.rows("SELECT FROM tasks WHERE job_id = $1 AND state = $2", job.id, pb.Task.STATE_KEPT)
