"""A Coalescer turns concurrent single calls into few batch calls: sent at once when idle, gathered while one is under way.

No timer is involved: under no load a call waits for nobody, under load a batch is as large as what arrived during the last one.
Source: design.md "The hot path": a unary gRPC call costs 440-540 us of CPU whatever it carries, an item in a batch 40.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from gesso.errors.v1 import reason_pb2 as reasons
from servicekit.faults import Fault, Overloaded

Item = TypeVar("Item")
Result = TypeVar("Result")
Flush = Callable[[list[Item]], Awaitable[Sequence[Result | Exception]]]


class Coalescer(Generic[Item, Result]):
    """Gathers items and hands them to `flush` in batches of at most `max_items`, `max_in_flight` batches at a time.

    `flush` answers one result per item, in order; an exception among them is raised to its own caller alone. Where `flush` itself
    raises for a batch of several, each item is flushed again by itself (`isolate=True`), so that one poison item cannot fail the
    others: every flush must therefore be idempotent per item. A Fault raised by `flush` (an unreachable peer) fails the batch
    as it stands, since each item alone would meet the same; but not INTERNAL, a bug that one item alone may have met.
    Beside a batch that is under way another goes only where at least `crowd` items wait, or more than a batch may weigh.
    `rest_seconds` pass between two flushes, for work that nobody waits for: under load its batches grow, and cost less. With
    `weigh` a batch of several weighs at most `max_weight`: what is too large for one message fails alone.
    """

    def __init__(
        self,
        flush: Flush[Item, Result],
        *,
        max_items: int = 256,
        max_in_flight: int = 1,
        crowd: int = 1,
        max_waiting: int = 20_000,
        isolate: bool = True,
        rest_seconds: float = 0.0,
        weigh: Callable[[Item], int] | None = None,
        max_weight: int = 0,
    ) -> None:
        self._flush = flush
        self._max_items = max_items
        self._max_in_flight = max_in_flight
        self._crowd = crowd
        self._max_waiting = max_waiting
        self._isolate = isolate
        self._rest_seconds = rest_seconds
        self._weigh = weigh
        self._max_weight = max_weight
        self._waiting: deque[tuple[Item, asyncio.Future[Result]]] = deque()
        self._pumps: set[asyncio.Task[None]] = set()

    async def submit(self, item: Item) -> Result:
        """Return the item's own result.

        A caller that is cancelled before its batch is sent takes its item back; later the item is sent, the result dropped.
        Raises the item's Fault, the batch's, or Overloaded where `max_waiting` items wait already.
        """
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded("Too many calls are waiting.")
        future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if not self._pumps or (len(self._pumps) < self._max_in_flight and self._is_crowded):
            pump = asyncio.create_task(self._pump())
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)
        return await future

    async def drain(self) -> None:
        """Wait until everything that was submitted has been answered."""
        while self._pumps:
            await asyncio.wait(self._pumps)

    @property
    def _is_crowded(self) -> bool:
        if len(self._waiting) >= self._crowd:
            return True
        return self._weigh is not None and sum(self._weigh(item) for item, _ in self._waiting) > self._max_weight

    async def _pump(self) -> None:
        try:
            while batch := self._take():
                await self._send(batch)
                if self._rest_seconds:
                    await asyncio.sleep(self._rest_seconds)
                if len(self._pumps) > 1 and not self._is_crowded:
                    break
        finally:
            # Here and not in the callback alone, which runs later: a caller that has its answer and submits again before that
            # would count on a pump that has already looked for the last time.
            if pump := asyncio.current_task():
                self._pumps.discard(pump)

    def _take(self) -> list[tuple[Item, "asyncio.Future[Result]"]]:
        batch: list[tuple[Item, asyncio.Future[Result]]] = []
        weight = 0
        while self._waiting and len(batch) < self._max_items:
            item, future = self._waiting[0]
            if self._weigh is not None and not future.done():
                weight += self._weigh(item)
                if batch and weight > self._max_weight:
                    break
            self._waiting.popleft()
            if not future.done():
                batch.append((item, future))
        return batch

    async def _send(self, batch: list[tuple[Item, "asyncio.Future[Result]"]]) -> None:
        try:
            results = await self._flush([item for item, _ in batch])
            assert len(results) == len(batch), "a flush answers one result per item"
        except asyncio.CancelledError:
            for _, future in batch:
                future.cancel()
            raise
        except Exception as error:  # noqa: BLE001 - the boundary between a batch and its callers: each gets the error
            await self._fail(batch, error)
        else:
            for (_, future), result in zip(batch, results, strict=True):
                _resolve(future, result)

    async def _fail(self, batch: list[tuple[Item, "asyncio.Future[Result]"]], error: Exception) -> None:
        if len(batch) > 1 and self._isolate and not _meets_all(error):
            for entry in batch:
                await self._send([entry])
        else:
            for _, future in batch:
                _resolve(future, error)


def _meets_all(error: Exception) -> bool:
    return isinstance(error, Fault) and error.reason != reasons.REASON_INTERNAL


def _resolve(future: "asyncio.Future[Result]", result: Result | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
