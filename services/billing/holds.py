"""A hold reserves money for a job until it is captured or released; these are its values, and those of the wallet behind it."""

import datetime
from dataclasses import dataclass
from enum import StrEnum

from billing.accounts import AccountState
from servicekit.faults import Fault

Outcome = int | Fault
"""What an item's caller is told: the available micros afterwards, or the fault."""


class HoldState(StrEnum):
    """An ended hold was captured with an amount above 0, or released."""

    OPEN = "open"
    CAPTURED = "captured"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Wallet:
    """The money of one locked account, in micros."""

    account_id: str
    state: AccountState
    posted_micros: int
    held_micros: int
    has_budgets: bool

    @property
    def available_micros(self) -> int:
        """What a hold may take."""
        return self.posted_micros - self.held_micros


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has; available is posted less held."""

    account_id: str
    posted_micros: int
    held_micros: int


@dataclass(frozen=True, slots=True)
class Hold:
    """One hold, or the tombstone of one that never stood (released, amount 0)."""

    id: str
    account_id: str
    api_key_id: str
    job_id: str
    state: HoldState
    amount_micros: int
    captured_micros: int
    refunded_micros: int
    created_at: datetime.datetime
    review_at: datetime.datetime
    settled_at: datetime.datetime | None


@dataclass(frozen=True, slots=True)
class Admission:
    """One hold to place; `review_at` is when the sweeper should look at it."""

    hold_id: str
    account_id: str
    api_key_id: str
    amount_micros: int
    job_id: str
    review_at: datetime.datetime


@dataclass(frozen=True, slots=True)
class Settlement:
    """One hold to end; capturing 0 releases everything."""

    hold_id: str
    account_id: str
    capture_micros: int
    job_id: str
