"""Micros as people and programs read them: US dollars, and the credits of dialects. Pure."""

MICROS_PER_USD = 1_000_000


def usd(amount_micros: int) -> float:
    """US dollars as a JSON number; exact to the micro when it is printed."""
    return amount_micros / MICROS_PER_USD


def usd_text(amount_micros: int) -> str:
    """US dollars as a plain decimal without trailing zeros, as `0.04`; never in exponents."""
    whole, rest = divmod(amount_micros, MICROS_PER_USD)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def in_credits(amount_micros: int, credit_micros: int) -> float:
    """An amount in credits as a JSON number, exact."""
    return amount_micros / credit_micros


def credits_shown(amount_micros: int, credit_micros: int) -> int | float:
    """A balance or price in credits: whole where it is whole, else cut to 2 decimals; never more than there is.

    Source: contract.md, "One wallet, five currencies".
    """
    hundredths = amount_micros * 100 // credit_micros
    return hundredths // 100 if hundredths % 100 == 0 else hundredths / 100
