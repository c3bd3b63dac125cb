"""A provider that acts out what a test wrote: a plugin like any other, by the same protocol."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from generator.providers.base import Bought, Drawn, Memory, Order, Pixels, Ticket, UpstreamFault
from gesso.errors.v1 import reason_pb2 as reasons
from testkit.sample_pictures import sample

Act = Callable[[Order], Awaitable[Drawn | Ticket]]


def picture(serial: int, size: int = 64, file_format: str = "png") -> bytes:
    """A real picture, each serial number another."""
    return sample(file_format, size, size).stamped(serial)


def failing(
    reason: reasons.Reason.ValueType = reasons.REASON_UPSTREAM_FAILED,
    *,
    bought: Bought = Bought.NO,
    retryable: bool = True,
) -> Act:
    """An order that fails."""

    async def act(order: Order) -> Drawn:
        raise UpstreamFault(reason, "as the test wants it", bought=bought, retryable=retryable)

    return act


def answering(*pictures: bytes) -> Act:
    """An order that brings just these bytes, whatever was ordered."""

    async def act(order: Order) -> Drawn:
        return Drawn([Pixels(data) for data in pictures], upstream_model=order.upstream_model)

    return act


async def never(order: Order) -> Drawn:
    """An order that the vendor never answers."""
    await asyncio.Event().wait()
    raise AssertionError("nobody wakes it")


def ticket(data: bytes = b"ticket-1") -> Act:
    """An order that is accepted, to be collected."""

    async def act(order: Order) -> Ticket:
        return Ticket(data)

    return act


@dataclass
class Scripted:
    """Acts in order; without an act left it draws what was ordered. `orders` are those it saw."""

    name: str
    free_to_repeat: bool = False
    trained: bool = True
    configured: bool = True
    orders: list[Order] = field(default_factory=list)
    collected: list[bytes] = field(default_factory=list)
    acts: deque[Act] = field(default_factory=deque)
    collecting: deque[Act] = field(default_factory=deque)
    curtain: asyncio.Event = field(default_factory=asyncio.Event)
    """While cleared every order waits."""
    queue: asyncio.Event = field(default_factory=asyncio.Event)
    """While cleared every order that was accepted waits."""
    serial: int = 0

    def __post_init__(self) -> None:
        self.curtain.set()
        self.queue.set()

    async def submit(self, order: Order, memory: Memory) -> Drawn | Ticket:
        self.orders.append(order)
        await self.curtain.wait()
        return await (self.acts.popleft() if self.acts else self._draw)(order)

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        self.collected.append(ticket.data)
        await self.curtain.wait()
        await self.queue.wait()
        drawn = await (self.collecting.popleft() if self.collecting else self._draw)(order)
        assert isinstance(drawn, Drawn)
        return drawn

    async def close(self) -> None:
        return

    async def _draw(self, order: Order) -> Drawn:
        numbers = range(self.serial, self.serial + order.count)
        self.serial += order.count
        return Drawn([Pixels(picture(number)) for number in numbers], upstream_model=order.upstream_model)
