"""The catalogue answers what a model is, whether a draw fits it, and what that costs; it is read once, at start, and never changes.

Prices, sizes, routes and dates are data in catalog/*.toml; catalogue_files.py says how they are read and checked.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from generator.catalogue_files import FOLDER, CatalogueError, read_tables
from generator.costs import CostBook
from generator.pricing import Price, own_model_price, price_of, with_own_key
from generator.providers.base import Provider
from generator.public_models import (
    AUTO_SIZE,
    OPERATION_NAMES,
    OPERATIONS,
    OWN_MODELS,
    ModelRoute,
    OperationName,
    PriceBook,
    ProviderLimits,
    PublicModel,
    Range,
    Tables,
)
from generator.sizes import Size, parse_size, requested_size
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1.generator_pb2 import Draw
from servicekit.faults import Fault, InvalidField

_SIZE_OF_RESIZED = Size(1024, 1024)
"""What the dialects that resize ask for where nothing is said of the size."""
_NO_TRANSPARENCY = frozenset({"jpeg", "jpg"})


class Catalogue:
    """Every public model, by name."""

    def __init__(self, tables: Tables, *, configured: Collection[str], stand_in: str | None = None) -> None:
        """Hold checked tables. `configured` are the providers that can serve; `stand_in` is the model whose routes serve where a
        model has no configured provider (None for no stand-in). Raises CatalogueError for a stand-in that is no model.
        """
        if stand_in is not None and stand_in not in tables.models:
            raise CatalogueError("GESSO_FALLBACK_ENGINE", stand_in, "", "no model of this name is in the catalogue")
        self._tables = tables
        self._configured = frozenset(configured)
        self._stand_in = stand_in
        self.costs = CostBook(tables.costs)
        self._messages = {entry.id: self._message(entry) for entry in tables.models.values() if entry.listed}

    @classmethod
    def load(
        cls,
        *,
        providers: Mapping[str, Provider],
        extra_path: Path | None = None,
        stand_in: str | None = None,
        folder: Path = FOLDER,
    ) -> "Catalogue":
        """Read the files, the operator's own last; `providers` are the installed ones. Raises CatalogueError."""
        configured = [name for name, provider in providers.items() if provider.configured]
        return cls(read_tables(extra_path, providers, folder), configured=configured, stand_in=stand_in)

    def models(self) -> Sequence[pb.Model]:
        """Every public model in the order of the files."""
        return list(self._messages.values())

    def model(self, name: str) -> pb.Model:
        """One public model. Raises Fault UNKNOWN_MODEL."""
        self.entry(name)
        return self._messages[name]

    def entries(self) -> Sequence[PublicModel]:
        """Every public model as its file says it."""
        return [entry for entry in self._tables.models.values() if entry.listed]

    @property
    def dialects(self) -> Sequence[str]:
        """The price books."""
        return list(self._tables.books)

    def is_configured(self, provider: str) -> bool:
        """Whether the platform itself has what the provider needs."""
        return provider in self._configured

    def entry(self, name: str) -> PublicModel:
        """The model as its file says it. Raises Fault UNKNOWN_MODEL."""
        entry = self._tables.models.get(name)
        if entry is None or not entry.listed:
            raise self.unknown(name)
        return entry

    def entry_of(self, draw: Draw) -> PublicModel:
        """What bounds and prices a draw: its model, or what all of accounts' own models share. Raises Fault UNKNOWN_MODEL."""
        own = self._tables.models.get(OWN_MODELS) if draw.HasField("custom_model") else None
        return own or self.entry(draw.model)

    def has(self, name: str) -> bool:
        """Whether an entry has this name."""
        return name in self._tables.models

    def unknown(self, name: str) -> Fault:
        """The fault of a model that there is not."""
        return Fault(reason.REASON_UNKNOWN_MODEL, f"There is no model {name!r}.", details={"model": name})

    def provider_limits(self, name: str) -> ProviderLimits:
        """The provider's limits; defaults for one that no file names (a third party's package)."""
        return self._tables.providers.get(name) or ProviderLimits(name=name, title=name)

    def names_provider(self, name: str) -> bool:
        """Whether a file names the provider, installed or not."""
        return name in self._tables.providers

    def has_white_masks(self, dialect: str) -> bool:
        """Whether the dialect's masks with transparency mark by white."""
        book = self._tables.books.get(dialect)
        return book is not None and book.white_masks

    def quote(self, draw: Draw, *, dialect: str, markup_percent: int, own_key: bool = False) -> Price:
        """The price of one picture of this draw, or why it cannot be had: pure, the same for the same arguments.

        `own_key` says that a key which the account has stored draws it.
        Raises InvalidField naming `n`, `prompt`, `model` (it has no such operation), `quality`, `size`, `aspect_ratio`,
        `resolution` or `background`; Fault UNKNOWN_MODEL; Fault UNPRICED where no rule covers the draw.
        """
        entry, book = self.entry_of(draw), self._tables.books[dialect]
        operation = _checked_operation(entry, draw)
        if draw.HasField("custom_model") and not self.candidates(draw):
            raise InvalidField("model", f"The model {draw.model} does not offer {operation}.")
        quality = draw.quality or entry.qualities[0]
        _check_limits(entry, draw, quality)
        size = _checked_size(entry, book, draw)
        if draw.custom_model.price_micros:
            price: Price | None = own_model_price(draw.custom_model, book, markup_percent=markup_percent)
        else:
            price = self._price(
                entry, book, quality=quality, operation=operation, size=size, markup_percent=markup_percent
            )
        if price is None:
            raise Fault(
                reason.REASON_UNPRICED,
                f"No price covers {draw.model} at this size and quality here.",
                details={"model": draw.model},
            )
        return with_own_key(price, book) if own_key else price

    def delivered_micros(self, draw: Draw, *, dialect: str, markup_percent: int, size: Size) -> int | None:
        """The price of a picture that came in this size; None where the draw itself, not the picture, decided the price."""
        entry = self._tables.models.get(draw.model)
        if entry is None or entry.default_size != AUTO_SIZE or requested_size(draw) is not None:
            return None
        price = self._price(
            entry,
            self._tables.books[dialect],
            quality=draw.quality or entry.qualities[0],
            operation=_checked_operation(entry, draw),
            size=size,
            markup_percent=markup_percent,
        )
        return None if price is None else price.per_picture_micros

    def candidates(self, draw: Draw) -> Sequence[ModelRoute]:
        """The routes of the draw's model that offer its operation, in the order of the file, configured or not.

        An account's own model has those of its base that take weights, at its provider. Raises Fault UNKNOWN_MODEL.
        """
        entry = self.entry_of(draw)
        return [route for route in self._routes(draw) if _offers(route, entry, OPERATION_NAMES.get(draw.operation))]

    def _routes(self, draw: Draw) -> Sequence[ModelRoute]:
        if not draw.HasField("custom_model"):
            return self.entry(draw.model).routes
        own = draw.custom_model
        return [route for route in self.entry(own.base_model).weights_routes if route.provider == own.provider]

    def stand_in_routes(self, draw: Draw) -> Sequence[ModelRoute]:
        """The fallback engine's routes for the draw: only for a model of which no route has a configured provider."""
        if self._stand_in is None or not self.entry_of(draw).stand_in:
            return ()
        if any(route.provider in self._configured for route in self._routes(draw)):
            return ()
        engine = self._tables.models[self._stand_in]
        return [route for route in engine.routes if _offers(route, engine, OPERATION_NAMES.get(draw.operation))]

    def _price(
        self,
        entry: PublicModel,
        book: PriceBook,
        *,
        quality: str,
        operation: OperationName,
        size: Size | None,
        markup_percent: int = 0,
    ) -> Price | None:
        return price_of(
            entry,
            book,
            self._source(entry, book),
            quality=quality,
            operation=operation,
            size=size,
            markup_percent=markup_percent,
        )

    def _source(self, entry: PublicModel, book: PriceBook) -> PriceBook:
        listed = any(rule.dialect == book.name for rule in entry.prices)
        return book if listed or not book.derived_from else self._tables.books[book.derived_from]

    def _message(self, entry: PublicModel) -> pb.Model:
        prices = self._plain_prices(entry)
        return pb.Model(
            id=entry.id,
            name=entry.name,
            description=entry.description,
            owner=entry.owner,
            state=self._state(entry),
            operations=[OPERATIONS[name] for name in entry.operations],
            dialects=sorted(prices),
            price_micros=prices,
            providers=list(dict.fromkeys(route.provider for route in entry.routes)),
            sizes=entry.sizes,
            max_n=entry.max_n,
            max_prompt_characters=entry.max_prompt_characters,
            created_at=int(
                datetime(entry.released.year, entry.released.month, entry.released.day, tzinfo=UTC).timestamp()
            ),
            deprecated_on=entry.deprecated.isoformat() if entry.deprecated else "",
            sunset_on=entry.sunset.isoformat() if entry.sunset else "",
            verified_at=entry.verified.isoformat(),
            version=entry.version,
            features=entry.features,
            native_sizes=entry.native_sizes,
            steps=_range(entry.steps),
            guidance=_range(entry.guidance),
            schedulers=entry.schedulers,
        )

    def _state(self, entry: PublicModel) -> pb.Model.State.ValueType:
        if any(route.provider in self._configured for route in entry.routes):
            return pb.Model.STATE_ACTIVE
        operations = [OPERATIONS[name] for name in entry.operations]
        if any(self.stand_in_routes(Draw(model=entry.id, operation=operation)) for operation in operations):
            return pb.Model.STATE_STAND_IN
        return pb.Model.STATE_UNAVAILABLE

    def _plain_prices(self, entry: PublicModel) -> Mapping[str, int]:
        """What a picture costs in each book that has a price for it, when nothing is said of quality and size."""
        size = None if entry.default_size == AUTO_SIZE else parse_size(entry.default_size)
        found: dict[str, int] = {}
        for book in self._tables.books.values():
            plain = _SIZE_OF_RESIZED if size is None and book.resizes else size
            for quality in entry.qualities:  # the first is the default
                price = self._price(entry, book, quality=quality, operation=entry.operations[0], size=plain)
                if price is not None:
                    found.setdefault(book.name, price.per_picture_micros)
        return found


