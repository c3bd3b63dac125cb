"""When a delivery is tried again: pure rules over what the last attempt brought.

Source: Standard Webhooks 1.0.0, "Deliverability and reliability", and contract.md: every failure but 410 is retried, Retry-After is
honoured up to an hour.
"""

import email.utils
from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT: tuple[float, ...] = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
"""Pauses after the first attempt, in seconds: 75.6 hours in all."""

LONGEST_RETRY_AFTER_SECONDS = 3600.0
JITTER = 0.1
_GONE = 410


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an attempt brought: a status code, or 0 and an error where no answer came."""

    status_code: int
    error: str = ""
    retry_after_seconds: float | None = None

    @property
    def delivered(self) -> bool:
        """Whether the endpoint took it: 2xx alone."""
        return 200 <= self.status_code < 300


def next_pause(schedule: Sequence[float], attempt_number: int, outcome: Outcome, *, chance: float) -> float | None:
    """Seconds until the attempt after `attempt_number` (from 1), or None where there will be none.

    `chance` in 0..1 spreads the pause by 10 % either way, so that endpoints that failed together are not tried together.
    """
    if outcome.delivered or outcome.status_code == _GONE or attempt_number > len(schedule):
        return None
    pause = schedule[attempt_number - 1] * (1 + JITTER * (2 * chance - 1))
    return max(pause, min(outcome.retry_after_seconds or 0.0, LONGEST_RETRY_AFTER_SECONDS))


def parse_retry_after(header: str, *, now_seconds: float) -> float | None:
    """Read a Retry-After header, in seconds or as a date; None where it is neither."""
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - now_seconds)
    except (TypeError, ValueError):
        return None


def parse_schedule(text: str) -> tuple[float, ...]:
    """Read pauses in seconds, separated by commas. Raises ValueError."""
    pauses = tuple(float(part) for part in text.split(",") if part.strip())
    if not all(0 <= pause <= 7 * 86400 for pause in pauses):
        raise ValueError("pauses of 0 to 604800 seconds, separated by commas")
    return pauses
