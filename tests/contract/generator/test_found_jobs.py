"""A used key is answered before anything is fetched for its purchase, just as handing in the purchase would be."""

import pytest

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault

from .house import Generator, House, ended
from .purchases import Customer, draw, purchase
from .scripted import Scripted


async def raised(generator: Generator, token: bytes, one: pb.Purchase) -> Fault:
    with pytest.raises(Fault) as fault:
        await generator.find(token, one)
    return fault.value


def told(fault: Fault) -> tuple[object, ...]:
    return fault.reason, fault.message, fault.details, fault.retry_after_seconds


async def test_a_key_that_was_never_used_finds_nothing(generator: Generator, customer: Customer) -> None:
    assert await generator.find(customer.token(), purchase(key="k")) is None
    assert await generator.find(customer.token(), purchase()) is None
    assert not await generator.settlements()


async def test_a_used_key_finds_its_job(generator: Generator, customer: Customer) -> None:
    first = await generator.submit(customer.token(), purchase(key="k"))
    first = await ended(generator, customer.token(), first.id)
    assert await generator.find(customer.token(), purchase(key="k")) == first


async def test_a_key_finds_nothing_of_another_account_route_or_dialect(
    house: House, generator: Generator, customer: Customer
) -> None:
    await generator.submit(customer.token(), purchase(key="k"))
    elsewhere, otherwise = purchase(key="k"), purchase(key="k")
    elsewhere.route, otherwise.dialect = "edits", "bigapi"
    assert await generator.find((await house.customer()).token(), purchase(key="k")) is None
    assert await generator.find(customer.token(), elsewhere) is None
    assert await generator.find(customer.token(), otherwise) is None


async def test_a_running_key_and_other_content_raise_as_they_do_for_a_purchase(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    await generator.submit(customer.token(), purchase(key="k"))
    for one in (purchase(key="k"), purchase(draw(prompt="another"), key="k")):
        assert told(await raised(generator, customer.token(), one)) == told(
            await generator.refused(customer.token(), one)
        )
    assert (await raised(generator, customer.token(), purchase(key="k"))).reason == reasons.REASON_IDEMPOTENCY_RUNNING
    alpha.curtain.set()


async def test_the_key_of_a_refused_purchase_finds_nothing(house: House, generator: Generator) -> None:
    poor = await house.customer(grant_micros=1)
    await generator.refused(poor.token(), purchase(key="k"))
    assert await generator.find(poor.token(), purchase(key="k")) is None


async def test_a_key_finds_nothing_after_a_day(house: House, generator: Generator, customer: Customer) -> None:
    first = await generator.submit(customer.token(), purchase(key="k"))
    await ended(generator, customer.token(), first.id)
    await house.rows("UPDATE jobs SET created_at = now() - interval '25 hours'")
    assert await generator.find(customer.token(), purchase(key="k")) is None


async def test_a_clients_own_retry_finds_the_running_job_of_the_same_api_key_and_content(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.curtain.clear()
    first = await generator.submit(customer.token(), purchase())
    found = await generator.find(customer.token(), purchase(join_recent=True))
    assert found is not None
    assert (found.id, found.state) == (first.id, pb.Job.STATE_RUNNING)
    assert await generator.find(customer.token(), purchase()) is None
    assert await generator.find(customer.token(), purchase(draw(prompt="another"), join_recent=True)) is None
    other_key = Customer(customer.id, await house.api_key(customer.id))
    assert await generator.find(other_key.token(), purchase(join_recent=True)) is None
    alpha.curtain.set()


async def test_only_a_genuine_caller_finds_anything(generator: Generator, customer: Customer) -> None:
    await generator.submit(customer.token(), purchase(key="k"))
    forged = b"x" * 40 + customer.token()[40:]
    assert (await raised(generator, forged, purchase(key="k"))).reason == reasons.REASON_CREDENTIAL_INVALID
