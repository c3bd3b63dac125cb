"""Steps 3 and 4: a task's missing pictures are ordered on one route, in as many orders as it takes, and kept as they come.

An order is sent while it has a place at its provider and its inputs are at hand. Once its vendor has taken it into a queue, both
are let go: what waits is a ticket.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from generator import lifecycle
from generator.attempts import Attempt, Show
from generator.budgets import NotPlaced, Stay
from generator.callbacks import Callbacks
from generator.costs import OWN_KEY, Bill, Cost, CostBook
from generator.keeping import Keeper, Origin
from generator.memory import Portion
from generator.own_keys import OwnKeys
from generator.providers.base import Bought, Callback, Drawn, Pixels, Provider, Ticket, UpstreamFault
from generator.providers.deadline import Deadline
from generator.reconciling import Reconciler
from generator.records import TaskRecord
from generator.router import Route, Router
from generator.runs import Run
from generator.steps import LeaseLost, Steps, persist, until_done
from generator.store.tasks import Beginning, Submission
from generator.tickets import Ticketed, written_tickets
from gesso.errors.v1 import reason_pb2 as reasons
from servicekit.calls import OK
from servicekit.crashpoints import crashpoint
from servicekit.faults import Fault

T = TypeVar("T")

Observe = Callable[[str, str, float], None]
"""Provider, OK or a fault's name, seconds."""
_log = logging.getLogger(__name__)


def is_free(router: Router, task: TaskRecord) -> bool:
    """Whether the order that a task has placed may be placed again for nothing; never where its provider is gone."""
    try:
        return bool(task.provider) and router.provider(task.provider).free_to_repeat
    except KeyError:
        return False


@dataclass(slots=True)
class _Placing:
    """One order on its way; `bill` stands from the moment that it may cost something."""

    attempt: Attempt
    positions: tuple[int, ...]
    memory: Portion
    bill: Bill | None = None


