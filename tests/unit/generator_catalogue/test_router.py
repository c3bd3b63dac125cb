"""Who draws: configured and healthy routes by preference, the fallback engine where nobody is configured, and nobody else."""

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from generator.budgets import NotPlaced
from generator.catalogue import Catalogue
from generator.health import FAILURES_TO_OPEN, REST_SECONDS
from generator.providers.base import Bought, Drawn, Memory, Order, Provider, Ticket, UpstreamFault
from generator.providers.deadline import Deadline
from generator.ranking import Preference, parse_weights
from generator.router import Route, Router
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault


@dataclass
class Vendor:
    """A provider that is there, and never asked."""

    name: str
    configured: bool = True
    free_to_repeat: bool = False
    trained: bool = True
    is_closed: bool = False

    async def submit(self, order: Order, memory: Memory) -> Drawn | Ticket:
        raise NotImplementedError

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        raise NotImplementedError

    async def close(self) -> None:
        self.is_closed = True


class Clock:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def routed(
    *vendors: Vendor,
    stand_in: str | None = None,
    extra_path: Path | None = None,
    weights: Mapping[str, float] | None = None,
    preference: Preference = Preference.PRIMARY,
    clock: Clock | None = None,
    today: date = date(2026, 11, 20),
) -> Router:
    providers: dict[str, Provider] = {vendor.name: vendor for vendor in vendors}
    catalogue = Catalogue.load(providers=providers, extra_path=extra_path, stand_in=stand_in)
    return Router(
        catalogue, providers, weights=weights, preference=preference, clock=clock or Clock(), today=lambda: today
    )


def draw(model: str, **fields: Any) -> pb.Draw:
    return pb.Draw(**{"operation": pb.OPERATION_TEXT_TO_IMAGE, "model": model, "n": 1, **fields})


def names(router: Router, wanted: pb.Draw, stored: Collection[str] | None = None) -> list[tuple[str, str]]:
    try:
        return [(route.provider, route.upstream_model) for route in router.routes(wanted, stored)]
    except Fault as fault:
        return [("none", fault.reason_name)]


FLARE, GPT_2 = ("openai", "gpt-image-2.5-flare"), ("openai", "gpt-image-2")
SKETCH = ("sketch", "sketch")
NONE = [("none", "MODEL_UNAVAILABLE")]


def test_bicubic_serves_only_where_no_vendor_upscales_and_takes_nobodys_place() -> None:
    wanted = pb.Draw(model="magnific-precision", operation=pb.OPERATION_UPSCALE, n=1)
    bicubic = Vendor("upscaling", free_to_repeat=True)
    assert names(routed(bicubic), wanted) == [("upscaling", "bicubic")]
    router = routed(bicubic, Vendor("magnific"))
    assert {name for name, _ in names(router, wanted)} == {"magnific"}
    for route in router.routes(wanted):
        failed(router, route, FAILURES_TO_OPEN)
    assert names(router, wanted) == NONE


def test_a_retired_name_leads_to_its_successors_in_order() -> None:
    assert names(routed(Vendor("openai")), draw("dall-e-3")) == [FLARE, GPT_2]


@pytest.mark.parametrize(
    ("model", "asked", "expected"),
    [
        ("dall-e-2", "", "low"),
        ("dall-e-3", "", "medium"),
        ("dall-e-3", "standard", "medium"),
        ("dall-e-3", "hd", "high"),
        ("gpt-image-2", "", "high"),
        ("gpt-image-2", "low", "low"),
        ("gpt-image-2.5-flare", "max", "max"),
        ("gpt-low", "", "low"),
    ],
)
def test_the_quality_is_worded_as_the_upstream_is_to_be_asked(model: str, asked: str, expected: str) -> None:
    operation = pb.OPERATION_IMAGE_TO_IMAGE if model == "gpt-low" else pb.OPERATION_TEXT_TO_IMAGE
    route = routed(Vendor("openai")).routes(draw(model, quality=asked, operation=operation))[0]
    assert route.options["quality"] == expected


