"""Who draws: configured routes by preference, the fallback engine where nobody is configured, and nobody else."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from generator.catalogue import Catalogue
from generator.health import FAILURES_TO_OPEN
from generator.providers.base import Provider
from generator.ranking import Preference, parse_weights
from gesso.generator.v1 import generator_pb2 as pb

from .routing import FLARE, GPT_2, NONE, SKETCH, Vendor, draw, failed, names, routed


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
        failed(router, route, FAILURES_TO_OPEN)
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
    [
        ("fal", {}, 4),
        ("fal", {"seed": 0}, 1),
        ("fal", {"tells_seeds": True}, 1),
        ("a1111", {}, 4),
        ("a1111", {"seed": 7}, 4),
        ("a1111", {"tells_seeds": True}, 4),
        ("together", {"seed": 7}, 1),
        ("together", {"tells_seeds": True}, 4),
    ],
)
def test_pictures_are_ordered_one_by_one_where_each_is_to_have_a_seed_and_would_else_have_none(
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
