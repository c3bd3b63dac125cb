"""The rate at which a vendor takes orders is told by its headers, or learned from what it turned away."""

import asyncio
import math

import pytest

from generator.budgets import Budget, NotPlaced
from generator.providers.allowance import Allowance, read_allowance
from generator.providers.base import Bought, UpstreamFault
from generator.providers.deadline import Deadline
from generator.public_models import ProviderLimits
from generator.rates import Rate
from gesso.errors.v1 import reason_pb2 as reasons
from testkit.eventually import eventually

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"x-ratelimit-remaining-requests": "59"}, None),
        (
            {
                "x-ratelimit-limit-requests": "60",
                "x-ratelimit-remaining-requests": "59",
                "x-ratelimit-reset-requests": "1s",
            },
            Allowance(59, 1.0, 60),
        ),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "6m0.5s"}, Allowance(0, 60.0)),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "0h0m2.5s"}, Allowance(0, 2.5)),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "20ms"}, Allowance(0, 0.02)),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": "12.5"}, Allowance(3, 12.5)),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": str(int(NOW) + 30)}, Allowance(3, 30.0)),
        ({"x-ratelimit-remaining": "3", "x-ratelimit-reset": str(int(NOW * 1000) + 1500)}, Allowance(3, 1.5)),
        ({"ratelimit-limit": "100, 100;w=60", "ratelimit-remaining": "0", "ratelimit-reset": "7"}, Allowance(0, 7.0, 100)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "86400"}, Allowance(0, 60.0)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "-5"}, Allowance(0, 0.0)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "nan"}, None),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "inf"}, Allowance(0, 60.0)),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, None),
        ({"x-ratelimit-remaining": "few", "x-ratelimit-reset": "5"}, None),
    ],
)  # fmt: skip
def test_headers_tell_what_is_left_and_when_it_is_counted_anew(
    headers: dict[str, str], expected: Allowance | None
) -> None:
    assert read_allowance(headers, NOW) == expected


def test_a_rate_of_which_nothing_is_known_holds_nobody() -> None:
    rate = Rate()
    for _ in range(100):
        assert rate.wait_seconds(0.0) == 0.0
        rate.sent(0.0)


def test_what_is_left_is_sent_and_no_more_until_the_vendor_counts_anew() -> None:
    rate = Rate()
    rate.sent(0.0)
    rate.told(Allowance(2, 30.0, 10), 0.0)
    rate.answered()
    for _ in range(2):
        assert rate.wait_seconds(1.0) == 0.0
        rate.sent(1.0)
    assert rate.wait_seconds(1.0) == rate.hold_seconds(1.0) == 29.0
    assert rate.wait_seconds(30.0) == 0.0
    rate.sent(30.0)
    assert rate.left == 9


def test_orders_that_are_under_way_count_against_what_is_left() -> None:
    rate = Rate()
    for _ in range(3):
        rate.sent(0.0)
    rate.told(Allowance(2, 30.0), 0.0)
    assert rate.wait_seconds(0.0) == 30.0


def test_after_one_was_turned_away_orders_rest_and_then_begin_with_few() -> None:
    rate = Rate()
    for _ in range(8):
        rate.sent(0.0)
    for _ in range(3):
        rate.turned_one_away(20.0, 0.0)
        rate.answered()
    assert rate.wait_seconds(5.0) == 15.0
    assert rate.window == 4
    for _ in range(5):
        rate.answered()
    for _ in range(4):
        assert rate.wait_seconds(20.0) == 0.0
        rate.sent(20.0)
    assert rate.wait_seconds(20.0) == math.inf
    assert rate.hold_seconds(20.0) == 0.0
    rate.taken()
    rate.answered()
    assert rate.wait_seconds(20.0) == 0.0


def test_a_vendor_that_names_no_time_is_left_alone_for_longer_each_time() -> None:
    rate, now, rests = Rate(), 0.0, []
    for _ in range(7):
        rate.sent(now)
        rate.turned_one_away(None, now)
        rate.answered()
        rests.append(rate.wait_seconds(now))
        now += rests[-1]
    assert rests == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    rate.sent(now)
    rate.taken()
    rate.answered()
    rate.sent(now)
    rate.turned_one_away(None, now)
    assert rate.wait_seconds(now) == 1.0


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def turned_away(seconds: float | None) -> UpstreamFault:
    return UpstreamFault(
        reasons.REASON_UPSTREAM_RATE_LIMITED, "later", bought=Bought.NO, retryable=True, retry_after_seconds=seconds
    )


async def test_a_vendor_that_takes_no_order_before_the_deadline_is_not_waited_for() -> None:
    budget = Budget(ProviderLimits(name="acme", title="Acme"), Clock())
    with pytest.raises(UpstreamFault, match="later"):
        async with budget.stay("acct_a", until=Deadline.after(60)):
            raise turned_away(90.0)
    assert budget.hold_seconds == 90.0
    with pytest.raises(NotPlaced) as caught:
        async with budget.stay("acct_a", until=Deadline.after(60)):
            raise AssertionError("it is not sent")
    assert (caught.value.reason, caught.value.bought) == (reasons.REASON_UPSTREAM_RATE_LIMITED, Bought.NO)
    assert caught.value.retry_after_seconds == 90.0
    assert not budget.is_idle


async def test_orders_that_wait_for_the_rate_go_when_those_before_them_are_answered() -> None:
    clock = Clock()
    budget = Budget(ProviderLimits(name="acme", title="Acme"), clock)
    with pytest.raises(UpstreamFault, match="later"):
        async with budget.stay("acct_a", until=Deadline.after(60)):
            raise turned_away(0.0)
    sent: list[int] = []

    async def order(number: int, release: asyncio.Event) -> None:
        async with budget.stay("acct_a", until=Deadline.after(60)):
            sent.append(number)
            await release.wait()

    release = asyncio.Event()
    orders = [asyncio.create_task(order(number, release)) for number in range(4)]
    await eventually(lambda: sent == [0])
    release.set()
    await asyncio.gather(*orders)
    assert sorted(sent) == [0, 1, 2, 3]
    assert budget.is_idle


async def test_an_order_that_was_taken_gives_its_place_back_before_its_block_ends() -> None:
    budget = Budget(ProviderLimits(name="acme", title="Acme", concurrency=1, in_flight=2), Clock())
    async with budget.stay("acct_a", until=Deadline.after(5)) as first:
        first.sent()
        async with budget.stay("acct_a", until=Deadline.after(5)) as second:
            second.sent()
            with pytest.raises(TimeoutError):  # two jobs are in flight
                async with asyncio.timeout(0.01), budget.stay("acct_a", until=Deadline.after(5)):
                    raise AssertionError("it is not sent")
        with budget.resumed(), pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01), budget.stay("acct_a", until=Deadline.after(5)):
                raise AssertionError("it is not sent")
    assert budget.is_idle
