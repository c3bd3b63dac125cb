"""Dollars as people write them, to micros and back, without a float in between."""

import argparse
from decimal import Decimal, InvalidOperation

MICROS = 1_000_000
_MOST_DOLLARS = 1_000_000_000


def micros_of(text: str) -> int:
    """Read dollars such as `50` or `0.000001`. Raises ArgumentTypeError, whose words argparse shows, for anything else."""
    try:
        dollars = Decimal(text)
    except InvalidOperation as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no amount in dollars: write it as 12.50") from error
    if not dollars.is_finite() or not 0 <= dollars <= _MOST_DOLLARS:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 0 and {_MOST_DOLLARS:,} dollars")
    micros = dollars * MICROS
    if micros != micros.to_integral_value():
        raise argparse.ArgumentTypeError(f"{text!r} has more than 6 decimals")
    return int(micros)


def usd(micros: int) -> float:
    """Dollars for JSON and people; exact in its 6 decimals."""
    return float(Decimal(micros) / MICROS)