def test_a_model_that_the_vendor_ends_is_left_for_its_successor_on_that_day() -> None:
    before = routed(Vendor("openai"), today=date(2026, 11, 30))
    after = routed(Vendor("openai"), today=date(2026, 12, 1))
    assert names(before, draw("gpt-image-1.5"))[0] == ("openai", "gpt-image-1.5")
    assert names(after, draw("gpt-image-1.5")) == [("openai", "gpt-image-2.5-sunburst")]


def test_without_a_configured_provider_a_model_is_unavailable() -> None:
    assert names(routed(Vendor("openai", configured=False)), draw("dall-e-3")) == NONE


def test_the_fallback_engine_stands_in_where_no_provider_is_configured() -> None:
    router = routed(Vendor("openai", configured=False), Vendor("sketch"), stand_in="sketch")
    assert names(router, draw("dall-e-3")) == [SKETCH]
    assert names(router, draw("flux-pro")) == [SKETCH]


def test_the_fallback_engine_does_not_stand_in_for_a_configured_provider_that_rests() -> None:
    router = routed(Vendor("openai"), Vendor("sketch"), stand_in="sketch")
    for route in router.routes(draw("dall-e-3")):
        for _ in range(FAILURES_TO_OPEN):
            router.failed(route, failure())
    assert names(router, draw("dall-e-3")) == NONE


@pytest.mark.parametrize("wanted", [draw("midjourney-v6"), draw("real-esrgan", operation=pb.OPERATION_UPSCALE)])
def test_the_fallback_engine_does_not_stand_in_for_what_it_cannot_or_may_not_draw(wanted: pb.Draw) -> None:
    assert names(routed(Vendor("sketch"), stand_in="sketch"), wanted) == NONE


def test_the_catalogue_says_who_is_served_by_whom() -> None:
    providers: dict[str, Provider] = {"openai": Vendor("openai"), "sketch": Vendor("sketch")}
    models = {model.id: model.state for model in Catalogue.load(providers=providers, stand_in="sketch").models()}
    assert models["dall-e-3"] == pb.Model.STATE_ACTIVE
    assert models["flux-pro"] == pb.Model.STATE_STAND_IN
    assert models["midjourney-v6"] == models["real-esrgan"] == pb.Model.STATE_UNAVAILABLE


