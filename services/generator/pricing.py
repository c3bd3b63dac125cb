"""What one picture costs: the first rule of the dialect's price book that covers the draw, then markup, then rounding up.

Source: contract.md "One wallet, five currencies". Pure functions; money is int64 micros, and a draw that no rule covers has no
price: it is refused, never run for nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from generator.public_models import AUTO_SIZE, OperationName, PriceBook, PriceRule, PublicModel
from generator.sizes import Size, parse_size
from gesso.generator.v1.generator_pb2 import CustomModel

_MICROS_PER_USD = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """What each delivered picture is charged, at most and exactly: a task holds `per_picture_micros * n`.

    `rule` says in words which rule it was, for the record of the attempt; `own_key`, that a key which the account has stored draws.
    """

    per_picture_micros: int
    rule: str
    own_key: bool = False


def with_own_key(price: Price, book: PriceBook) -> Price:
    """The price of a draw that goes by its account's stored keys: nothing where the book says so, else what it would be."""
    micros = 0 if book.own_key_free else price.per_picture_micros
    return Price(micros, f"{price.rule} own key", own_key=True)


def own_model_price(model: CustomModel, book: PriceBook, *, markup_percent: int) -> Price:
    """The price of an account's own model that says one itself, in any book."""
    markup = markup_percent if book.markup else 0
    micros = _stepped(Decimal(model.price_micros), book, markup)
    return Price(micros, f"{book.name}/{model.name} {model.price_micros} micros" + (f" +{markup}%" if markup else ""))


def covering_rule(
    rules: Iterable[PriceRule], *, quality: str, operation: OperationName, size: Size | None
) -> PriceRule | None:
    """The first rule that covers such a draw; `size` None is the model's own choice."""
    for rule in rules:
        if rule.qualities and quality not in rule.qualities:
            continue
        if rule.operations and operation not in rule.operations:
            continue
        if _covers_size(rule, size):
            return rule
    return None


def _covers_size(rule: PriceRule, size: Size | None) -> bool:
    if rule.sizes:
        return (AUTO_SIZE if size is None else str(size)) in rule.sizes
    if rule.up_to:
        return size is not None and size.pixel_count <= parse_size(rule.up_to).pixel_count
    return True


def base_micros(rule: PriceRule, book: PriceBook) -> Decimal:
    """The rule's price in micros, before markup and rounding."""
    if rule.usd is not None:
        return rule.usd * _MICROS_PER_USD
    assert rule.credits is not None
    return rule.credits * book.credit_micros


def price_of(
    model: PublicModel,
    book: PriceBook,
    source: PriceBook,
    *,
    quality: str,
    operation: OperationName,
    size: Size | None,
    markup_percent: int,
) -> Price | None:
    """The price in `book` by the rules of `source` (the book itself, or the one that it is derived from); None without a rule."""
    rules = [rule for rule in model.prices if rule.dialect == source.name]
    rule = covering_rule(rules, quality=quality, operation=operation, size=size)
    if rule is None:
        return None
    markup = markup_percent if book.markup else 0
    return Price(_stepped(base_micros(rule, source), book, markup), _worded(rule, book, model, markup))


def _stepped(micros: Decimal, book: PriceBook, markup: int) -> int:
    steps = micros * (100 + markup) / (100 * book.step_micros)
    return int(steps.to_integral_value(ROUND_CEILING)) * book.step_micros


def _worded(rule: PriceRule, book: PriceBook, model: PublicModel, markup: int) -> str:
    amount = f"{rule.credits} credits" if rule.usd is None else f"{rule.usd} usd"
    conditions = [*rule.qualities, *rule.operations, *rule.sizes, *([f"up to {rule.up_to}"] if rule.up_to else [])]
    parts = [f"{book.name}/{model.id}", ",".join(conditions), amount, f"+{markup}%" if markup else ""]
    return " ".join(part for part in parts if part)
