"""What a vendor's headers say of its rate: how many more orders it takes, and when it counts anew.

Vendors write the same three figures under several names; `read_allowance` knows them. Sources: upstreams/01-openai.md (figures for
requests, times as `6m0s`), 13-together.md (without `-requests`), the IETF's RateLimit fields (without `x-`).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NAMES = tuple(
    (form.format("remaining"), form.format("reset"), form.format("limit"))
    for form in ("x-ratelimit-{}-requests", "x-ratelimit-{}", "ratelimit-{}")
)
_COUNT = re.compile(r"\s*(\d{1,9})")
_SPAN = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_UNITS_SECONDS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_EPOCH_SECONDS, _EPOCH_MILLISECONDS = 1e9, 1e12
_LONGEST_SECONDS = 60.0
"""No order was turned away yet: what a vendor means by its figures is not trusted for longer."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one key may still order."""

    left: int
    """Orders that are taken before the vendor counts anew."""
    reset_seconds: float
    """Until then."""
    limit: int | None = None
    """Orders that are taken from one count to the next, where the vendor says so."""


def read_allowance(headers: Mapping[str, str], now: float) -> Allowance | None:
    """The allowance that an answer tells; None where it tells none that can be read. `now` is in seconds since 1970."""
    for remaining, reset, limit in _NAMES:
        left = _count(headers.get(remaining))
        seconds = None if left is None else _seconds(headers.get(reset), now)
        if left is not None and seconds is not None:
            return Allowance(left, seconds, _count(headers.get(limit)))
    return None


def _count(text: str | None) -> int | None:
    number = _COUNT.match(text or "")
    return int(number[1]) if number else None


def _seconds(text: str | None, now: float) -> float | None:
    """A reset as seconds from now, whether it is written so, as a span (`1m6s`), or as a moment."""
    try:
        number = float(text or "")
    except ValueError:
        return _span(text or "")
    if number >= _EPOCH_MILLISECONDS:
        number /= 1000
    if number >= _EPOCH_SECONDS:
        number -= now
    return _bounded(number)


def _span(text: str) -> float | None:
    parts = _SPAN.fullmatch(text.strip()) if text.strip() else None
    if parts is None:
        return None
    try:
        return _bounded(sum(float(part or 0) * unit for part, unit in zip(parts.groups(), _UNITS_SECONDS, strict=True)))
    except ValueError:
        return None


def _bounded(seconds: float) -> float | None:
    return min(max(seconds, 0.0), _LONGEST_SECONDS) if seconds == seconds else None  # noqa: PLR0124 - not a number
