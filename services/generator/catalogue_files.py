"""The catalogue's files are read strictly: what is wrong is named by file, model and field before the service starts.

Each file may hold `[[model]]`, `[[dialect]]`, `[[provider]]` and `[[cost]]` tables. Files are read in order of name, the operator's
own last; a later table of the same name takes the place of an earlier one, a later cost for each upstream that it names. A model
may say `like = "other"`: it then has everything of that model, as known so far, but what it says itself.
"""

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from generator.pricing import base_micros, covering_rule
from generator.public_models import (
    AUTO_SIZE,
    CostRule,
    PriceBook,
    PriceRule,
    ProviderLimits,
    PublicModel,
    Tables,
    UpstreamCost,
)
from generator.sizes import parse_size

FOLDER = Path(__file__).parent / "catalog"
_KINDS = {"model": "id", "dialect": "name", "provider": "name"}
_COST = "cost"

T = TypeVar("T")


class CatalogueError(Exception):
    """A catalogue file says something that cannot be served; `file`, `entry` and `field` tell where."""

    def __init__(self, file: str, entry: str, field_name: str, message: str) -> None:
        super().__init__(": ".join(part for part in (file, entry, field_name, message) if part))
        self.file = file
        self.entry = entry
        self.field = field_name


def read_tables(extra_path: Path | None, plugins: Iterable[str], folder: Path = FOLDER) -> Tables:
    """Read and check the files of `folder`, and the operator's own file or folder after them.

    `plugins` are the providers that are installed, which a route may name beside those of the files. Raises CatalogueError.
    """
    found = _Found()
    for path in [*_files(folder), *([] if extra_path is None else _files(extra_path))]:
        found.add_file(path)
    tables = Tables(
        models={name: _converted(origin, name, raw, PublicModel) for name, (origin, raw) in found.model.items()},
        books={name: _converted(origin, name, raw, PriceBook) for name, (origin, raw) in found.dialect.items()},
        providers={
            name: _converted(origin, name, raw, ProviderLimits) for name, (origin, raw) in found.provider.items()
        },
        costs={name: _converted(origin, name, raw, UpstreamCost) for name, (origin, raw) in found.cost.items()},
    )
    known_providers = {*tables.providers, *plugins}
    for model in tables.models.values():
        _check(found.model[model.id][0], model, tables.books, known_providers)
    for name, cost in tables.costs.items():
        _check_cost(found.cost[name][0], name, cost, known_providers)
    return tables


def _files(path: Path) -> Sequence[Path]:
    if path.is_dir():
        return sorted(path.glob("*.toml"))
    if not path.is_file():
        raise CatalogueError(str(path), "", "", "there is no such file")
    return [path]


