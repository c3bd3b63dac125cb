"""An order that waits in a vendor's queue outlives the process that waits for it: another collects it, and none buys it again."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.chaos.orders import FINAL_SECONDS, QUICK_LEASES, Order, assert_paid, is_delivered

from testkit.eventually import eventually
from testkit.platform import PlatformUnderTest, running_platform
from testkit.upstreams.base import Behaviour
from testkit.upstreams.fal import FalUpstream


class QueuedOrder(Order):
    """An order of a model that the queue serves."""

    @property
    def fields(self) -> dict[str, object]:
        """The body of the request."""
        return {"model": "flux-dev", "prompt": self.prompt, "size": "1024x1024", "response_format": "url"}

    @property
    def price_micros(self) -> int:
        """What it costs where it is delivered."""
        return 25_000


@pytest.fixture(scope="module")
def queue() -> FalUpstream:
    """The vendor."""
    return FalUpstream()


@pytest.fixture(scope="module")
async def queueing(queue: FalUpstream, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PlatformUnderTest]:
    """A platform whose one configured vendor queues."""
    async with queue.running() as url:
        environment = {
            **QUICK_LEASES,
            "FAL_KEY": "id:scripted-secret",
            "FAL_BASE_URL": url,
            "GESSO_EGRESS_ALLOW": "127.0.0.0/8",
        }
        async with running_platform(tmp_path_factory.mktemp("queueing"), environment=environment) as running:
            yield running
            await running.verify()


async def test_a_generator_that_dies_while_an_order_is_queued_loses_no_picture_and_buys_none_twice(
    queueing: PlatformUnderTest, queue: FalUpstream
) -> None:
    gate, account = asyncio.Event(), await queueing.account(usd=1)
    queue.script.append(Behaviour("slow", gate=gate))
    order = QueuedOrder(account, "killed")
    first = asyncio.create_task(order.attempt(queueing))
    await eventually(lambda: any(job.poll_count for job in queue.jobs.values()))
    await queueing.kill("generator")
    gate.set()
    assert await is_delivered(queueing, await order.final([queueing]))
    await first
    assert accepted_count(queue, order) == 1
    await assert_paid(queueing, account, 1_000_000, order.price_micros)


@pytest.mark.parametrize(
    ("point", "accepted", "delivered"),
    [
        ("generator.after_submitting", 0, False),
        ("generator.after_submit", 1, False),
        ("generator.after_submitted", 1, True),
        ("generator.after_put", 1, True),
    ],
    ids=["before it is sent", "before its name is written down", "once its name is written down", "once it is fetched"],
)
async def test_a_generator_that_dies_of_a_queued_order_never_buys_it_again_and_charges_for_what_is_delivered(
    queueing: PlatformUnderTest, queue: FalUpstream, point: str, accepted: int, delivered: bool
) -> None:
    order = QueuedOrder(await queueing.account(usd=1), point)
    starts = queueing.processes["generator"].starts
    armed = queueing.arm(point)
    try:
        first = asyncio.create_task(order.attempt(queueing))
        await eventually(lambda: armed.fired, timeout_seconds=FINAL_SECONDS)
        await first
    finally:
        armed.disarm()
    answer = await order.final([queueing])
    await queueing.until_restarted("generator", starts)
    assert await is_delivered(queueing, answer) is delivered
    assert accepted_count(queue, order) == accepted
    await assert_paid(queueing, order.account, 1_000_000, order.price_micros if delivered else 0)


def accepted_count(queue: FalUpstream, order: QueuedOrder) -> int:
    """How many purchases of it the vendor accepted."""
    return sum(job.fields.get("prompt") == order.prompt for job in queue.jobs.values())
