"""What a vendor's calls are verified by is read from the vendor, kept for a day, and read again where a call does not fit it.

It is read again at most once a minute: the vendor may have changed it, and whoever sends forgeries must not make us ask all the
time.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from generator.providers.base import UpstreamFault

K = TypeVar("K")

_KEPT_SECONDS = 86_400.0
_ANEW_SECONDS = 60.0


class VendorKeys(Generic[K]):
    """Keys of one vendor, in whatever form `read` gives them; it may raise UpstreamFault."""

    def __init__(self, read: Callable[[], Awaitable[K]], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._clock = clock
        self._known: tuple[K, float] | None = None
        self._asked_at = float("-inf")
        self._fault: UpstreamFault | None = None
        self._reading = asyncio.Lock()

    async def fit(self, fits: Callable[[K], bool]) -> bool:
        """Whether the keys fit, by the vendor's latest word. Raises UpstreamFault where that cannot be known now."""
        if self._fits(fits):
            return True
        async with self._reading:
            if self._clock() - self._asked_at > _ANEW_SECONDS:
                await self._read_anew()
            if self._fault is not None:
                raise self._fault.with_traceback(None)
        return self._fits(fits)

    def _fits(self, fits: Callable[[K], bool]) -> bool:
        if self._known is None:
            return False
        keys, read_at = self._known
        return self._clock() - read_at <= _KEPT_SECONDS and fits(keys)

    async def _read_anew(self) -> None:
        self._asked_at, self._fault = self._clock(), None
        try:
            self._known = (await self._read(), self._clock())
        except UpstreamFault as fault:
            self._fault = fault
