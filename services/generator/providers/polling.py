"""Waiting for vendors that queue: each ticket is asked about at its own pace, and all of one provider's within one bound.

A ticket that waits is a coroutine in `asyncio.sleep`: a timer in the loop's heap, 3 KB with its coroutine. Polls cost, not waiting;
so their number in a second is bounded for each provider, whatever the number of tickets. Each provider has a poller of its own: a
vendor that hangs keeps none waiting but its own tickets. docs/providers.md has the measurement.

A ticket that its vendor was asked to call back about is woken by the call, and asked about seldom until then: the call is a hint,
polls are what counts. Where calls do not come, tickets are asked about as if none were expected.
"""

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from generator.providers.base import Bought, UpstreamFault
from generator.providers.deadline import Deadline
from gesso.errors.v1 import reason_pb2 as pb

T = TypeVar("T")

_LONGEST_HINT_SECONDS = 60.0
_MOST_EARLY = 1_000
_MOST_UNHEARD = 3
"""Tickets that ended without their call, in a row, after which calls are expected no more until one is heard."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a vendor is asked; the defaults suit pictures that take one to sixty seconds."""

    first_seconds: float = 0.25
    growth: float = 1.25
    """The factor from one pause to the next: a picture is noticed a quarter later than it was made, at most."""
    most_seconds: float = 10.0
    concurrent_polls: int = 16
    polls_per_second: float = 60.0
    """Of a crowd of tickets together: each is then asked about less often."""
    uncrowded_count: int = 100
    """So many tickets are no crowd: each is asked about at its own pace, so that a job of a hundred tasks ends when they do."""
    uncalled_seconds: float = 15.0
    """The least pause of a ticket whose vendor will call, until it has."""


@dataclass(frozen=True, slots=True)
class Pending:
    """The order is not done."""

    again_seconds: float | None = None
    """When there may be news, where the vendor tells (Retry-After, a place in its queue)."""


class NotNow(Exception):
    """A look that failed and says nothing of the order: it was accepted, so it is looked after again, until the deadline.

    `fault` is what to raise in the end; `most` is how many such looks in a row are taken for an accident (None for any number).
    """

    def __init__(self, fault: UpstreamFault, *, most: int | None = None) -> None:
        super().__init__(fault.message)
        self.fault = fault
        self.most = most


class Poller:
    """One provider's waiting."""

    def __init__(self, provider: str, pace: Pace | None = None, *, chance: Callable[[], float] = random.random) -> None:
        """`chance` is uniform in 0..1."""
        self._provider = provider
        self._pace = pace or Pace()
        self._chance = chance
        self._polls = asyncio.Semaphore(self._pace.concurrent_polls)
        self._waiting_count = 0
        self._bells: dict[str, _Bell] = {}
        self._early: OrderedDict[str, None] = OrderedDict()
        self._unheard_count = 0

    async def until_done(
        self, look: Callable[[], Awaitable[T | Pending]], deadline: Deadline, *, called_by: str = ""
    ) -> T:
        """Call `look` until it answers with something else than Pending; `called_by` is the key of the vendor's call, if any.

        Raises what it raises, NotNow excepted; and UpstreamFault TIMEOUT at the deadline: the purchase stands then.
        """
        self._waiting_count += 1
        try:
            async with asyncio.timeout(deadline.left_seconds) as limit:
                if called_by:
                    return await self._called(look, called_by)
                return await self._looked(look, None)
        except TimeoutError:
            if not limit.expired():
                raise
            raise _timeout(self._provider) from None
        finally:
            self._waiting_count -= 1

    def wake(self, key: str) -> bool:
        """Have the ticket with this key looked at now; False where none waits here, which is remembered for one that comes."""
        self._unheard_count = 0
        bell = self._bells.get(key)
        if bell is None:
            self._early[key] = None
            if len(self._early) > _MOST_EARLY:
                self._early.popitem(last=False)
            return False
        bell.ring()
        return True

    async def _called(self, look: Callable[[], Awaitable[T | Pending]], key: str) -> T:
        bell = self._bells[key] = _Bell()
        if key in self._early:
            del self._early[key]
            bell.ring()
        try:
            news = await self._looked(look, bell)
            self._unheard_count = 0 if bell.has_rung else self._unheard_count + 1
            return news
        finally:
            if self._bells.get(key) is bell:
                del self._bells[key]

    async def _looked(self, look: Callable[[], Awaitable[T | Pending]], bell: "_Bell | None") -> T:
        pause, accidents = self._pace.first_seconds, 0
        while True:
            await self._rest(pause, bell)
            hint: float | None
            try:
                async with self._polls:
                    news = await look()
            except NotNow as failure:
                accidents += failure.most is not None
                _log.info("%s could not be asked about an order: %s", self._provider, failure)
                if failure.most is not None and accidents >= failure.most:
                    raise failure.fault from None
                hint = failure.fault.retry_after_seconds
            else:
                if not isinstance(news, Pending):
                    return news
                accidents, hint = 0, news.again_seconds
            pause = self._following(pause, hint)

    async def _rest(self, pause: float, bell: "_Bell | None") -> None:
        if bell is None:
            await asyncio.sleep(self._spread(pause))
            return
        is_expected = not bell.has_rung and self._unheard_count < _MOST_UNHEARD
        await bell.heard(self._spread(max(pause, self._pace.uncalled_seconds) if is_expected else pause))

    def _following(self, pause: float, hint: float | None) -> float:
        longer = min(pause * self._pace.growth, self._pace.most_seconds)
        return longer if hint is None else min(max(hint, self._pace.first_seconds), _LONGEST_HINT_SECONDS)

    def _spread(self, pause: float) -> float:
        """The pause, longer in a crowd, and a quarter more or less by chance."""
        crowd_count = max(self._waiting_count - self._pace.uncrowded_count, 0)
        return max(pause, crowd_count / self._pace.polls_per_second) * (0.75 + self._chance() / 2)


class _Bell:
    """What a ticket listens for while it waits."""

    def __init__(self) -> None:
        self.has_rung = False
        self._event = asyncio.Event()

    def ring(self) -> None:
        """Let the ticket be looked at now."""
        self.has_rung = True
        self._event.set()

    async def heard(self, seconds: float) -> None:
        """Wait until it rings, so long at most."""
        timer = asyncio.get_running_loop().call_later(seconds, self._event.set)
        try:
            await self._event.wait()
        finally:
            timer.cancel()
            self._event.clear()


def _timeout(provider: str) -> UpstreamFault:
    return UpstreamFault(
        pb.REASON_TIMEOUT,
        f"The upstream {provider} did not finish in time.",
        bought=Bought.YES,
        retryable=True,
        details={"provider": provider},
    )