@dataclass
class _Found:
    """Raw tables by name, each with the file that it stands in."""

    model: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    dialect: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    provider: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    cost: dict[str, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def add_file(self, path: Path) -> None:
        origin = path.name
        for kind, entries in _parsed(path).items():
            if kind == _COST:
                self._add_costs(origin, entries)
            elif kind in _KINDS:
                self._add_entries(origin, kind, entries)
            else:
                raise CatalogueError(origin, "", kind, f"unknown table; there are {', '.join((*_KINDS, _COST))}")

    def _add_entries(self, origin: str, kind: str, entries: Any) -> None:
        known: dict[str, tuple[str, dict[str, Any]]] = getattr(self, kind)
        seen: set[str] = set()
        for position, entry in enumerate(entries if isinstance(entries, list) else ["not a list of tables"]):
            name = entry.get(_KINDS[kind]) if isinstance(entry, dict) else None
            if not isinstance(name, str):
                raise CatalogueError(origin, f"{kind} {position}", _KINDS[kind], "each table needs its name")
            if name in seen:
                raise CatalogueError(origin, name, _KINDS[kind], "stands twice in this file")
            seen.add(name)
            known[name] = (origin, self._completed(origin, entry) if kind == "model" else entry)

    def _add_costs(self, origin: str, entries: Any) -> None:
        seen: set[str] = set()
        for position, entry in enumerate(entries if isinstance(entries, list) else [{}]):
            names = entry.get("upstreams") if isinstance(entry, dict) else None
            if not (isinstance(names, list) and names and all(isinstance(name, str) for name in names)):
                raise CatalogueError(origin, f"{_COST} {position}", "upstreams", "each table names its upstream models")
            for name in names:
                if name in seen:
                    raise CatalogueError(origin, name, _COST, "stands twice in this file")
                seen.add(name)
                self.cost[name] = (origin, entry)

    def _completed(self, origin: str, entry: dict[str, Any]) -> dict[str, Any]:
        own = {key: value for key, value in entry.items() if key != "like"}
        if "like" not in entry:
            return own
        if entry["like"] not in self.model:
            raise CatalogueError(origin, entry["id"], "like", f"no model {entry['like']!r} stands before this one")
        return {**self.model[entry["like"]][1], **own}


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(path.name, "", "", str(error)) from error


def _converted(origin: str, name: str, raw: dict[str, Any], form: type[T]) -> T:
    try:
        return msgspec.convert(raw, form, strict=False)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$.")
        raise CatalogueError(origin, name, place.rstrip("`"), message) from error


def _check(origin: str, model: PublicModel, books: Mapping[str, PriceBook], providers: set[str]) -> None:
    def wrong(field_name: str, message: str) -> CatalogueError:
        return CatalogueError(origin, model.id, field_name, message)

    for place, message in _flaws_of_routes(model, providers):
        raise wrong(place, message)
    if model.routes and not model.prices:
        raise wrong("prices", "a model with a route must have a price: nothing is run for nothing")
    if model.deprecated and model.sunset and model.sunset < model.deprecated:
        raise wrong("sunset", "lies before the deprecation")
    if model.sizes and model.default_size not in {*model.sizes, AUTO_SIZE}:
        raise wrong("default_size", "is none of the sizes")
    for position, rule in enumerate(model.prices):
        flaw = _flaw_of_rule(rule, model, books)
        if flaw:
            raise wrong(f"prices[{position}]", flaw)
    unpriced = _unpriced_default(model)
    if unpriced:
        raise wrong("prices", f"no rule of {unpriced} covers the model's default size and quality")


def _flaws_of_routes(model: PublicModel, providers: set[str]) -> Iterator[tuple[str, str]]:
    for name, routes in (("routes", model.routes), ("weights_routes", model.weights_routes)):
        for position, route in enumerate(routes):
            if route.provider not in providers:
                yield f"{name}[{position}].provider", f"no provider is called {route.provider!r}"
    for position, route in enumerate(model.routes):
        if not set(route.operations) <= set(model.operations):
            yield f"routes[{position}].operations", "the model itself does not offer them"
    for position, route in enumerate(model.weights_routes):
        if not route.operations:
            yield f"weights_routes[{position}].operations", "must say what the route can do"


def _flaw_of_rule(rule: PriceRule, model: PublicModel, books: Mapping[str, PriceBook]) -> str:
    if rule.dialect not in books:
        return f"no price book is called {rule.dialect!r}"
    if (rule.credits is None) == (rule.usd is None):
        return "a rule says either credits or usd"
    micros = base_micros(rule, books[rule.dialect])
    if micros <= 0 or micros != int(micros):
        return "the price must be more than nothing, and whole micros"
    if not set(rule.qualities) <= set(model.qualities):
        return "names a quality that the model does not have"
    if rule.sizes and rule.up_to:
        return "says either sizes or up_to"
    return ""


def _check_cost(origin: str, name: str, cost: UpstreamCost, providers: set[str]) -> None:
    if name.partition("/")[0] not in providers:
        raise CatalogueError(origin, name, "upstreams", "it begins with no provider's name and a slash")
    for position, rule in enumerate(cost.prices):
        flaw = _flaw_of_cost(rule)
        if flaw:
            raise CatalogueError(origin, name, f"prices[{position}]", flaw)
    last = cost.prices[-1]
    if last.qualities or last.sizes or last.up_to:
        raise CatalogueError(origin, name, "prices", "the last rule must cover everything")
    if any(rate < 0 for rate in cost.usage.values()):
        raise CatalogueError(origin, name, "usage", "a rate is not less than nothing")


def _flaw_of_cost(rule: CostRule) -> str:
    rate = rule.usd if rule.usd_per_megapixel is None else rule.usd_per_megapixel
    if rate is None or (rule.usd is not None and rule.usd_per_megapixel is not None):
        return "a rule says either usd or usd_per_megapixel"
    if rate < 0:
        return "a cost is not less than nothing"
    return "says either sizes or up_to" if rule.sizes and rule.up_to else ""


def _unpriced_default(model: PublicModel) -> str:
    size = None if model.default_size == AUTO_SIZE else parse_size(model.default_size)
    for dialect in {rule.dialect for rule in model.prices}:
        rules = [rule for rule in model.prices if rule.dialect == dialect]
        for operation in model.operations:
            if covering_rule(rules, quality=model.qualities[0], operation=operation, size=size) is None:
                return dialect
    return ""
