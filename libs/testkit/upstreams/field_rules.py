"""Tables of fields for vendors without a published specification: what each field takes, and which are required."""

import math
from collections.abc import Callable, Collection, Mapping

Fields = Mapping[str, object]
Rule = Callable[[object], bool]
Table = Mapping[str, Rule]


def one_of(*values: object) -> Rule:
    """One of these values."""
    return lambda value: value in values


def whole(low: int, high: int, *, step: int = 1) -> Rule:
    """An integer within the bounds, in steps."""
    return lambda value: type(value) is int and low <= value <= high and value % step == 0


def number(low: float, high: float) -> Rule:
    """An integer or a fraction within the bounds."""
    return lambda value: type(value) in (int, float) and low <= float(str(value)) <= high


def text(longest: int = 100_000) -> Rule:
    """A string that is not empty."""
    return lambda value: isinstance(value, str) and 1 <= len(value) <= longest


def flag() -> Rule:
    """True or false."""
    return lambda value: isinstance(value, bool)


def many(rule: Rule, most: int) -> Rule:
    """A list of 1 to ``most`` such values."""
    return lambda value: isinstance(value, list) and 1 <= len(value) <= most and all(map(rule, value))


def broken_field(fields: Fields, table: Table, required: Collection[str] = ()) -> str | None:
    """Return the first field that is missing, unknown or not what it takes; None if all are right."""
    missing = (name for name in required if fields.get(name) in (None, "", []))
    wrong = (name for name, value in fields.items() if name not in table or not table[name](value))
    return next(missing, None) or next(wrong, None)


def shaped(ratio: str, *, side: int = 1024, step: int = 16) -> tuple[int, int]:
    """Return the sides of a picture of the ratio ``16:9`` (or ``16x9``) with the area of a square of that side."""
    width, _, height = ratio.replace("x", ":").partition(":")
    shape = math.sqrt(int(width) / int(height))
    return round(side * shape / step) * step, round(side / shape / step) * step
