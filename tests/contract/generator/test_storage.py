"""Over its storage limit an account buys nothing that would stay, and what it bought before is answered all the same."""

import time

from gesso.billing.v1.billing_pb2 import CallerClaims
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.tokens import seal
from testkit.identities import CALLER_TOKEN_KEY
from testkit.sample_pictures import sample

from .house import Generator, House, ended
from .purchases import PRICE_MICROS, Customer, draw, purchase
from .scripted import Scripted, answering

LARGE = sample("png", 800, 800, size_bytes=1_200_000).stamped(1)


def bounded(customer: Customer, storage_mb: int) -> bytes:
    """The customer's token, of a plan with so much storage."""
    claims = CallerClaims(
        account_id=customer.id,
        api_key_id=customer.api_key_id,
        plan="pro",
        expires_at=int(time.time()) + 60,
        storage_mb=storage_mb,
    )
    return seal(claims, CALLER_TOKEN_KEY)


async def test_full_storage_refuses_before_anything_is_bought_and_replays_go_on(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(answering(LARGE))
    first = await generator.submit(customer.token(), purchase(key="k"))
    first = await ended(generator, customer.token(), first.id)
    full = bounded(customer, 1)
    fault = await generator.refused(full, purchase(draw(prompt="another"), key="other"))
    assert fault.reason == reasons.REASON_STORAGE_EXCEEDED
    assert fault.details == {"limit_mb": "1", "used_mb": "1"}
    assert (await house.balance(customer.id)).available_micros == 1_000_000 - PRICE_MICROS
    (again,) = await generator.submit_all(full, purchase(key="k"))
    assert (again.replayed, again.job) == (True, first)
    joined = await generator.submit(full, purchase(join_recent=True))
    assert joined.id == first.id
    assert len(alpha.orders) == 1


async def test_what_does_not_stay_is_bought_over_the_limit_too(
    generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    alpha.acts.append(answering(LARGE))
    await ended(generator, customer.token(), (await generator.submit(customer.token(), purchase())).id)
    full = bounded(customer, 1)
    job = await generator.submit(full, purchase(draw(prompt="another"), keep_seconds=86_400))
    assert (await ended(generator, full, job.id)).state == pb.Job.STATE_SUCCEEDED


async def test_a_limit_that_nobody_can_check_refuses_and_leaves_the_key_free(house: House, alpha: Scripted) -> None:
    customer = await house.customer()
    away = {"GESSO_GALLERY_ADDRESS": f"unix:{house.folder}/nobody.sock"}
    async with house.generator({"alpha": alpha}, **away) as generator:
        fault = await generator.refused(bounded(customer, 1), purchase(key="k"))
    assert (fault.reason, fault.details["component"]) == (reasons.REASON_UNAVAILABLE, "gallery service")
    assert not alpha.orders
