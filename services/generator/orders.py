"""Steps 3 and 4: a task's missing pictures are ordered on one route, in as many orders as it takes, and kept as they come."""

import asyncio
import hashlib
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import msgspec

from generator import custom_models, lifecycle
from generator.budgets import Stay
from generator.costs import OWN_KEY, Bill, Cost, CostBook
from generator.keeping import Keeper, Origin
from generator.memory import Reservation
from generator.own_keys import OwnKeys
from generator.providers.base import Bought, Drawn, Order, Pixels, Provider, Ticket, UpstreamFault
from generator.providers.deadline import Deadline
from generator.records import TaskRecord
from generator.router import Route, Router
from generator.runs import Run
from generator.steps import LeaseLost, Steps, persist, until_done
from generator.store.tasks import Beginning, Submission
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.calls import OK
from servicekit.crashpoints import crashpoint
from servicekit.faults import Fault

T = TypeVar("T")

Observe = Callable[[str, str, float], None]
"""Provider, OK or a fault's name, seconds."""
Show = Callable[[Run, Pixels], Awaitable[None]]

SAFETY_IDENTIFIER = "safety_identifier"
"""The option by which a request names its end user, and an order the hash of it. Source: upstreams/01-openai.md."""
_SEEDS = 1 << 32
_log = logging.getLogger(__name__)


class Ticketed(msgspec.Struct, frozen=True, array_like=True):
    """An accepted order as the task's row keeps it: who has it, which positions it fills, and the vendor's own words."""

    provider: str
    upstream_model: str
    positions: tuple[int, ...]
    data: bytes


def is_free(router: Router, task: TaskRecord) -> bool:
    """Whether the order that a task has placed may be placed again for nothing; never where its provider is gone."""
    try:
        return bool(task.provider) and router.provider(task.provider).free_to_repeat
    except KeyError:
        return False


def written_tickets(tickets: Sequence[Ticketed]) -> bytes:
    """Write the accepted orders of a task."""
    return msgspec.msgpack.encode(tickets)


def read_tickets(data: bytes) -> list[Ticketed]:
    """Read what `written_tickets` wrote."""
    return msgspec.msgpack.decode(data, type=list[Ticketed]) if data else []


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
    """One time that a task's open positions are ordered, on one route; `number` counts from 1."""

    run: Run
    route: Route
    number: int
    memory: Reservation
    replica: str
    deadline_seconds: float
    secret: str | None = field(repr=False)
    inputs: Sequence[bytes]
    mask: bytes | None
    tickets: list[Ticketed]
    begun: bool = False
    beginning: asyncio.Lock = field(default_factory=asyncio.Lock)

    def order(self, positions: Sequence[int], secret: str | None, show: Show) -> Order:
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
            inputs=self.inputs,
            mask=self.mask,
            secret=secret,
            deadline_seconds=self.deadline_seconds,
            on_partial=partial(show, self.run) if draw.partial_images and not positions[0] else None,
        )

    def _end_user(self) -> str:
        """Who draws, as a vendor may know it: one account's one end user, whom no vendor can name.

        The account's id cannot be guessed, so that the end user's identifier cannot be found by trying.
        """
        told = self.run.draw.options.get(SAFETY_IDENTIFIER, "")
        return hashlib.sha256(f"{self.run.job.account_id}\n{told}".encode()).hexdigest()


