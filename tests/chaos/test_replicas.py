"""Two replicas of each service are one platform: what one has begun the other ends, and no limit or balance is passed twice."""

import asyncio
import itertools
import os
import random
import signal
from collections.abc import AsyncIterator

import pytest
from tests.chaos.orders import FINAL_SECONDS, QUICK_LEASES, Order, assert_paid, is_delivered
from tests.chaos.test_random_kills import Load, kill_while_under_way

from testkit.eventually import eventually
from testkit.platform import MODEL, PlatformUnderTest, running_replicas
from testkit.upstreams.base import Behaviour
from testkit.upstreams.openai import OpenAIUpstream

Replicas = tuple[PlatformUnderTest, PlatformUnderTest]


@pytest.fixture(scope="module")
def shared_vendor() -> OpenAIUpstream:
    """The upstream that both replicas buy from."""
    return OpenAIUpstream()


@pytest.fixture(scope="module")
async def replicas(shared_vendor: OpenAIUpstream, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Replicas]:
    folder = tmp_path_factory.mktemp("replicas")
    async with running_replicas(folder, upstream=shared_vendor, environment=QUICK_LEASES) as both:
        yield both
        await both[0].verify()


@pytest.fixture
async def both(replicas: Replicas, shared_vendor: OpenAIUpstream) -> Replicas:
    """Both replicas, up, with a vendor that answers at once."""
    shared_vendor.default = Behaviour()
    shared_vendor.requests.clear()
    for platform in replicas:
        await platform.until_up()
    return replicas


async def test_one_key_at_two_edges_at_once_is_one_job_and_one_charge(
    both: Replicas, shared_vendor: OpenAIUpstream
) -> None:
    order = Order(await both[0].account(usd=1), "everywhere")
    answers = await asyncio.gather(*(order.attempt(both[turn % 2]) for turn in range(24)))
    assert {answer.status for answer in answers if answer} <= {200, 409}
    finals = [await order.final([platform]) for platform in both]
    assert finals[0].headers["X-Gesso-Job-Id"] == finals[1].headers["X-Gesso-Job-Id"]
    assert order.accepted_count(shared_vendor) == 1
    await assert_paid(both[0], order.account, 1_000_000, order.price_micros)


async def test_a_balance_is_spent_once_however_many_edges_ask(both: Replicas, shared_vendor: OpenAIUpstream) -> None:
    account = await both[0].account(usd=0.02)
    orders = [Order(account, f"poor-{number}") for number in range(20)]
    answers = await asyncio.gather(*(order.attempt(both[turn % 2]) for turn, order in enumerate(orders)))
    assert sorted(answer.status for answer in answers if answer) == [200] * 3 + [402] * 17
    assert shared_vendor.purchases >= 3
    await assert_paid(both[1], account, 20_000, 3 * orders[0].price_micros)


async def test_a_rate_limit_is_exact_across_edges(both: Replicas) -> None:
    account = await both[0].account(plan="pro")
    await both[0].gesso("accounts", "set", account.id, "--limit", "openai.minute=10", "--limit", "openai.hour=10")
    asked = (both[turn % 2].ask("GET", "/v1/models", api_key=account.api_key) for turn in range(30))
    statuses = [answer.status for answer in await asyncio.gather(*asked)]
    assert sorted(statuses) == [200] * 10 + [429] * 20


async def test_a_key_revoked_at_one_replica_is_refused_by_the_other(both: Replicas) -> None:
    account = await both[0].account()
    assert (await both[1].ask("GET", "/v1/models", api_key=account.api_key)).status == 200
    listed = await both[0].gesso("keys", "list", account.id, "--json")
    await both[0].gesso("keys", "revoke", listed.json[0]["id"])

    async def refused() -> None:
        assert (await both[1].ask("GET", "/v1/models", api_key=account.api_key)).status == 401

    await eventually(refused, timeout_seconds=6)


async def test_maintenance_reaches_every_replica(both: Replicas) -> None:
    account, turns = await both[0].account(), itertools.count()
    await both[0].gesso("maintenance", "on")
    try:
        for platform in both:
            # Each time another order: one that was bought before the pause came is answered as it was.
            await eventually(lambda edge=platform: _answers(edge, Order(account, f"paused-{next(turns)}"), 503))  # type: ignore[misc]
    finally:
        await both[1].gesso("maintenance", "off")
    for platform in both:
        order = Order(account, f"resumed-{platform.url}", "sketch")
        await eventually(lambda edge=platform, resumed=order: _answers(edge, resumed, 200))  # type: ignore[misc]


async def _answers(platform: PlatformUnderTest, order: Order, status: int) -> bool:
    answer = await order.attempt(platform)
    return answer is not None and answer.status == status


@pytest.mark.parametrize(
    ("model", "point", "is_drawn_again"),
    [("sketch", "generator.before_kept", True), (MODEL, "generator.after_submit", False)],
)
async def test_what_a_frozen_replica_had_begun_is_ended_by_the_other_and_by_it_alone(
    both: Replicas, shared_vendor: OpenAIUpstream, model: str, point: str, is_drawn_again: bool
) -> None:
    """Awake again, the first replica finds its lease gone: it writes nothing, and both edges give the same answer."""
    order = Order(await both[0].account(usd=1), point, model)
    frozen = both[0].processes["generator"].pid
    armed = both[0].arm(f"{point}:hang")
    first = asyncio.create_task(order.attempt(both[0]))
    try:
        await eventually(lambda: armed.fired, timeout_seconds=FINAL_SECONDS)
        answer = await order.final([both[1]])
        assert await is_delivered(both[1], answer) is is_drawn_again
    finally:
        os.kill(frozen, signal.SIGCONT)
        await first
    again = await order.final([both[0]])
    assert (again.status, again.error) == (answer.status, answer.error)
    assert again.headers["X-Gesso-Job-Id"] == answer.headers["X-Gesso-Job-Id"]
    assert order.accepted_count(shared_vendor) == (model == MODEL)
    await assert_paid(both[0], order.account, 1_000_000, order.price_micros if is_drawn_again else 0)
    await both[0].verify()


async def test_replicas_killed_at_random_cost_nobody_a_picture_or_a_cent(
    both: Replicas, shared_vendor: OpenAIUpstream
) -> None:
    shared_vendor.default = Behaviour("slow", seconds=0.2)
    load = Load(await both[0].account(usd=1), both, "replicas")
    kills = [(both[0], "generator"), (both[1], "billing"), (both[1], "generator"), (both[0], "gallery")]
    await asyncio.gather(load.run(), kill_while_under_way(load, kills, random.Random(5)))
    await load.assert_accounts_add_up(shared_vendor)