def test_an_operator_may_give_midjourney_a_route(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(
        '[[model]]\nid = "midjourney-v6"\nlike = "midjourney-v6"\n'
        'routes = [{ provider = "openai", upstream_model = "gpt-image-2" }]\n'
    )
    assert names(routed(Vendor("openai"), extra_path=path), draw("midjourney-v6")) == [GPT_2]


def test_weights_go_before_the_catalogues_order_and_zero_leaves_out() -> None:
    vendors = (Vendor("fal"), Vendor("bfl"), Vendor("replicate"))
    usual = [provider for provider, _ in names(routed(*vendors), draw("flux-dev"))]
    weighed = routed(*vendors, weights=parse_weights("bfl=2, replicate=0"))
    assert usual == ["fal", "bfl", "replicate"]
    assert [provider for provider, _ in names(weighed, draw("flux-dev"))] == ["bfl", "fal"]


def test_what_a_picture_costs_orders_the_routes_beside_the_primary_and_all_of_them_where_the_operator_says_so() -> None:
    vendors = (Vendor("fal"), Vendor("replicate"), Vendor("together"), Vendor("a1111", free_to_repeat=True))
    usual, cheap = routed(*vendors), routed(*vendors, preference=Preference.PRICE)
    model = draw("stable-diffusion-xl")
    assert [provider for provider, _ in names(usual, model)] == ["fal", "a1111", "together", "replicate"]
    assert [provider for provider, _ in names(cheap, model)] == ["a1111", "together", "fal", "replicate"]


def test_a_route_is_offered_only_for_the_operations_that_it_can_do() -> None:
    router = routed(Vendor("fal"))
    edit = draw("kontext-pro", operation=pb.OPERATION_IMAGE_TO_IMAGE)
    assert names(router, edit) == [("fal", "fal-ai/flux-pro/kontext")]


@pytest.mark.parametrize(
    ("provider", "fields", "expected"),
    [("fal", {}, 4), ("fal", {"seed": 0}, 1), ("a1111", {}, 4), ("a1111", {"seed": 7}, 4)],
)
def test_what_has_a_seed_is_ordered_one_by_one_where_the_vendor_gives_no_picture_its_own(
    provider: str, fields: Mapping[str, int], expected: int
) -> None:
    (route,) = routed(Vendor(provider)).routes(draw("stable-diffusion-xl", **fields))
    assert route.native_count == expected


@pytest.mark.parametrize("model", ["dall-e-3", "dall-e-2"])
def test_a_stored_key_for_openrouter_draws_what_ops_centers_document_sells_with_it(model: str) -> None:
    router = routed(Vendor("openai"), Vendor("openrouter", configured=False))
    assert names(router, draw(model), {"openrouter"})[0] == ("openrouter", "openai/gpt-image-2.5-sunburst")
    assert names(router, draw(model)) == [FLARE, GPT_2]


def test_a_key_of_ones_own_goes_to_its_provider_alone_configured_or_not() -> None:
    router = routed(Vendor("openai", configured=False), Vendor("sketch"), Vendor("fal"), stand_in="sketch")
    own = draw("gpt-image-1", sealed_secret=b"box", sealed_for="openai")
    assert names(router, own) == [("openai", "gpt-image-2.5-sunburst"), GPT_2]
    assert names(router, draw("flux-pro", sealed_secret=b"box", sealed_for="openai")) == NONE


def test_a_draw_that_goes_by_stored_keys_goes_to_their_providers_alone() -> None:
    vendors = Vendor("fal"), Vendor("bfl", configured=False), Vendor("sketch")
    router = routed(*vendors, stand_in="sketch", weights=parse_weights("bfl=0"))
    wanted = draw("flux-dev")
    assert router.owns_route(wanted, {"bfl", "openai"})
    assert [provider for provider, _ in names(router, wanted, {"bfl", "openai"})] == ["bfl"]
    assert [provider for provider, _ in names(router, wanted, {"bfl", "fal"})] == ["fal", "bfl"]


@pytest.mark.parametrize("stored", [set(), {"openai"}])
def test_without_a_stored_key_left_such_a_draw_is_not_drawn_by_the_platforms(stored: set[str]) -> None:
    router = routed(Vendor("fal"), Vendor("openai"))
    assert not router.owns_route(draw("flux-dev"), stored)
    assert names(router, draw("flux-dev"), stored) == [("none", "UPSTREAM_DENIED")]


def test_a_key_that_came_with_the_draw_goes_before_a_stored_one() -> None:
    router = routed(Vendor("openai"), Vendor("fal"))
    own = draw("gpt-image-1", sealed_secret=b"box", sealed_for="openai")
    assert not router.owns_route(own, {"openai"})
    assert names(router, own, {"fal"}) == names(router, own) == [("openai", "gpt-image-2.5-sunburst"), GPT_2]


@pytest.mark.parametrize(
    ("provider", "taken"),
    [("openai", True), ("fal", True), ("others", True), ("ours", False), ("sketch", False), ("unheard-of", False)],
)
def test_keys_are_stored_for_vendors_and_for_no_engine_of_ours(provider: str, *, taken: bool) -> None:
    router = routed(Vendor("sketch", free_to_repeat=True), Vendor("others"), Vendor("ours", free_to_repeat=True))
    assert router.takes_keys(provider) is taken


def failure(code: reason.Reason.ValueType = reason.REASON_UPSTREAM_FAILED) -> UpstreamFault:
    return UpstreamFault(code, "it failed", bought=Bought.NO, retryable=True)


def failed(router: Router, route: Route, times: int, **said: Any) -> None:
    for _ in range(times):
        router.failed(route, failure(), **said)


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
