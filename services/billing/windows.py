"""Request limits count in fixed windows; a flush counts once per window, and each of its requests gets its own place.

Source: contract.md "Plans, accounts and limits": fixed windows, exact across gateways; a refused request counts too.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from billing.plans import Limits, Window

HOUR_SECONDS = Window.HOUR.seconds


class Key(NamedTuple):
    """One count: whose (an account's id, or `address:` and a client's address), in which dialect, in windows of which length."""

    subject: str
    dialect: str
    seconds: int


class Counted(NamedTuple):
    """A window after counting: its start in Unix seconds and all its requests."""

    starts_at: int
    requests: int


@dataclass(frozen=True, slots=True)
class Taking:
    """One request to count against limits, which may be none; a call of an account is counted for its figures too."""

    subject: str
    dialect: str
    limits: Limits
    is_call: bool = False

    def key(self, window: Window) -> Key:
        """Where it is counted."""
        return Key(self.subject, self.dialect, window.seconds)


@dataclass(frozen=True, slots=True)
class WindowState:
    """One window after counting one request; it is refused where `requests` is above the limit."""

    window: Window
    limit: int
    requests: int
    reset_at: int

    @property
    def remaining(self) -> int:
        """How many more requests the window has, never below 0."""
        return max(0, self.limit - self.requests)

    @property
    def refuses(self) -> bool:
        """Whether the window was used up."""
        return self.requests > self.limit


def tally(takings: Iterable[Taking]) -> Counter[Key]:
    """Return how much a flush adds to each count."""
    return Counter(taking.key(window) for taking in takings for window in taking.limits)


def calls(takings: Iterable[Taking]) -> Counter[tuple[str, str]]:
    """Return how many calls a flush adds, by account and dialect."""
    return Counter((taking.subject, taking.dialect) for taking in takings if taking.is_call)


def hand_out(takings: Iterable[Taking], counted: Mapping[Key, Counted]) -> list[tuple[WindowState, ...]]:
    """Return each request's own view of its windows, as if they had been counted one after the other."""
    takings = list(takings)
    left = tally(takings)
    results = []
    for taking in takings:
        states = []
        for window, limit in taking.limits.items():
            key = taking.key(window)
            left[key] -= 1
            starts_at, requests = counted[key]
            states.append(WindowState(window, limit, requests - left[key], starts_at + window.seconds))
        results.append(tuple(states))
    return results
