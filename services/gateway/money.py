"""Micros as people and programs read them: US dollars."""

MICROS_PER_USD = 1_000_000


def usd(amount_micros: int) -> float:
    """US dollars as a JSON number; exact to the micro when it is printed."""
    return amount_micros / MICROS_PER_USD


def usd_text(amount_micros: int) -> str:
    """US dollars as a plain decimal without trailing zeros, as `0.04`; never in exponents."""
    whole, rest = divmod(amount_micros, MICROS_PER_USD)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
