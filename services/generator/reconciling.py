"""An order whose answer was lost is asked after at its vendor, where that can say which orders it took: never placed again blindly.

What a vendor names is ours only if no other task has a ticket of that name. A vendor that knows of none is believed after a
while: the order may still have been on its way.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from generator.providers.base import Finder, Order, Ticket
from generator.steps import persist
from generator.store import tasks
from servicekit.database import Database

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_CLOCK_SKEW = timedelta(seconds=30)
"""The vendor's clock may be behind ours."""


class Reconciler:
    """Asks vendors, one order of each at a time: so that of two that are alike each finds its own."""

    def __init__(self, database: Database, *, ask_seconds: float) -> None:
        """`ask_seconds` is how long a vendor is asked until its answer that it has no such order is believed."""
        self._database = database
        self._ask_seconds = ask_seconds
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def found(self, provider: str, finder: Finder, order: Order, since: datetime) -> AsyncIterator[Ticket | None]:
        """The ticket of an order that was sent at `since` or later, to be written down in the block; None where there is none.

        Raises UpstreamFault where the vendor cannot tell.
        """
        for pause in _pauses(min(self._ask_seconds, order.deadline_seconds)):
            await asyncio.sleep(pause)
            async with self._turns[provider]:
                ticket = await self._asked(provider, finder, order, since)
                if ticket is not None:
                    yield ticket
                    return
        yield None

    async def _asked(self, provider: str, finder: Finder, order: Order, since: datetime) -> Ticket | None:
        found = await finder.find(order, since - _CLOCK_SKEW)
        if not found:
            return None
        names = [one.vendor_id for one in found]
        others = await persist(lambda: tasks.ticketed(self._database, provider, names, since))
        return next((one.ticket for one in found if one.vendor_id not in others), None)


def _pauses(total_seconds: float) -> Iterator[float]:
    """Pauses that grow, as long as their sum allows, and at least one."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        yield min(pause, total_seconds)
        total_seconds -= pause
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        if total_seconds <= 0:
            return
