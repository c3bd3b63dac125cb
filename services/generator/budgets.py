"""What one key may do at one provider: how many orders are being sent, how many jobs are in flight, and at which rate.

The platform's key has one budget at each provider; an account's own key has one of its own, so that neither waits for the other.
"""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager

from generator.fair_slots import FairSlots, Place
from generator.providers.allowance import Allowance
from generator.providers.base import Bought, UpstreamFault
from generator.providers.deadline import Deadline
from generator.public_models import ProviderLimits
from generator.rates import Rate
from gesso.errors.v1 import reason_pb2 as pb


class NotPlaced(UpstreamFault):
    """An order that this platform itself did not place; it says nothing of the vendor."""

    def __init__(self, reason: pb.Reason.ValueType, message: str, *, provider: str, retry_after_seconds: float) -> None:
        super().__init__(
            reason,
            message,
            bought=Bought.NO,
            retryable=True,
            details={"provider": provider},
            retry_after_seconds=retry_after_seconds,
        )


class Stay:
    """An order's time at a provider: being sent at first, then in flight."""

    def __init__(self, budget: "Budget", place: Place) -> None:
        self._budget = budget
        self._place = place
        self.is_sent = False

    def told(self, allowance: Allowance) -> None:
        """The vendor's answer says what else it takes."""
        self._budget.told(allowance)

    def sent(self) -> None:
        """The vendor has taken the order, and draws it later: its place is another's. To be called once it is durable."""
        self.answered(taken=True)

    def answered(self, *, taken: bool) -> None:
        """The order was answered, or is given up."""
        if not self.is_sent:
            self.is_sent = True
            self._budget.answered(taken=taken)
            self._place.give_back()


class Budget:
    """One key's."""

    def __init__(self, limits: ProviderLimits, clock: Callable[[], float]) -> None:
        """`clock` is in monotonic seconds."""
        self._provider = limits.name
        self._clock = clock
        self._slots = FairSlots(limits.concurrency)
        self._flights = FairSlots(limits.in_flight) if limits.in_flight else None
        self._rate = Rate()
        self._news = asyncio.Event()

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be forgotten with it."""
        in_flight = self._flights is not None and not self._flights.is_idle
        return self._slots.is_idle and not in_flight and not self.hold_seconds

    @property
    def hold_seconds(self) -> float:
        """How long the vendor takes no order."""
        return self._rate.hold_seconds(self._clock())

    @contextlib.asynccontextmanager
    async def stay(self, account_id: str, *, until: Deadline) -> AsyncIterator[Stay]:
        """Wait until an order may be sent; what happens in the block teaches the rate.

        Raises NotPlaced where the vendor takes no order before the deadline.
        """
        async with self._flight(account_id), self._slots.held(account_id) as place:
            await self._in_time(until)
            stay = Stay(self, place)
            self._rate.sent(self._clock())
            try:
                yield stay
            except UpstreamFault as fault:
                if fault.reason == pb.REASON_UPSTREAM_RATE_LIMITED and not stay.is_sent:
                    self._rate.turned_one_away(fault.retry_after_seconds, self._clock())
                raise
            else:
                stay.sent()
            finally:
                stay.answered(taken=False)

    def resumed(self) -> AbstractContextManager[None]:
        """Count a job that is in flight already, for the length of the block."""
        return self._flights.held_at_once() if self._flights else contextlib.nullcontext()

    def told(self, allowance: Allowance) -> None:
        """The vendor says what else it takes."""
        self._rate.told(allowance, self._clock())
        self._news.set()

    def answered(self, *, taken: bool) -> None:
        """An order that was sent was answered, or given up."""
        self._rate.answered()
        if taken:
            self._rate.taken()
        self._news.set()

    def _flight(self, account_id: str) -> AbstractAsyncContextManager[object]:
        return self._flights.held(account_id) if self._flights else contextlib.nullcontext()

    async def _in_time(self, until: Deadline) -> None:
        while wait := self._rate.wait_seconds(self._clock()):
            if math.isfinite(wait) and wait > until.left_seconds:
                break
            self._news.clear()
            try:
                async with asyncio.timeout(min(wait, until.left_seconds)):
                    await self._news.wait()
            except TimeoutError:
                if not until.left_seconds:
                    break
        else:
            return
        raise NotPlaced(
            pb.REASON_UPSTREAM_RATE_LIMITED,
            f"The upstream {self._provider} takes no more requests at the moment.",
            provider=self._provider,
            retry_after_seconds=max(self.hold_seconds, 1.0),
        )
