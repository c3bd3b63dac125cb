"""Dollars as people write them, to micros and back, without a float in between."""

from decimal import Decimal, InvalidOperation

MICROS = 1_000_000


def micros_of(text: str) -> int:
    """Read dollars such as `50` or `0.000001`. Raises ValueError for what is no amount of whole micros."""
    try:
        micros = Decimal(text) * MICROS
    except InvalidOperation as error:
        raise ValueError(f"{text!r} is no amount in dollars") from error
    if not micros.is_finite() or micros != micros.to_integral_value():
        raise ValueError(f"{text!r} is no amount of whole micros (6 decimals at most)")
    return int(micros)


def usd(micros: int) -> float:
    """Dollars for JSON and people; exact in its 6 decimals."""
    return float(Decimal(micros) / MICROS)