class Orders:
    """Places and collects orders. Faults of an order stand at its positions; only LeaseLost is raised."""

    def __init__(
        self,
        steps: Steps,
        router: Router,
        keeper: Keeper,
        own_keys: OwnKeys,
        costs: CostBook,
        *,
        observe: Observe,
        show: Show,
    ) -> None:
        """`observe` is told how long each order took, and how it ended; `show` shows an unfinished picture."""
        self._costs = costs
        self._show = show
        self._own_keys = own_keys
        self._steps = steps
        self._router = router
        self._keeper = keeper
        self._observe = observe

    async def place(self, attempt: Attempt, positions: Sequence[int]) -> None:
        """Order the positions anew. The intent is durable before the first byte goes out."""
        # Vendors stream one picture at a time.
        size = 1 if attempt.run.draw.partial_images else attempt.route.native_count
        orders = batches(positions, size)
        await _together([self._place(attempt, order) for order in orders])

    async def collect(self, attempt: Attempt, ticketed: Ticketed) -> None:
        """Wait for the pictures of an order that was accepted before."""
        provider = self._router.provider(ticketed.provider)
        bill = self._bill(attempt.run, attempt.route, attempt.number, ticketed.positions)
        try:
            async with self._stay(attempt):
                order = attempt.order(ticketed.positions, await self._secret(attempt), self._show)
                drawn = await self._timed(provider.collect(Ticket(ticketed.data), order, attempt.memory), provider)
        except Fault as fault:
            self._order_failed(attempt, ticketed.positions, fault, bill)
        else:
            await self._keep(attempt, bill, drawn)

    def doubt(self, run: Run, positions: Sequence[int], fault: Fault) -> None:
        """Note positions that a worker, now dead, set out to order, and of which nobody can tell what became of them."""
        task = run.task
        route = Route(task.provider, task.upstream_model, {}, 1)
        for position in positions:
            self._bill(run, route, task.attempt_count, (position,))
            run.gathered.faults[position] = fault

    async def _place(self, attempt: Attempt, positions: Sequence[int]) -> None:
        provider = self._router.provider(attempt.route.provider)
        bill: Bill | None = None
        try:
            async with self._stay(attempt):
                await self._begin(attempt)
                order = attempt.order(positions, await self._secret(attempt), self._show)
                bill = self._bill(attempt.run, attempt.route, attempt.number, positions)
                drawn = await self._timed(provider.submit(order, attempt.memory), provider)
                crashpoint("generator.after_submit")
                if isinstance(drawn, Ticket):
                    await self._submitted(attempt, positions, drawn)
                    drawn = await self._timed(provider.collect(drawn, order, attempt.memory), provider)
        except Fault as fault:
            self._order_failed(attempt, positions, fault, bill)
        else:
            await self._keep(attempt, bill, drawn)

    def _bill(self, run: Run, route: Route, number: int, positions: Sequence[int]) -> Bill:
        """Write down an order, before it goes out, with what it will cost if all of it is sold."""
        is_free = self._router.provider(route.provider).free_to_repeat
        count = len(positions)
        bill = Bill(
            number,
            tuple(positions),
            route.provider,
            route.upstream_model,
            self._cost(run, route, count, None),
            count,
            is_free=is_free,
        )
        run.gathered.bills.append(bill)
        return bill

    def _cost(self, run: Run, route: Route, count: int, drawn: Drawn | None) -> Cost:
        if run.task.billed_to_owner:
            return OWN_KEY
        quality = route.options.get("quality", run.draw.quality)
        if drawn is None:
            return self._costs.expected(route.provider, route.upstream_model, run.draw, quality=quality, count=count)
        return self._costs.told(route.provider, route.upstream_model, run.draw, drawn, quality=quality, count=count)

    async def _secret(self, attempt: Attempt) -> str | None:
        """The key to order with. A stored one is read at this moment: it may have been deleted. Raises UpstreamFault."""
        if not attempt.run.task.own_key:
            return attempt.secret
        account_id, provider = attempt.run.job.account_id, attempt.route.provider
        return await persist(lambda: self._own_keys.secret(account_id, provider))

    def _stay(self, attempt: Attempt) -> AbstractAsyncContextManager[Stay]:
        run = attempt.run
        until = Deadline.after((run.job.deadline_at - datetime.now(UTC)).total_seconds())
        return self._router.stay(attempt.route, run.job.account_id, own_key=run.task.billed_to_owner, until=until)

    async def _timed(self, call: Awaitable[T], provider: Provider) -> T:
        started_at, outcome = time.perf_counter(), "CANCELLED"
        try:
            answer = await _plugin(call, provider)
            outcome = OK
        except UpstreamFault as fault:
            outcome = fault.reason_name
            raise
        finally:
            self._observe(provider.name, outcome, time.perf_counter() - started_at)
        return answer

    async def _begin(self, attempt: Attempt) -> None:
        async with attempt.beginning:
            if attempt.begun:
                return
            run = attempt.run
            intent = Beginning(
                run.job.id,
                run.task.index,
                run.lease_token,
                attempt.number,
                attempt.route.provider,
                attempt.route.upstream_model,
                attempt.replica,
                datetime.now(UTC),
                run.job.available_micros,
            )
            if not await until_done(self._steps.begin, intent):
                raise LeaseLost(run.task.id)
            attempt.begun = True
            run.began(run, intent)
            crashpoint("generator.after_submitting")

    async def _submitted(self, attempt: Attempt, positions: Sequence[int], ticket: Ticket) -> None:
        run, route = attempt.run, attempt.route
        attempt.tickets.append(Ticketed(route.provider, route.upstream_model, tuple(positions), ticket.data))
        step = Submission(run.job.id, run.task.index, run.lease_token, written_tickets(attempt.tickets))
        if not await until_done(self._steps.submit, step):
            raise LeaseLost(run.task.id)
        crashpoint("generator.after_submitted")

    async def _keep(self, attempt: Attempt, bill: Bill, drawn: Drawn) -> None:
        gathered, route, positions = attempt.run.gathered, attempt.route, bill.positions
        gathered.take(drawn, route.provider)
        came = dict(zip(positions, drawn.pictures, strict=False))
        gathered.arrived.update(came)
        provider = self._router.provider(route.provider)
        missing = dict(zip(positions[len(came) :], _explained(drawn, route.provider), strict=False))
        for position, fault in missing.items():
            self._failed(attempt, (position,), fault)
        free = provider.free_to_repeat
        bill.sold_count -= sum(not lifecycle.is_loss(fault, free_to_repeat=free) for fault in missing.values())
        bill.cost = self._cost(attempt.run, route, bill.sold_count, drawn)
        if came:
            self._router.succeeded(route, own_key=attempt.run.task.billed_to_owner)
        origin = Origin(route.provider, drawn.upstream_model, provider.trained)
        keeping = [self._keep_one(attempt, bill, position, pixels, origin) for position, pixels in came.items()]
        await _together(keeping)

    async def _keep_one(self, attempt: Attempt, bill: Bill, position: int, pixels: Pixels, origin: Origin) -> None:
        run = attempt.run
        try:
            source = attempt.inputs[0] if attempt.inputs else None
            kept, warnings = await self._keeper.keep(run.job, run.task, position, pixels, origin, source=source)
        except Fault as fault:
            self._failed(attempt, (position,), fault)
        else:
            bill.kept_count += run.ending is None
            run.gathered.pictures[position] = kept
            run.gathered.warn(warnings)
        finally:
            run.gathered.arrived.discard(position)

    def _order_failed(self, attempt: Attempt, positions: Sequence[int], fault: Fault, bill: Bill | None) -> None:
        free = self._router.provider(attempt.route.provider).free_to_repeat
        if bill is not None and not lifecycle.is_loss(fault, free_to_repeat=free):
            bill.sold_nothing()
        self._failed(attempt, positions, fault)

    def _failed(self, attempt: Attempt, positions: Sequence[int], fault: Fault) -> None:
        """Note why there are no pictures at these positions."""
        if isinstance(fault, UpstreamFault):
            self._router.failed(attempt.route, fault, own_key=attempt.run.task.billed_to_owner)
        for position in positions:
            attempt.run.gathered.faults[position] = fault


def _explained(drawn: Drawn, provider: str) -> Iterator[Fault]:
    """A fault for each picture that an order did not bring, however few the vendor explained."""
    unexplained = UpstreamFault(
        reasons.REASON_UPSTREAM_FAILED,
        "The upstream delivered fewer pictures than were ordered.",
        bought=Bought.YES,
        retryable=False,
        details={"provider": provider},
    )
    return itertools.chain(drawn.faults, itertools.repeat(unexplained))


async def _plugin(call: Awaitable[T], provider: Provider) -> T:
    """Await a provider; what it raises beside UpstreamFault is its bug, and leaves the purchase in doubt."""
    try:
        return await call
    except UpstreamFault:
        raise
    except Exception as error:
        _log.exception("the provider %s failed in a way that it did not classify", provider.name)
        raise UpstreamFault(
            reasons.REASON_UPSTREAM_FAILED,
            "The upstream failed in an unexpected way.",
            bought=Bought.UNKNOWN,
            retryable=True,
            details={"provider": provider.name},
        ) from error


async def _together(work: Sequence[Coroutine[Any, Any, None]]) -> None:
    """Run all to their end, and raise what the first of them raised; one alone needs no task of its own."""
    if len(work) == 1:
        await work[0]
        return
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
