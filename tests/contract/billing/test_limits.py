"""Limits over gRPC: counted exactly across replicas, by account, by address, by the account's own figures."""

import asyncio
import hashlib
import time

from gesso.billing.v1 import billing_pb2 as pb
from gesso.errors.v1 import reason_pb2 as reasons
from testkit.eventually import eventually
from testkit.identities import caller_token

from .client import Billing, Replica

Taking = pb.TakeLimitsRequest.Taking
Taken = pb.TakeLimitsResponse.TakeLimitsResult


async def within_one_minute() -> None:
    """Wait until the minute has some seconds left, for a test that counts within one."""
    await eventually(lambda: time.time() % 60 < 52, timeout_seconds=20)


def window(taken: Taken, which: pb.Window.ValueType = pb.WINDOW_MINUTE) -> pb.WindowState:
    return next(state for state in taken.windows if state.window == which)


async def test_every_window_counts_down_and_ends_at_its_utc_boundary(billing: Billing) -> None:
    await within_one_minute()
    account = await billing.account(plan="pro")
    taking = Taking(caller_token=caller_token(account.id), dialect="imagegen")

    first, second = await billing.take(taking, taking)

    assert [(s.window, s.limit, s.remaining) for s in first.windows] == [
        (pb.WINDOW_MINUTE, 300, 299),
        (pb.WINDOW_HOUR, 5_000, 4_999),
        (pb.WINDOW_DAY, 50_000, 49_999),
    ]
    assert [s.remaining for s in second.windows] == [298, 4_998, 49_998]
    for state, seconds in zip(first.windows, (60, 3_600, 86_400), strict=True):
        assert state.reset_at % seconds == 0
        assert 0 < state.reset_at - time.time() <= seconds


async def test_two_replicas_together_let_through_exactly_the_limit(replica: Replica) -> None:
    async with replica() as one, replica() as other:
        account = await one.account(plan="free")
        await within_one_minute()
        taking = Taking(caller_token=caller_token(account.id), dialect="bigapi")
        batches = await asyncio.gather(*(each.take(taking, taking) for _ in range(8) for each in (one, other)))

    results = [result for batch in batches for result in batch]
    passed = [window(result).remaining for result in results if not result.HasField("fault")]
    assert sorted(passed) == list(range(10))
    assert all(window(r).remaining == 0 for r in results if r.HasField("fault"))


async def test_a_refusal_names_the_window_and_when_to_come_again(billing: Billing) -> None:
    await within_one_minute()
    account = await billing.account(plan="free")
    results = await billing.take(*[Taking(caller_token=caller_token(account.id), dialect="bigapi")] * 11)

    refused = results[-1].fault
    assert dict(refused.details) == {"window": "minute", "limit": "10"}
    assert 0 < refused.retry_after_seconds <= 60
    assert window(results[-1], pb.WINDOW_HOUR).remaining == 100 - 11


async def test_the_accounts_own_figure_replaces_the_plans_and_0_lifts_it(billing: Billing) -> None:
    await within_one_minute()
    account = await billing.account(plan="free")
    update = pb.UpdateAccountRequest(
        account_id=account.id, set_limits={"imagegen.minute": 2, "imagegen.hour": 0, "imagegen.day": 0}
    )
    assert (await billing.update(update)).limits["imagegen.minute"] == 2

    results = await billing.take(*[Taking(caller_token=caller_token(account.id), dialect="imagegen")] * 3)

    assert [r.HasField("fault") for r in results] == [False, False, True]
    assert [s.window for s in results[0].windows] == [pb.WINDOW_MINUTE]


async def test_productai_counts_fifteen_a_minute_by_address_and_keyless_routes_sixty(billing: Billing) -> None:
    await within_one_minute()
    results = await billing.take(*[Taking(address="192.0.2.1", dialect="productai")] * 16)
    assert [r.HasField("fault") for r in results] == [False] * 15 + [True]

    other, keyless = await billing.take(
        Taking(address="192.0.2.2", dialect="productai"), Taking(address="192.0.2.1", dialect="imagegen")
    )
    assert (window(other).remaining, window(keyless).remaining) == (14, 59)


async def test_an_accounts_own_figure_for_productai_goes_before_that_of_the_address_it_calls_from(
    billing: Billing,
) -> None:
    await within_one_minute()
    ample, plain = await billing.account(), await billing.account()
    await billing.update(pb.UpdateAccountRequest(account_id=ample.id, set_limits={"productai.minute": 20}))
    taking = Taking(address="192.0.2.9", dialect="productai", figures_of=caller_token(ample.id))
    results = await billing.take(*[taking] * 16)
    assert [window(result).limit for result in results if not result.HasField("fault")] == [20] * 16
    other = Taking(address="192.0.2.9", dialect="productai", figures_of=caller_token(plain.id))
    (refused,) = await billing.take(other)
    assert (refused.fault.reason, window(refused).limit) == (reasons.REASON_RATE_LIMITED, 15)
    (unproven,) = await billing.take(Taking(address="192.0.2.9", dialect="productai", figures_of=b"no token"))
    assert (unproven.fault.reason, window(unproven).limit) == (reasons.REASON_RATE_LIMITED, 15)


async def test_an_enterprise_account_is_limited_only_where_it_has_figures(billing: Billing) -> None:
    account = await billing.account(plan="enterprise")
    key = await billing.key(account.id)
    (caller,) = await billing.authenticate(hashlib.sha256(key.secret.encode()).digest())
    assert isinstance(caller, pb.Caller)
    assert set(caller.limited_dialects) == {"pixeldojo", "productai"}

    (taken,) = await billing.take(Taking(caller_token=caller.token, dialect="imagegen"))
    assert not taken.windows
    assert not taken.HasField("fault")


async def test_a_forged_token_counts_nothing_and_spoils_no_other(billing: Billing) -> None:
    account = await billing.account(plan="free")
    forged, sound, unknown = await billing.take(
        Taking(caller_token=b"x" * 80, dialect="bigapi"),
        Taking(caller_token=caller_token(account.id), dialect="bigapi"),
        Taking(caller_token=caller_token(account.id), dialect="morse"),
    )
    assert forged.HasField("fault")
    assert not sound.HasField("fault")
    assert dict(unknown.fault.details) == {"field": "dialect"}
