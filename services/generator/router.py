"""The router says who may draw a task, in order of preference, and keeps what it learns of each route's health.

Ordering is pure: the operator's weight first, then the catalogue's order. A route is offered while its provider is configured and
its circuit admits orders, or to who has a key of his own for it: such an order neither asks nor teaches the platform's circuits.
"""

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

from generator.catalogue import Catalogue
from generator.fair_slots import FairSlots
from generator.health import Circuit
from generator.providers.base import Provider, UpstreamFault
from generator.public_models import ModelRoute
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import Draw
from servicekit.faults import Fault

# What the request brought about says nothing against the vendor: it answered, and it was well.
_THE_REQUESTS_OWN = frozenset({pb.REASON_UPSTREAM_REFUSED, pb.REASON_UPSTREAM_INVALID})
_RouteKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Route:
    """One way to have a task drawn."""

    provider: str
    upstream_model: str
    options: Mapping[str, str]
    """For the provider; `quality` is always there, as the upstream is to be asked."""
    native_count: int
    """Pictures that one order may ask for; the worker fans out above."""


class Router:
    """Chooses routes, bounds the orders at each provider, and learns which routes fail."""

    def __init__(
        self,
        catalogue: Catalogue,
        providers: Mapping[str, Provider],
        *,
        weights: Mapping[str, float] | None = None,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        """`weights` are the operator's, by provider, before those of the catalogue; 0 leaves a provider out."""
        self._catalogue = catalogue
        self._providers = providers
        self._weights = {name: catalogue.provider_limits(name).weight for name in providers} | dict(weights or {})
        self._clock = clock
        self._today = today
        self._circuits: defaultdict[_RouteKey, Circuit] = defaultdict(Circuit)
        self._slots = {name: FairSlots(catalogue.provider_limits(name).concurrency) for name in providers}

    def routes(self, draw: Draw, stored: Collection[str] | None = None) -> Sequence[Route]:
        """The routes that may serve the draw now, the preferred one first.

        A draw that brings a key goes to that key's provider alone; one that goes by its account's stored keys, to their providers
        alone (`stored`, even where that is none): neither ever to the platform's key. Raises Fault MODEL_UNAVAILABLE where there
        is no route, UPSTREAM_DENIED where no stored key is left for one, UNKNOWN_MODEL for a model that has left the catalogue.
        """
        quality = draw.quality or self._catalogue.entry_of(draw).qualities[0]
        own = {draw.sealed_for} if draw.sealed_for else stored
        offered = self._healthy(self._configured(draw)) if own is None else self._owned(draw, own)
        if not offered:
            raise _unserved(draw) if stored is None else _keyless(draw)
        return [_route(route, quality) for route in ordered(offered, self._weights)]

    def owns_route(self, draw: Draw, stored: Collection[str]) -> bool:
        """Whether a draw is to be drawn with one of the keys that its account has stored. Raises Fault UNKNOWN_MODEL."""
        return bool(stored) and not draw.sealed_for and bool(self._owned(draw, stored))

    def takes_keys(self, provider: str) -> bool:
        """Whether an account may store a key for a provider: a vendor that the catalogue names or a package brings."""
        if self._catalogue.names_provider(provider):
            return self._catalogue.provider_limits(provider).takes_keys
        return provider in self._providers and not self._providers[provider].free_to_repeat

    def provider(self, name: str) -> Provider:
        """The provider of a route; KeyError for one that is not installed."""
        return self._providers[name]

    def succeeded(self, route: Route, *, own_key: bool = False) -> None:
        """The route delivered; an account's own key shows nothing of the platform's."""
        if own_key:
            return
        self._circuits[route.provider, route.upstream_model].succeeded()

    def failed(self, route: Route, fault: UpstreamFault, *, own_key: bool = False) -> None:
        """The route failed with `fault`. A refusal of what was asked shows it to be well; an account's own key shows nothing."""
        if own_key:
            return
        circuit = self._circuits[route.provider, route.upstream_model]
        if fault.reason in _THE_REQUESTS_OWN:
            circuit.succeeded()
        else:
            circuit.failed(self._clock())

    @asynccontextmanager
    async def slot(self, route: Route, account_id: str, *, own_key: bool = False) -> AsyncIterator[None]:
        """Wait for one of the provider's places, in which accounts take turns, and hold it for the time of the order."""
        async with self._slots[route.provider].held(account_id):
            if own_key:
                yield
                return
            circuit = self._circuits[route.provider, route.upstream_model]
            is_probe = circuit.began()
            try:
                yield
            finally:
                if is_probe:
                    circuit.probe_ended()

    async def close(self) -> None:
        """Close every provider."""
        for provider in self._providers.values():
            await provider.close()

    def _configured(self, draw: Draw) -> Sequence[ModelRoute]:
        """What the platform's own keys and engines may draw; makeshift, and then the fallback engine, where that is nothing."""
        served = [route for route in self._catalogue.candidates(draw) if self._serves(route)]
        served = [route for route in served if not route.makeshift] or served
        return served or [route for route in self._catalogue.stand_in_routes(draw) if self._serves(route)]

    def _serves(self, route: ModelRoute) -> bool:
        return self._stands(route) and self._providers[route.provider].configured and self._weights[route.provider] > 0

    def _owned(self, draw: Draw, own: Collection[str]) -> Sequence[ModelRoute]:
        return [route for route in self._catalogue.candidates(draw) if route.provider in own and self._stands(route)]

    def _stands(self, route: ModelRoute) -> bool:
        """Whether there is a plugin for the route, and the vendor serves it still."""
        return route.provider in self._providers and (route.until is None or self._today() < route.until)

    def _healthy(self, routes: Sequence[ModelRoute]) -> Sequence[ModelRoute]:
        now = self._clock()
        return [route for route in routes if self._circuits[_key(route)].admits(now)]


def ordered(routes: Sequence[ModelRoute], weights: Mapping[str, float]) -> Sequence[ModelRoute]:
    """The routes by weight of their provider, highest first; equal ones as they stand."""
    return sorted(routes, key=lambda route: -weights.get(route.provider, 1.0))


def parse_weights(text: str) -> Mapping[str, float]:
    """Read `openai=2,fal=0`. Raises ValueError."""
    weights: dict[str, float] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, equals, weight = part.partition("=")
        if not equals or float(weight) < 0:
            raise ValueError("write name=weight, separated by commas; a weight is 0 or more")
        weights[name.strip()] = float(weight)
    return weights


def _unserved(draw: Draw) -> Fault:
    return Fault(
        pb.REASON_MODEL_UNAVAILABLE,
        f"The model {draw.model} is not available at the moment.",
        details={"model": draw.model},
    )


def _keyless(draw: Draw) -> Fault:
    return Fault(
        pb.REASON_UPSTREAM_DENIED,
        f"None of the account's own provider keys serves the model {draw.model} any more.",
        details={"model": draw.model},
    )


def _key(route: ModelRoute) -> _RouteKey:
    return route.provider, route.upstream_model


def _route(route: ModelRoute, quality: str) -> Route:
    options = {**route.options, "quality": route.qualities.get(quality, quality)}
    return Route(route.provider, route.upstream_model, options, route.native_count)
