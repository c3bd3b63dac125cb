"""A router of the shipped catalogue over providers that are there, and never asked."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from generator.catalogue import Catalogue
from generator.providers.base import Bought, Drawn, Memory, Order, Provider, Ticket, UpstreamFault
from generator.ranking import Preference
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


def failure(code: reason.Reason.ValueType = reason.REASON_UPSTREAM_FAILED) -> UpstreamFault:
    return UpstreamFault(code, "it failed", bought=Bought.NO, retryable=True)


def failed(router: Router, route: Route, times: int, **said: Any) -> None:
    for _ in range(times):
        router.failed(route, failure(), **said)
