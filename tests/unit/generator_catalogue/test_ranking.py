"""A model's providers are tried by weight, the primary first, then by cost."""

from collections.abc import Mapping, Sequence

import pytest

from generator.public_models import ModelRoute
from generator.ranking import Preference, parse_weights, ranked

ROUTES = tuple(ModelRoute(provider=name[0], upstream_model=name) for name in ("a1", "b1", "a2", "c1", "b2", "d1"))
COSTS = {"a1": 40, "b1": 30, "a2": 1, "c1": 20, "b2": 5}
"""In micros; nobody knows what a picture costs at d."""


def order(
    preference: Preference, weights: Mapping[str, float] | None = None, routes: Sequence[ModelRoute] = ROUTES
) -> Sequence[str]:
    found = ranked(
        routes,
        primary="a",
        preference=preference,
        weights=weights or {},
        cost_micros=lambda route: COSTS.get(route.upstream_model),
    )
    return [route.upstream_model for route in found]


def test_the_primary_goes_first_then_the_others_by_cost_and_those_of_unknown_cost_last() -> None:
    assert order(Preference.PRIMARY) == ["a1", "a2", "c1", "b1", "b2", "d1"]


def test_an_operator_may_let_the_cost_decide_alone() -> None:
    assert order(Preference.PRICE) == ["c1", "b1", "b2", "a1", "a2", "d1"]


def test_a_weight_goes_before_the_primary_and_before_the_cost() -> None:
    assert order(Preference.PRIMARY, {"d": 2.0, "b": 1.5}) == ["d1", "b1", "b2", "a1", "a2", "c1"]
    assert order(Preference.PRICE, {"a": 0.5}) == ["c1", "b1", "b2", "d1", "a1", "a2"]


def test_without_the_primary_the_others_are_ranked_by_cost_and_each_keeps_its_own_order() -> None:
    others = [route for route in ROUTES if route.provider != "a"]
    assert order(Preference.PRIMARY, routes=others) == ["c1", "b1", "b2", "d1"]


def test_what_costs_the_same_stands_as_in_the_catalogue() -> None:
    routes = [ModelRoute(provider=name, upstream_model="same") for name in ("z", "y", "x")]
    found = ranked(routes, primary="", preference=Preference.PRICE, weights={}, cost_micros=lambda _: 7)
    assert [route.provider for route in found] == ["z", "y", "x"]


@pytest.mark.parametrize("text", ["openai", "openai=-1", "openai=much"])
def test_weights_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_weights(text)
