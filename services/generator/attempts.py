"""An attempt is one time that a task's open positions are ordered, on one route, in as many orders as it takes."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from generator import custom_models
from generator.material import NOTHING, Material, Pictures
from generator.memory import Reservation
from generator.providers.allowance import Allowance
from generator.providers.base import Callback, Order, Pixels
from generator.router import Route
from generator.runs import Run
from gesso.generator.v1 import generator_pb2 as pb

SAFETY_IDENTIFIER = "safety_identifier"
"""The option by which a request names its end user, and an order the hash of it. Source: upstreams/01-openai.md."""
_SEEDS = 1 << 32

Show = Callable[[Run, Pixels], Awaitable[None]]


def batches(positions: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """Cut positions into orders: each consecutive, since picture i of an order has its seed + i, and at most `size` long."""
    orders: list[tuple[int, ...]] = []
    for position in positions:
        if orders and position == orders[-1][-1] + 1 and len(orders[-1]) < size:
            orders[-1] += (position,)
        else:
            orders.append((position,))
    return orders


@dataclass(slots=True)
class Attempt:
    """What all orders of it have in common; `number` counts from 1."""

    run: Run
    route: Route
    number: int
    memory: Reservation
    material: Material
    replica: str
    deadline_seconds: float
    secret: str | None = field(repr=False)
    is_judged: bool = True
    """Whether what becomes of it tells of the vendor's health: not where it is we who gave up waiting, or died."""
    is_repeat: bool = False
    """Whether its route failed at this task before: a task's failure counts once, however often it is tried."""
    begun: bool = False
    beginning: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def account_id(self) -> str:
        """Whose turn it takes."""
        return self.run.job.account_id

    @property
    def own_key(self) -> bool:
        """Whether its vendor bills the account itself."""
        return self.run.task.billed_to_owner

    def batches(self, positions: Sequence[int]) -> list[tuple[int, ...]]:
        """The positions as orders. Vendors stream one picture at a time."""
        return batches(positions, 1 if self.run.draw.partial_images else self.route.native_count)

    def order(
        self,
        positions: Sequence[int],
        secret: str | None,
        show: Show,
        pictures: Pictures = NOTHING,
        told: Callable[[Allowance], None] | None = None,
        callback: Callback | None = None,
    ) -> Order:
        """The order of these positions, with the key to use instead of the platform's; of the first picture's order the
        unfinished ones are shown, where they are asked for.
        """
        draw = custom_models.asked(self.run.draw)
        if draw.HasField("seed") and positions[0]:
            draw = pb.Draw.FromString(draw.SerializeToString())
            draw.seed = (draw.seed + positions[0]) % _SEEDS
        return Order(
            task_id=self.run.task.id,
            draw=draw,
            upstream_model=self.route.upstream_model,
            count=len(positions),
            options={**self.route.options, SAFETY_IDENTIFIER: self._end_user()},
            inputs=pictures.inputs,
            mask=pictures.mask,
            secret=secret,
            deadline_seconds=self.deadline_seconds,
            on_partial=partial(show, self.run) if draw.partial_images and not positions[0] else None,
            on_allowance=told,
            callback=callback,
        )

    def _end_user(self) -> str:
        """Who draws, as a vendor may know it: one account's one end user, whom no vendor can name.

        The account's id cannot be guessed, so that the end user's identifier cannot be found by trying.
        """
        told = self.run.draw.options.get(SAFETY_IDENTIFIER, "")
        return hashlib.sha256(f"{self.run.job.account_id}\n{told}".encode()).hexdigest()
