"""A route that fails rests, one that takes no orders for a while comes last, and no more orders run than there are places."""

import asyncio
import contextlib
from pathlib import Path

import pytest

from generator.budgets import NotPlaced
from generator.health import FAILURES_TO_OPEN, REST_SECONDS
from generator.providers.base import Bought, UpstreamFault
from generator.providers.deadline import Deadline
from generator.router import Route, Router
from gesso.errors.v1 import reason_pb2 as reason
from servicekit.faults import Fault

from .routing import FLARE, GPT_2, Clock, Vendor, draw, failed, failure, names, routed


def test_five_failures_in_a_row_rest_a_route_and_the_next_one_serves() -> None:
    router = routed(Vendor("openai"))
    first = router.routes(draw("dall-e-3"))[0]
    failed(router, first, FAILURES_TO_OPEN - 1)
    router.succeeded(first)
    failed(router, first, FAILURES_TO_OPEN - 1)
    assert names(router, draw("dall-e-3")) == [FLARE, GPT_2]
    failed(router, first, 1)
    assert names(router, draw("dall-e-3")) == [GPT_2]


def test_while_all_routes_rest_it_is_said_when_to_come_back() -> None:
    clock = Clock()
    router = routed(Vendor("openai"), clock=clock)
    first, second = router.routes(draw("dall-e-3"))
    failed(router, first, FAILURES_TO_OPEN)
    clock.now = 4.0
    failed(router, second, FAILURES_TO_OPEN)
    with pytest.raises(Fault) as caught:
        router.routes(draw("dall-e-3"))
    assert (caught.value.reason, caught.value.retry_after_seconds) == (reason.REASON_MODEL_UNAVAILABLE, 11.0)
    with pytest.raises(Fault) as nobody:
        router.routes(draw("flux-pro"))
    assert nobody.value.retry_after_seconds is None


async def test_an_order_that_waited_while_its_route_began_to_rest_is_not_sent() -> None:
    router = routed(Vendor("openai"))
    first = router.routes(draw("dall-e-3"))[0]
    failed(router, first, FAILURES_TO_OPEN)
    with pytest.raises(NotPlaced) as caught:
        async with router.stay(first, "acct_a", until=Deadline.after(5)):
            raise AssertionError("it is not sent")
    assert (caught.value.reason, caught.value.bought) == (reason.REASON_MODEL_UNAVAILABLE, Bought.NO)
    router.failed(first, caught.value)
    assert names(router, draw("dall-e-3")) == [GPT_2]


async def test_a_route_whose_vendor_takes_no_orders_for_a_while_comes_last_and_its_circuit_stays_closed() -> None:
    clock = Clock()
    router = routed(Vendor("fal"), Vendor("replicate"), clock=clock)
    first = router.routes(draw("flux-dev"))[0]
    for _ in range(FAILURES_TO_OPEN):
        await turned_away(router, first, 20.0, "acct_a")
    assert [name for name, _ in names(router, draw("flux-dev"))] == ["replicate", "fal"]
    clock.now = 16.0
    assert [name for name, _ in names(router, draw("flux-dev"))] == ["fal", "replicate"]


async def test_an_own_key_has_a_rate_of_its_own() -> None:
    router = routed(Vendor("fal"), Vendor("replicate"))
    first = router.routes(draw("flux-dev"))[0]
    await turned_away(router, first, 20.0, "acct_a", own_key=True)
    both = {"fal", "replicate"}
    assert router.routes(draw("flux-dev"))[0] == first
    assert router.routes(draw("flux-dev"), both, account_id="acct_b")[0] == first
    assert router.routes(draw("flux-dev"), both, account_id="acct_a")[0] != first


async def turned_away(router: Router, route: Route, seconds: float, account_id: str, *, own_key: bool = False) -> None:
    fault = UpstreamFault(
        reason.REASON_UPSTREAM_RATE_LIMITED, "later", bought=Bought.NO, retryable=True, retry_after_seconds=seconds
    )
    with contextlib.suppress(UpstreamFault):
        async with router.stay(route, account_id, own_key=own_key, until=Deadline.after(0.001)):
            raise fault
    router.failed(route, fault, own_key=own_key)


def test_refusals_of_what_was_asked_and_own_keys_rest_no_route() -> None:
    router = routed(Vendor("openai"))
    first = router.routes(draw("dall-e-3"))[0]
    failed(router, first, FAILURES_TO_OPEN, own_key=True)
    for _ in range(FAILURES_TO_OPEN):
        router.failed(first, failure(reason.REASON_UPSTREAM_REFUSED))
    assert names(router, draw("dall-e-3")) == [FLARE, GPT_2]