class Orders:
    """Places and collects orders. Faults of an order stand at its positions; only LeaseLost is raised."""

    def __init__(
        self,
        steps: Steps,
        router: Router,
        keeper: Keeper,
        own_keys: OwnKeys,
        costs: CostBook,
        reconciler: Reconciler,
        callbacks: Callbacks,
        *,
        observe: Observe,
        show: Show,
    ) -> None:
        """`observe` is told how long each order took, and how it ended; `show` shows an unfinished picture."""
        self._costs = costs
        self._reconciler = reconciler
        self._callbacks = callbacks
        self._show = show
        self._own_keys = own_keys
        self._steps = steps
        self._router = router
        self._keeper = keeper
        self._observe = observe

    async def place(self, attempt: Attempt, positions: Sequence[int]) -> None:
        """Order the positions anew. The intent is durable before the first byte goes out."""
        await _together([self._filled(attempt, order, self._placed) for order in attempt.batches(positions)])

    async def collect(self, attempt: Attempt, ticketed: Ticketed) -> None:
        """Wait for the pictures of an order that was accepted before."""

        async def collected(placing: _Placing) -> Drawn:
            self._bill(placing)
            with self._router.resumed(ticketed.provider, attempt.account_id, own_key=attempt.own_key):
                return await self._collected(placing, ticketed)

        await self._filled(attempt, ticketed.positions, collected)

    async def reconcile(self, attempt: Attempt, positions: Sequence[int], since: datetime) -> None:
        """Find out what became of orders that a worker, now dead, set out to place at `since` or later."""

        async def found(placing: _Placing) -> Drawn:
            self._bill(placing)
            ticketed = await self._found(placing, since, _in_doubt(attempt.route.provider))
            return await self._collected(placing, ticketed)

        await _together([self._filled(attempt, order, found) for order in attempt.batches(positions)])

    async def _filled(
        self, attempt: Attempt, positions: tuple[int, ...], draw: Callable[[_Placing], Awaitable[Drawn]]
    ) -> None:
        """Fill the positions of one order with what `draw` brings, or with why it brings nothing."""
        placing = _Placing(attempt, positions, attempt.memory.portion())
        with attempt.run.ordering():
            try:
                drawn = await draw(placing)
            except Fault as fault:
                self._order_failed(placing, fault)
            else:
                await self._keep(placing, drawn)
            finally:
                placing.memory.give_back()

    async def _placed(self, placing: _Placing) -> Drawn:
        attempt = placing.attempt
        until = Deadline.after((attempt.run.job.deadline_at - datetime.now(UTC)).total_seconds())
        async with self._router.stay(attempt.route, attempt.account_id, own_key=attempt.own_key, until=until) as stay:
            answer = await self._answered(placing, stay)
            if isinstance(answer, Drawn):
                return answer
            placing.memory.give_back()
            stay.sent()
            return await self._collected(placing, answer)

    async def _answered(self, placing: _Placing, stay: Stay) -> Drawn | Ticketed:
        """What the vendor answered, or what it says of an order whose answer was lost."""
        since = datetime.now(UTC)
        try:
            answer = await self._sent(placing, stay)
        except UpstreamFault as fault:
            if fault.bought is Bought.NO or (fault.bought is Bought.YES and not self._lists(placing)):
                raise
            stay.answered(taken=fault.bought is Bought.YES)
            return await self._found(placing, since, fault)
        crashpoint("generator.after_submit")
        return answer if isinstance(answer, Drawn) else await self._submitted(placing, answer)

    async def _sent(self, placing: _Placing, stay: Stay) -> Drawn | Ticket:
        attempt = placing.attempt
        provider = self._router.provider(attempt.route.provider)
        async with attempt.material.at_hand() as pictures:
            if attempt.run.ending is not None:
                raise _too_late(provider.name)
            await self._begin(attempt)
            secret = await self._secret(attempt)
            callback = self._callback(attempt, placing.positions, secret)
            order = attempt.order(placing.positions, secret, self._show, pictures, stay.told, callback)
            self._bill(placing)
            return await self._timed(provider.submit(order, placing.memory), provider)

    async def _collected(self, placing: _Placing, ticketed: Ticketed) -> Drawn:
        attempt = placing.attempt
        provider = self._router.provider(ticketed.provider)
        try:
            secret = await self._secret(attempt)
        except UpstreamFault as fault:  # the purchase stands, and its key is gone
            raise _paid(fault) from None
        callback = self._callback(attempt, ticketed.positions, secret)
        order = attempt.order(ticketed.positions, secret, self._show, callback=callback)
        with attempt.run.waiting():
            return await self._timed(provider.collect(Ticket(ticketed.data), order, placing.memory), provider)

    def _callback(self, attempt: Attempt, positions: Sequence[int], secret: str | None) -> Callback | None:
        """Where the vendor is to call; not of an order on an own key, whose calls are signed for the account that owns it."""
        if secret is not None:
            return None
        return self._callbacks.of(attempt.route.provider, attempt.run.task.id, positions[0])

    async def _found(self, placing: _Placing, since: datetime, doubt: UpstreamFault) -> Ticketed:
        """The order as the vendor took it, which may have said that it did in an answer of which no more could be read.

        Raises `doubt` where nobody can tell, and a fault, not bought, where the vendor has not heard of it.
        """
        attempt = placing.attempt
        provider = attempt.route.provider
        finder = self._router.finder(provider)
        if finder is None:
            raise doubt
        try:
            order = attempt.order(placing.positions, await self._secret(attempt), self._show)
            async with self._reconciler.found(provider, finder, order, since) as ticket:
                if ticket is not None:
                    return await self._submitted(placing, ticket)
        except UpstreamFault as fault:
            _log.warning("%s could not say what became of an order: %s", provider, fault.reason_name)
            raise doubt from None
        raise doubt if doubt.bought is Bought.YES else _never_taken(provider)

    def _lists(self, placing: _Placing) -> bool:
        return self._router.finder(placing.attempt.route.provider) is not None

    def _bill(self, placing: _Placing) -> None:
        """Write down an order, before it goes out, with what it will cost if all of it is sold."""
        run, route = placing.attempt.run, placing.attempt.route
        is_free = self._router.provider(route.provider).free_to_repeat
        count = len(placing.positions)
        placing.bill = Bill(
            placing.attempt.number,
            placing.positions,
            route.provider,
            route.upstream_model,
            self._cost(run, route, count, None),
            count,
            is_free=is_free,
        )
        run.gathered.bills.append(placing.bill)

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
        return await persist(lambda: self._own_keys.secret(attempt.account_id, attempt.route.provider))

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

    async def _submitted(self, placing: _Placing, ticket: Ticket) -> Ticketed:
        run, route = placing.attempt.run, placing.attempt.route
        ticketed = Ticketed(route.provider, route.upstream_model, placing.positions, ticket.data)
        run.tickets.append(ticketed)
        step = Submission(run.job.id, run.task.index, run.lease_token, written_tickets(run.tickets))
        if not await until_done(self._steps.submit, step):
            raise LeaseLost(run.task.id)
        crashpoint("generator.after_submitted")
        return ticketed

    async def _keep(self, placing: _Placing, drawn: Drawn) -> None:
        attempt, positions = placing.attempt, placing.positions
        gathered, route = attempt.run.gathered, attempt.route
        gathered.take(drawn, route.provider)
        came = dict(zip(positions, drawn.pictures, strict=False))
        gathered.arrived.update(came)
        provider = self._router.provider(route.provider)
        missing = dict(zip(positions[len(came) :], _explained(drawn, route.provider), strict=False))
        for position, fault in missing.items():
            self._failed(attempt, (position,), fault)
        free = provider.free_to_repeat
        bill = _of(placing)
        bill.sold_count -= sum(not lifecycle.is_loss(fault, free_to_repeat=free) for fault in missing.values())
        bill.cost = self._cost(attempt.run, route, bill.sold_count, drawn)
        if came and attempt.is_judged:
            self._router.succeeded(route, own_key=attempt.own_key)
        origin = Origin(route.provider, drawn.upstream_model, provider.trained)
        await _together([self._keep_one(placing, position, pixels, origin) for position, pixels in came.items()])

    async def _keep_one(self, placing: _Placing, position: int, pixels: Pixels, origin: Origin) -> None:
        attempt, run = placing.attempt, placing.attempt.run
        try:
            kept, warnings = await self._keeper.keep(run.job, run.task, position, pixels, origin, attempt.material)
        except Fault as fault:
            self._failed(attempt, (position,), fault)
        else:
            _of(placing).kept_count += run.ending is None and not run.task.ended
            run.gathered.pictures[position] = kept
            run.gathered.warn(warnings)
        finally:
            run.gathered.arrived.discard(position)

    def _order_failed(self, placing: _Placing, fault: Fault) -> None:
        attempt = placing.attempt
        free = self._router.provider(attempt.route.provider).free_to_repeat
        if placing.bill is not None and not lifecycle.is_loss(fault, free_to_repeat=free):
            placing.bill.sold_nothing()
        self._failed(attempt, placing.positions, fault)

    def _failed(self, attempt: Attempt, positions: Sequence[int], fault: Fault) -> None:
        """Note why there are no pictures at these positions."""
        if isinstance(fault, UpstreamFault) and attempt.is_judged:
            self._router.failed(attempt.route, fault, own_key=attempt.own_key, is_repeat=attempt.is_repeat)
        for position in positions:
            attempt.run.gathered.faults[position] = fault


