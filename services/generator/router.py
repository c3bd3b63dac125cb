"""The router says who may draw a task, in order of preference, and keeps what it learns of each route's health and rate.

The account's own key goes before all: a task that has one is drawn by it alone. Else a route is offered while its provider is
configured and its circuit admits orders; `ranking` says in which order. A route whose vendor takes no order for a while comes last.
An order by an own key neither asks nor teaches the platform's circuits, and has a rate of its own.
"""

import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

from generator.budgets import Budget, NotPlaced, Stay
from generator.catalogue import Catalogue
from generator.health import Circuit
from generator.providers.base import Finder, Provider, UpstreamFault
from generator.providers.deadline import Deadline
from generator.public_models import ModelRoute
from generator.ranking import Preference, ranked
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import Draw
from servicekit.faults import Fault

# What the request brought about says nothing against the vendor: it answered, and it was well.
_THE_REQUESTS_OWN = frozenset({pb.REASON_UPSTREAM_REFUSED, pb.REASON_UPSTREAM_INVALID})
_PATIENCE_SECONDS = 5.0
"""For so long a vendor that takes no orders is waited for, though another route could serve."""
_MOST_BUDGETS = 1000
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
        preference: Preference = Preference.PRIMARY,
        clock: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ) -> None:
        """`weights` are the operator's, by provider, before those of the catalogue; 0 leaves a provider out."""
        self._catalogue = catalogue
        self._providers = providers
        self._weights = {name: catalogue.provider_limits(name).weight for name in providers} | dict(weights or {})
        self._preference = preference
        self._clock = clock
        self._today = today
        self._circuits: defaultdict[_RouteKey, Circuit] = defaultdict(Circuit)
        self._budgets = {(name, ""): self._new_budget(name) for name in providers}

    def routes(self, draw: Draw, stored: Collection[str] | None = None, *, account_id: str = "") -> Sequence[Route]:
        """The routes that may serve the draw now, the preferred one first; `account_id` is whose keys `stored` are.

        A draw that brings a key goes to that key's provider alone; one that goes by its account's stored keys, to their providers
        alone (`stored`, even where that is none): neither ever to the platform's key. Raises Fault MODEL_UNAVAILABLE where there
        is no route, UPSTREAM_DENIED where no stored key is left for one, UNKNOWN_MODEL for a model that has left the catalogue.
        """
        quality = draw.quality or self._catalogue.entry_of(draw).qualities[0]
        own = {draw.sealed_for} if draw.sealed_for else stored
        standing = self._configured(draw) if own is None else self._owned(draw, own)
        offered = self._healthy(standing) if own is None else standing
        if not offered:
            raise _unserved(draw, self._rest_seconds(standing)) if stored is None else _keyless(draw)
        preferred = self._ranked(offered, draw, quality)
        if len(preferred) > 1:
            preferred = sorted(preferred, key=lambda route: self._is_held(route, "" if own is None else account_id))
        return [self._route(route, draw, quality) for route in preferred]

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

    def failed(self, route: Route, fault: UpstreamFault, *, own_key: bool = False, is_repeat: bool = False) -> None:
        """The route failed with `fault`. A refusal of what was asked shows it to be well; an account's own key shows nothing.

        `is_repeat` says that it failed at the same task before, which opens no circuit; one that is open it keeps so.
        """
        if own_key or isinstance(fault, NotPlaced):
            return
        circuit = self._circuits[route.provider, route.upstream_model]
        if fault.reason in _THE_REQUESTS_OWN:
            circuit.succeeded()
            return
        is_its_rates_matter = fault.reason == pb.REASON_UPSTREAM_RATE_LIMITED
        if not is_its_rates_matter and (circuit.is_open or not is_repeat):
            circuit.failed(self._clock())

    @asynccontextmanager
    async def stay(
        self, route: Route, account_id: str, *, own_key: bool = False, until: Deadline
    ) -> AsyncIterator[Stay]:
        """Wait until an order may be sent on the route, accounts in turns, and count it for the length of the block.

        Raises NotPlaced where the vendor takes none before the deadline, or the route's circuit has opened meanwhile.
        """
        async with self._budget(route.provider, account_id, own_key=own_key).stay(account_id, until=until) as stay:
            if own_key:
                yield stay
                return
            circuit, now = self._circuits[route.provider, route.upstream_model], self._clock()
            if not circuit.admits(now):
                raise _resting(route, circuit.rest_seconds(now))
            is_probe = circuit.began()
            try:
                yield stay
            finally:
                if is_probe:
                    circuit.probe_ended()

    def resumed(self, provider: str, account_id: str, *, own_key: bool = False) -> AbstractContextManager[None]:
        """Count a job that its vendor has already, for the length of the block."""
        return self._budget(provider, account_id, own_key=own_key).resumed()

    def finder(self, provider: str) -> Finder | None:
        """Who can be asked what became of an order whose answer was lost; None where that order fails."""
        plugin = self._providers.get(provider)
        asks = self._catalogue.provider_limits(provider).unknown_outcome == "ask"
        return plugin if asks and isinstance(plugin, Finder) else None

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

    def _ranked(self, routes: Sequence[ModelRoute], draw: Draw, quality: str) -> Sequence[ModelRoute]:
        def cost_micros(route: ModelRoute) -> int | None:
            asked = route.qualities.get(quality, quality)
            costs = self._catalogue.costs
            return costs.expected(route.provider, route.upstream_model, draw, quality=asked, count=1).estimate_micros

        return ranked(
            routes,
            primary=next((route.provider for route in self._catalogue.candidates(draw)), ""),
            preference=self._preference,
            weights=self._weights,
            cost_micros=cost_micros,
        )

    def _route(self, route: ModelRoute, draw: Draw, quality: str) -> Route:
        """The route for this draw, whose picture i has its seed + i wherever it is drawn (contract.md, imagegen)."""
        limits = self._catalogue.provider_limits(route.provider)
        is_alone = not limits.seeds_each if draw.HasField("seed") else draw.tells_seeds and limits.one_seed
        options = {**route.options, "quality": route.qualities.get(quality, quality)}
        return Route(route.provider, route.upstream_model, options, 1 if is_alone else route.native_count)

    def _new_budget(self, provider: str) -> Budget:
        return Budget(self._catalogue.provider_limits(provider), self._clock)

    def _budget(self, provider: str, account_id: str, *, own_key: bool) -> Budget:
        key = (provider, account_id if own_key else "")
        if key not in self._budgets:
            if len(self._budgets) >= _MOST_BUDGETS:
                self._budgets = {known: one for known, one in self._budgets.items() if not (known[1] and one.is_idle)}
            self._budgets[key] = self._new_budget(provider)
        return self._budgets[key]

    def _is_held(self, route: ModelRoute, account_id: str) -> bool:
        budget = self._budgets.get((route.provider, account_id))
        return budget is not None and budget.hold_seconds > _PATIENCE_SECONDS

    def _rest_seconds(self, routes: Sequence[ModelRoute]) -> float | None:
        """When the first of these routes, of which none is healthy, may be asked again; None where there is none."""
        now = self._clock()
        return min((self._circuits[_key(route)].rest_seconds(now) for route in routes), default=None)

    def _healthy(self, routes: Sequence[ModelRoute]) -> Sequence[ModelRoute]:
        now = self._clock()
        return [route for route in routes if self._circuits[_key(route)].admits(now)]


def _unserved(draw: Draw, retry_after_seconds: float | None) -> Fault:
    return Fault(
        pb.REASON_MODEL_UNAVAILABLE,
        f"The model {draw.model} is not available at the moment.",
        details={"model": draw.model},
        retry_after_seconds=retry_after_seconds,
    )


def _resting(route: Route, rest_seconds: float) -> NotPlaced:
    return NotPlaced(
        pb.REASON_MODEL_UNAVAILABLE,
        f"The upstream {route.provider} has failed too often, and rests.",
        provider=route.provider,
        retry_after_seconds=rest_seconds,
    )


def _keyless(draw: Draw) -> Fault:
    return Fault(
        pb.REASON_UPSTREAM_DENIED,
        f"None of the account's own provider keys serves the model {draw.model} any more.",
        details={"model": draw.model},
    )


def _key(route: ModelRoute) -> _RouteKey:
    return route.provider, route.upstream_model