async def test_an_own_keys_order_neither_waits_for_a_rested_route_nor_wakes_it() -> None:
    router = routed(Vendor("openai"))
    first = router.routes(draw("dall-e-3"))[0]
    failed(router, first, FAILURES_TO_OPEN)
    assert names(router, draw("dall-e-3"), {"openai"}) == [FLARE, GPT_2]
    async with router.stay(first, "acct_a", own_key=True, until=Deadline.after(5)):
        router.succeeded(first, own_key=True)
    assert names(router, draw("dall-e-3")) == [GPT_2]


async def test_after_its_rest_one_order_at_a_time_probes_the_route() -> None:
    clock = Clock()
    router = routed(Vendor("openai"), clock=clock)
    first = router.routes(draw("dall-e-3"))[0]
    failed(router, first, FAILURES_TO_OPEN)
    clock.now = REST_SECONDS - 0.1
    assert FLARE not in names(router, draw("dall-e-3"))
    clock.now = REST_SECONDS
    assert FLARE in names(router, draw("dall-e-3"))
    async with router.stay(first, "acct_a", until=Deadline.after(5)):
        assert FLARE not in names(router, draw("dall-e-3"))
        failed(router, first, 1)
    assert FLARE not in names(router, draw("dall-e-3"))
    clock.now += REST_SECONDS
    async with router.stay(first, "acct_a", until=Deadline.after(5)):
        router.succeeded(first)
    assert names(router, draw("dall-e-3")) == [FLARE, GPT_2]


async def test_what_fails_again_at_one_task_opens_no_circuit_but_keeps_an_open_one_open() -> None:
    clock = Clock()
    router = routed(Vendor("openai"), clock=clock)
    first = router.routes(draw("dall-e-3"))[0]
    failed(router, first, FAILURES_TO_OPEN - 1)
    failed(router, first, FAILURES_TO_OPEN, is_repeat=True)
    assert FLARE in names(router, draw("dall-e-3"))
    failed(router, first, 1)
    clock.now = REST_SECONDS
    async with router.stay(first, "acct_a", until=Deadline.after(5)):
        failed(router, first, 1, is_repeat=True)
    assert FLARE not in names(router, draw("dall-e-3"))


async def test_a_refusal_shows_a_route_to_be_well_also_where_it_failed_at_the_same_task_before() -> None:
    router = routed(Vendor("openai"))
    first = router.routes(draw("dall-e-3"))[0]
    failed(router, first, FAILURES_TO_OPEN - 1)
    router.failed(first, failure(reason.REASON_UPSTREAM_REFUSED), is_repeat=True)
    failed(router, first, 1)
    assert FLARE in names(router, draw("dall-e-3"))


async def test_a_probe_that_is_cancelled_leaves_the_route_to_the_next_one() -> None:
    clock = Clock()
    router = routed(Vendor("openai"), clock=clock)
    first = router.routes(draw("dall-e-3"))[0]
    failed(router, first, FAILURES_TO_OPEN)
    clock.now = REST_SECONDS
    with pytest.raises(asyncio.CancelledError):
        async with router.stay(first, "acct_a", until=Deadline.after(5)):
            raise asyncio.CancelledError
    assert FLARE in names(router, draw("dall-e-3"))


async def test_no_more_orders_run_at_a_provider_than_it_has_places_and_they_come_in_order(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text('[[provider]]\nname = "openai"\ntitle = "OpenAI"\nconcurrency = 2\n')
    router = routed(Vendor("openai"), extra_path=path)
    route = router.routes(draw("dall-e-3"))[0]
    running: list[int] = []
    begun: list[int] = []
    most = 0

    async def run(number: int) -> None:
        nonlocal most
        async with router.stay(route, "acct_a", until=Deadline.after(5)):
            begun.append(number)
            running.append(number)
            most = max(most, len(running))
            await asyncio.sleep(0)
            running.remove(number)

    await asyncio.gather(*(run(number) for number in range(8)))
    assert most == 2
    assert begun == sorted(begun)


async def test_closing_closes_every_provider() -> None:
    vendors = Vendor("openai"), Vendor("sketch")
    await routed(*vendors).close()
    assert all(vendor.is_closed for vendor in vendors)