def _range(known: Range | None) -> pb.Model.Range | None:
    return None if known is None else pb.Model.Range(min=known.min, max=known.max, default=known.default)


def _offers(route: ModelRoute, entry: PublicModel, operation: OperationName | None) -> bool:
    return operation in (route.operations or entry.operations)


def _checked_operation(entry: PublicModel, draw: Draw) -> OperationName:
    operation = OPERATION_NAMES.get(draw.operation)
    assert operation is not None, "a draw always says its operation"
    if operation not in entry.operations:
        raise InvalidField("model", f"The model {entry.id} does not offer {operation}.")
    return operation


def _check_limits(entry: PublicModel, draw: Draw, quality: str) -> None:
    if not 1 <= draw.n <= entry.max_n:
        raise InvalidField("n", f"{entry.id} draws 1 to {entry.max_n} pictures at once.")
    if len(draw.prompt) > entry.max_prompt_characters:
        raise InvalidField("prompt", f"{entry.id} takes a prompt of at most {entry.max_prompt_characters} characters.")
    if quality not in entry.qualities:
        raise InvalidField("quality", f"The quality of {entry.id} must be one of {', '.join(entry.qualities)}.")
    if draw.background == "transparent" and draw.output_format in _NO_TRANSPARENCY:
        raise InvalidField("background", "A transparent background needs the output format png or webp.")


