"""The order in which routes are tried: by the operator's weight, the primary's provider before the others, then by cost.

Source: the README of upstreams, which names a model's primary upstream and those that it falls back to. What is bought at the
primary is what the model's name promises, so that only an operator may let the cost decide there too. One provider's routes for a
model stay in the catalogue's order: the first is the one that is meant, and the others are what is left of it. Pure rules.
"""

import enum
from collections.abc import Callable, Mapping, Sequence

from generator.public_models import ModelRoute


class Preference(enum.StrEnum):
    """What decides between a model's providers that weigh the same."""

    PRIMARY = "primary"
    """The provider of its first route, then the others by what a picture costs there."""
    PRICE = "price"
    """What a picture costs, alone."""


def ranked(
    routes: Sequence[ModelRoute],
    *,
    primary: str,
    preference: Preference,
    weights: Mapping[str, float],
    cost_micros: Callable[[ModelRoute], int | None],
) -> Sequence[ModelRoute]:
    """The routes, the preferred one first; those of equal rank as they stand.

    `primary` is the provider of the model's first route; `weights` are by provider, 1 where none stands. `cost_micros` says what a
    picture costs at a route; a provider is ranked by the first of its routes, and comes last where nobody knows.
    """
    providers = list(dict.fromkeys(route.provider for route in routes))
    if len(providers) < 2:
        return routes

    def rank(provider: str) -> tuple[float, bool, float]:
        cost = cost_micros(next(route for route in routes if route.provider == provider))
        is_other = preference is Preference.PRIMARY and provider != primary
        return -weights.get(provider, 1.0), is_other, float("inf") if cost is None else cost

    return [route for provider in sorted(providers, key=rank) for route in routes if route.provider == provider]


def parse_weights(text: str) -> Mapping[str, float]:
    """Read `openai=2,fal=0`. Raises ValueError."""
    weights: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, weight = part.partition("=")
        if not equals or float(weight) < 0:
            raise ValueError("write name=weight, separated by commas; a weight is 0 or more")
        weights[name.strip()] = float(weight)
    return weights
