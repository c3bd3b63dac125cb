"""A provider's places are given out account by account in turn: one account's hundred orders do not starve another's single one.

The state of one event loop; every operation takes constant time, however many wait.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

_Turn = asyncio.Future[None]


class Place:
    """One place that is held; given back once, however often that is said."""

    def __init__(self, pass_on: Callable[[], None]) -> None:
        self._pass_on: Callable[[], None] | None = pass_on

    def give_back(self) -> None:
        """Let the next one have it."""
        if self._pass_on is not None:
            pass_on, self._pass_on = self._pass_on, None
            pass_on()


class FairSlots:
    """At most `limit` places are held at once. Who waits is served in turns of accounts, within an account in order."""

    def __init__(self, limit: int) -> None:
        """`limit` is at least 1."""
        assert limit >= 1, "without a place nobody would ever be served"
        self._limit = limit
        self._free = limit
        """Less than nothing where more are held than there are."""
        # An account stands here while an order of its waits, and the first has the next turn. Ordered dictionaries, because both
        # their first entry and any other is taken out in constant time.
        self._lines: OrderedDict[str, OrderedDict[_Turn, None]] = OrderedDict()

    @property
    def is_idle(self) -> bool:
        """Whether nobody holds a place."""
        return self._free == self._limit

    @asynccontextmanager
    async def held(self, account_id: str) -> AsyncIterator["Place"]:
        """Wait for a place, and hold it for the length of the block, or until it is given back."""
        await self._take(account_id)
        place = Place(self._pass_on)
        try:
            yield place
        finally:
            place.give_back()

    @contextmanager
    def held_at_once(self) -> Iterator[None]:
        """Hold a place for the length of the block, even where none is free: what it is for has begun already."""
        self._free -= 1
        try:
            yield
        finally:
            self._pass_on()

    async def _take(self, account_id: str) -> None:
        if self._free > 0:  # then nobody waits
            self._free -= 1
            return
        turn: _Turn = asyncio.get_running_loop().create_future()
        self._lines.setdefault(account_id, OrderedDict())[turn] = None
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._leave(account_id, turn)
            else:  # its place came at the same moment
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._lines and self._free >= 0:
            account_id, line = next(iter(self._lines.items()))
            turn, _ = line.popitem(last=False)
            served = not turn.done()  # else it was cancelled just now, and the turn is still its account's
            if not line:
                del self._lines[account_id]
            elif served:
                self._lines.move_to_end(account_id)
            if served:
                turn.set_result(None)
                return
        self._free += 1

    def _leave(self, account_id: str, turn: _Turn) -> None:
        line = self._lines.get(account_id, OrderedDict())
        if turn in line:
            del line[turn]
            if not line:
                del self._lines[account_id]
