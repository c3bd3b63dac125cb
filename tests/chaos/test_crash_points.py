"""A service that is killed at any of its named crash points loses no picture that is paid for and buys none twice."""

import asyncio
from collections.abc import Mapping

import pytest
from tests.chaos.orders import FINAL_SECONDS, Order, assert_paid, is_delivered

from servicekit.crashpoints import CRASHPOINTS
from testkit.eventually import eventually
from testkit.platform import Answer, PlatformUnderTest
from testkit.upstreams.openai import OpenAIUpstream

IN_DOUBT = frozenset(
    {
        "generator.after_submitting",
        "generator.after_submit",
        "generator.after_put",
    }
)
"""Between the intent to buy and the gallery's record, a dead generator leaves a purchase of which nobody can tell. Once the
gallery has written the picture down it is found by its derived id, delivered and paid.

The gallery's death in between is waited out by the generator.
"""

ELSEWHERE: Mapping[str, str] = {
    "generator.after_submitted": "test_queued_orders.py",
    "generator.after_start_capture": "test_capture_at_start.py",
    "generator.after_refund": "test_capture_at_start.py",
    "outbox.after_publish": "test_webhooks.py",
    "webhooks.before_delivery": "test_webhooks.py",
    "webhooks.after_delivery": "test_webhooks.py",
}
"""Crash points that a plain order does not pass."""

MOST_ATTEMPTS = 3
"""Source: the design: three attempts, a crash counts as one."""

POINTS = tuple(point for point in CRASHPOINTS if point not in ELSEWHERE)


@pytest.mark.parametrize("point", POINTS)
async def test_an_order_survives_a_kill_or_is_not_charged(
    standing: PlatformUnderTest, vendor: OpenAIUpstream, point: str
) -> None:
    order = Order(await standing.account(usd=1), point)
    answer = await interrupted(standing, order, point)
    delivered = await is_delivered(standing, answer)
    assert delivered is (point not in IN_DOUBT)
    assert order.accepted_count(vendor) <= 1
    await assert_paid(standing, order.account, 1_000_000, order.price_micros if delivered else 0)
    await standing.verify()


@pytest.mark.parametrize("point", [*sorted(IN_DOUBT), "generator.before_kept"])
async def test_an_order_to_our_own_engine_is_drawn_again_and_charged_once(
    standing: PlatformUnderTest, point: str
) -> None:
    order = Order(await standing.account(usd=1), point, "sketch")
    answer = await interrupted(standing, order, point)
    assert await is_delivered(standing, answer)
    await assert_paid(standing, order.account, 1_000_000, order.price_micros)
    await standing.verify()


async def test_an_order_that_kills_its_worker_each_time_is_given_up_and_costs_nothing(
    standing: PlatformUnderTest,
) -> None:
    order = Order(await standing.account(usd=1), "poison", "sketch")
    starts, armed = standing.processes["generator"].starts, standing.arm("generator.after_submit")
    first = asyncio.create_task(order.attempt(standing))
    for _ in range(MOST_ATTEMPTS - 1):
        await eventually(lambda: armed.fired, timeout_seconds=FINAL_SECONDS)
        standing.arm("generator.after_submit")  # at once: the next worker must not get past it
    await eventually(lambda: armed.fired, timeout_seconds=FINAL_SECONDS)
    await standing.until_restarted("generator", starts + MOST_ATTEMPTS - 1)
    answer = await order.final([standing])
    await first
    assert (answer.status, answer.error["code"]) == (500, "internal_error")
    await assert_paid(standing, order.account, 1_000_000, 0)
    await standing.verify()


async def interrupted(platform: PlatformUnderTest, order: Order, point: str) -> Answer:
    """Place an order, have a service die of it at `point`, and go on asking until it is up again and answers."""
    service = point.partition(".")[0]
    starts = platform.processes[service].starts
    armed = platform.arm(point)
    try:
        first = asyncio.create_task(order.attempt(platform))
        await eventually(lambda: armed.fired, timeout_seconds=FINAL_SECONDS)
        await first
    finally:
        armed.disarm()
    answer = await order.final([platform])
    await platform.until_restarted(service, starts)
    return answer
