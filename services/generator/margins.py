"""What the catalogue sells below its cost: prices of pictures beside what they would cost on each route that serves them.

Pure functions. The prices are those without a plan's markup, of each model's own default size.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from generator.catalogue import Catalogue
from generator.public_models import AUTO_SIZE, OPERATIONS, ModelRoute, PublicModel
from generator.sizes import parse_size
from gesso.generator.v1.generator_pb2 import Draw
from servicekit.faults import Fault


@dataclass(frozen=True, slots=True)
class Margin:
    """One picture of a model in one price book, on one route."""

    model: str
    dialect: str
    provider: str
    upstream_model: str
    price_micros: int
    cost_micros: int

    @property
    def micros(self) -> int:
        """What is left of the price."""
        return self.price_micros - self.cost_micros


def below_cost(catalogue: Catalogue) -> Iterator[Margin]:
    """For each route of a configured provider and each price book, the quality that loses most, where one does."""
    for entry in catalogue.entries():
        for route in entry.routes:
            if not catalogue.is_configured(route.provider):
                continue
            for dialect in catalogue.dialects:
                margins = _margins(catalogue, entry, route, dialect)
                worst = min(margins, key=lambda margin: margin.micros, default=None)
                if worst is not None and worst.micros < 0:
                    yield worst


def _margins(catalogue: Catalogue, entry: PublicModel, route: ModelRoute, dialect: str) -> Iterator[Margin]:
    for quality in entry.qualities:
        draw = _draw(entry, route, quality)
        try:
            price = catalogue.quote(draw, dialect=dialect, markup_percent=0)
        except Fault:  # not sold there
            continue
        asked = route.qualities.get(quality, quality)
        cost = catalogue.costs.expected(route.provider, route.upstream_model, draw, quality=asked, count=1)
        yield Margin(entry.id, dialect, route.provider, route.upstream_model, price.per_picture_micros, cost.micros)


def _draw(entry: PublicModel, route: ModelRoute, quality: str) -> Draw:
    draw = Draw(operation=OPERATIONS[(route.operations or entry.operations)[0]], model=entry.id, n=1, quality=quality)
    if entry.default_size != AUTO_SIZE:
        size = parse_size(entry.default_size)
        draw.width, draw.height = size.width, size.height
    return draw
