"""What is known of the rate at which a vendor takes orders on one key: told by its headers, or learned from what it turned away.

After an order that was turned away none goes out until the time that the vendor named, and then one at a time: with each that is
taken one more may be under way. Pure state: the caller brings the time (monotonic seconds).
"""

import math
from dataclasses import dataclass

from generator.providers.allowance import Allowance

_UNTOLD_REST_SECONDS = 1.0
_LONGEST_UNTOLD_REST_SECONDS = 30.0


@dataclass(slots=True)
class Rate:
    """One key's rate at one vendor."""

    left: int | None = None
    """Orders that the vendor takes before `resets_at`; None where it has not said."""
    limit: int | None = None
    resets_at: float = 0.0
    rests_until: float = 0.0
    """Nothing goes out before: an order was turned away."""
    window: int | None = None
    """Orders that may be sent side by side, since one was turned away; None for any number."""
    sending: int = 0
    """Orders that were sent and not answered."""
    turned_away: int = 0
    """Times in a row."""

    def wait_seconds(self, now: float) -> float:
        """How long the next order has to wait; infinite where it waits for the answers of those that were sent."""
        if now < self.rests_until:
            return self.rests_until - now
        if self.left is not None and self.left <= 0 and now < self.resets_at:
            return self.resets_at - now
        return math.inf if self.window is not None and self.sending >= self.window else 0.0

    def hold_seconds(self, now: float) -> float:
        """How long nothing goes out at all, whoever waits."""
        wait = self.wait_seconds(now)
        return 0.0 if math.isinf(wait) else wait

    def sent(self, now: float) -> None:
        """An order goes out."""
        if self.left is not None and now >= self.resets_at:
            self.left = self.limit
        if self.left is not None:
            self.left -= 1
        self.sending += 1

    def answered(self) -> None:
        """An order that was sent was answered, or given up."""
        self.sending -= 1

    def taken(self) -> None:
        """The vendor took an order."""
        self.turned_away = 0
        if self.window is not None:
            self.window += 1

    def told(self, allowance: Allowance, now: float) -> None:
        """The vendor says what it still takes. It may not have counted what was sent beside the order that it answers."""
        self.left = allowance.left - max(self.sending - 1, 0)
        self.limit = allowance.limit
        self.resets_at = now + allowance.reset_seconds

    def turned_one_away(self, retry_after_seconds: float | None, now: float) -> None:
        """The vendor did not take an order, since there were too many; those that were sent beside it count as one with it."""
        if retry_after_seconds is None:
            retry_after_seconds = min(_UNTOLD_REST_SECONDS * (1 << self.turned_away), _LONGEST_UNTOLD_REST_SECONDS)
        if now >= self.rests_until:
            self.turned_away = min(self.turned_away + 1, 8)
            self.window = max(min(self.sending, self.window or self.sending) // 2, 1)
        self.rests_until = max(self.rests_until, now + retry_after_seconds)
