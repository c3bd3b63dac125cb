"""The router says who may draw a task, in order of preference, and keeps what it learns of each route's health.

Ordering is pure: the operator's weight first, then the catalogue's order. A route is offered while its provider is configured (or
the caller brought a key for it) and its circuit admits orders.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

from generator.catalogue import Catalogue
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
        self._slots = {name: asyncio.Semaphore(catalogue.provider_limits(name).concurrency) for name in providers}

    def routes(self, draw: Draw) -> Sequence[Route]:
        """The routes that may serve the draw now, the preferred one first.

        A draw with a key of its own goes to that key's provider alone, and never to the platform's key. Raises Fault
        MODEL_UNAVAILABLE where there is none, UNKNOWN_MODEL for a model that has left the catalogue.
        """
        quality = draw.quality or self._catalogue.entry(draw.model).qualities[0]
        candidates = [route for route in self._catalogue.candidates(draw) if self._serves(route, draw)]
        candidates = candidates or list(self._stand_ins(draw))
        now = self._clock()
        healthy = [route for route in candidates if draw.sealed_for or self._circuits[_key(route)].admits(now)]
        if not healthy:
            raise Fault(
                pb.REASON_MODEL_UNAVAILABLE,
                f"The model {draw.model} is not available at the moment.",
                details={"model": draw.model},
            )
        return [_route(route, quality) for route in ordered(healthy, self._weights)]

    def provider(self, name: str) -> Provider:
        """The provider of a route; KeyError for one that is not installed."""
        return self._providers[name]

    def succeeded(self, route: Route) -> None:
        """The route delivered."""
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
    async def slot(self, route: Route) -> AsyncIterator[None]:
        """Wait for one of the provider's places, first come, first served, and hold it for the time of the order."""
        async with self._slots[route.provider]:
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

    def _serves(self, route: ModelRoute, draw: Draw) -> bool:
        provider = self._providers.get(route.provider)
        if provider is None or (route.until is not None and self._today() >= route.until):
            return False
        if draw.sealed_for:
            return route.provider == draw.sealed_for
        return provider.configured and self._weights[route.provider] > 0

    def _stand_ins(self, draw: Draw) -> Sequence[ModelRoute]:
        if draw.sealed_for:
            return ()
        return [route for route in self._catalogue.stand_in_routes(draw) if self._serves(route, draw)]


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


def _key(route: ModelRoute) -> _RouteKey:
    return route.provider, route.upstream_model


def _route(route: ModelRoute, quality: str) -> Route:
    options = {**route.options, "quality": route.qualities.get(quality, quality)}
    return Route(route.provider, route.upstream_model, options, route.native_count)
