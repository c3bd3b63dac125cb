"""A replica in a process of its own, to be killed: its provider accepts every order and never delivers, or denies it."""

import asyncio
import os

import uvloop

from generator.app import running
from generator.config import Config
from generator.providers.base import Bought, Drawn, Memory, Order, Ticket, UpstreamFault
from gesso.errors.v1 import reason_pb2 as reasons
from servicekit.settings import load


class Promising:
    """Gives a ticket for each order; what is collected never comes. A prompt of `denied` is not accepted."""

    name = "alpha"
    free_to_repeat = False
    trained = True
    configured = True

    async def submit(self, order: Order, memory: Memory) -> Ticket:
        if order.draw.prompt == "denied":
            raise UpstreamFault(reasons.REASON_UPSTREAM_DENIED, "no quota", bought=Bought.NO, retryable=False)
        return Ticket(order.task_id.encode())

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        await asyncio.Event().wait()
        raise AssertionError("nobody wakes it")

    async def close(self) -> None:
        return


async def main() -> None:
    """Serve until killed."""
    async with running(load(Config, os.environ), {"alpha": Promising()}):
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