def _of(placing: _Placing) -> Bill:
    assert placing.bill is not None, "what brings pictures was placed"
    return placing.bill


def _in_doubt(provider: str) -> UpstreamFault:
    fault = lifecycle.outcome_unknown(provider)
    return UpstreamFault(fault.reason, fault.message, bought=Bought.UNKNOWN, retryable=False, details=fault.details)


def _paid(fault: UpstreamFault) -> UpstreamFault:
    return UpstreamFault(fault.reason, fault.message, bought=Bought.YES, retryable=False, details=fault.details)


def _never_taken(provider: str) -> UpstreamFault:
    return UpstreamFault(
        reasons.REASON_UPSTREAM_FAILED,
        f"The upstream {provider} has not received the order.",
        bought=Bought.NO,
        retryable=True,
        details={"provider": provider},
    )


def _too_late(provider: str) -> NotPlaced:
    message = "The job ended before the order was placed."
    return NotPlaced(reasons.REASON_TIMEOUT, message, provider=provider, retry_after_seconds=1.0)


def _explained(drawn: Drawn, provider: str) -> Iterator[Fault]:
    """A fault for each picture that an order did not bring, however few the vendor explained."""
    yield from drawn.faults
    unexplained = UpstreamFault(
        reasons.REASON_UPSTREAM_FAILED,
        "The upstream delivered fewer pictures than were ordered.",
        bought=Bought.YES,
        retryable=False,
        details={"provider": provider},
    )
    yield from itertools.repeat(unexplained)


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