def _checked_size(entry: PublicModel, book: PriceBook, draw: Draw) -> Size | None:
    """The size that decides the price; None for the model's own choice of size."""
    size = requested_size(draw)
    if size is None:
        return None if entry.default_size == AUTO_SIZE else parse_size(entry.default_size)
    if draw.width and entry.sizes and not book.resizes and str(size) not in entry.sizes:
        raise InvalidField("size", f"The size of {entry.id} must be one of {', '.join(entry.sizes)}.")
    short, long = sorted((size.width, size.height))
    if short < entry.min_side or long > entry.max_side:
        raise InvalidField("size", f"The sides of {entry.id} are {entry.min_side} to {entry.max_side} pixels.")
    if not book.resizes:
        _check_shape(entry, size)
    return size


def _check_shape(entry: PublicModel, size: Size) -> None:
    short, long = sorted((size.width, size.height))
    if long > short * entry.max_ratio:
        raise InvalidField("size", f"The longer side of {entry.id} is at most {entry.max_ratio} times the shorter.")
    if short % entry.side_step or long % entry.side_step:
        raise InvalidField("size", f"The sides of {entry.id} are multiples of {entry.side_step} pixels.")
    if entry.max_area and size.pixel_count > parse_size(entry.max_area).pixel_count:
        raise InvalidField("size", f"{entry.id} draws at most as many pixels as {entry.max_area} has.")
