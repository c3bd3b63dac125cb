"""A task is drawn in at most three attempts: what may be ordered again is, on the next route, until all is there."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from generator import lifecycle
from generator.attempts import Attempt
from generator.inputs import Inputs
from generator.kept_secrets import KeptSecrets
from generator.material import Material
from generator.memory import PictureMemory, Reservation
from generator.orders import Orders, is_free
from generator.own_keys import OwnKeys
from generator.records import ORDERED_TASK_STATES
from generator.replica import Replica
from generator.router import Route, Router
from generator.runs import Run
from generator.steps import persist
from generator.store import tasks
from generator.tickets import Ticketed
from servicekit.database import Database
from servicekit.faults import Fault, Unavailable, to_proto


@dataclass(frozen=True, slots=True)
class _Brief:
    """What all attempts at a task have in common."""

    memory: Reservation
    material: Material
    secret: str | None = field(repr=False)


class Drawing:
    """Draws tasks. Whatever goes wrong with a picture stands at its position of what was gathered; only LeaseLost is raised."""

    def __init__(
        self,
        *,
        database: Database,
        router: Router,
        orders: Orders,
        inputs: Inputs,
        secrets: KeptSecrets,
        own_keys: OwnKeys,
        memory: PictureMemory,
        replica: Replica,
        salvage_seconds: float,
    ) -> None:
        self._database = database
        self._router = router
        self._orders = orders
        self._inputs = inputs
        self._secrets = secrets
        self._own_keys = own_keys
        self._memory = memory
        self._replica = replica
        self._salvage_seconds = salvage_seconds

    def is_free(self, run: Run) -> bool:
        """Whether the run's order may be placed twice for nothing."""
        return is_free(self._router, run.task)

    async def draw(self, run: Run) -> None:
        """Fill `run.gathered` as far as it goes. Raises LeaseLost."""
        with self._memory.reserved() as memory:
            try:
                secret = self._secrets.open(run.task)
            except Fault as fault:
                _close(run, fault)
                return
            brief = _Brief(memory, Material(self._inputs, run.job, run.draw, memory), secret)
            tried: list[Route] = []
            if run.task.state in ORDERED_TASK_STATES:
                await self._resume(run, brief, tried)
            await self._order(run, brief, tried)

    async def collect(self, run: Run, seconds: float) -> None:
        """Look once more after orders of a task that has ended; what comes stands in `run.gathered`."""
        with self._memory.reserved() as memory:
            brief = _Brief(memory, Material(self._inputs, run.job, run.draw, memory), None)
            await asyncio.gather(*(self._collect(run, brief, ticket, seconds) for ticket in run.tickets))

    async def _order(self, run: Run, brief: _Brief, tried: list[Route]) -> None:
        while run.ending is None and (positions := run.gathered.open_positions(run.draw.n)):
            try:
                route = next_route(await self._routes(run), tried)
            except Fault as fault:
                _close(run, fault)
                return
            attempt = self._attempt(run, brief, route, run.task.attempt_count + 1)
            attempt.is_repeat = route in tried
            await self._orders.place(attempt, positions)
            tried.append(route)
            await self._reopen(run, attempt, positions, tried)

    async def _resume(self, run: Run, brief: _Brief, tried: list[Route]) -> None:
        """Go on where another worker stopped: collect what its vendors have, and find out what became of the rest."""
        positions = run.gathered.open_positions(run.draw.n)
        await asyncio.gather(*(self._collect(run, brief, ticket) for ticket in run.tickets))
        route = await self._route_of(run, run.task.provider, run.task.upstream_model)
        attempt = self._attempt(run, brief, route, run.task.attempt_count)
        attempt.is_judged = False
        rest = run.gathered.open_positions(run.draw.n)
        if rest and not self.is_free(run):
            await self._orders.reconcile(attempt, rest, run.job.started_at or run.job.created_at)
        tried.append(route)
        await self._reopen(run, attempt, positions, tried)

    async def _routes(self, run: Run) -> Sequence[Route]:
        """Who may draw the task now. Raises as the router does."""
        if not run.task.own_key:
            return self._router.routes(run.draw)
        stored = await persist(lambda: self._own_keys.stored(run.job.account_id))
        return self._router.routes(run.draw, stored, account_id=run.job.account_id)

    async def _reopen(self, run: Run, attempt: Attempt, positions: Sequence[int], tried: Sequence[Route]) -> None:
        """Forget the faults of what may be ordered again, when the time for it has come."""
        faults = run.gathered.faults
        free = self._router.provider(attempt.route.provider).free_to_repeat
        again = [
            position
            for position in positions
            if position in faults
            and lifecycle.may_repeat(faults[position], attempt=attempt.number, free_to_repeat=free)
        ]
        if not again or run.ending is not None or len(tried) >= lifecycle.MOST_ATTEMPTS:
            return
        try:
            following = next_route(await self._routes(run), tried)
        except Fault:  # nobody is left: why the last one failed says more
            return
        if following in tried:
            again = [position for position in again if not lifecycle.is_lasting(faults[position])]
        if not again:
            return
        await self._note(attempt, faults[again[0]])
        if following in tried:
            pause = lifecycle.pause_seconds(attempt.number, faults[again[0]], chance=random.random())  # noqa: S311
            await asyncio.sleep(pause)
        for position in again:
            del faults[position]

    async def _collect(self, run: Run, brief: _Brief, ticketed: Ticketed, seconds: float | None = None) -> None:
        route = await self._route_of(run, ticketed.provider, ticketed.upstream_model)
        attempt = self._attempt(run, brief, route, run.task.attempt_count)
        if seconds is not None:
            attempt.deadline_seconds, attempt.is_judged = seconds, False
        await self._orders.collect(attempt, ticketed)

    async def _route_of(self, run: Run, provider: str, upstream_model: str) -> Route:
        """The route on which an order was placed; one that has left the catalogue is still collected from."""
        try:
            routes = await self._routes(run)
        except Fault:
            routes = ()
        same = (route for route in routes if (route.provider, route.upstream_model) == (provider, upstream_model))
        return next(same, Route(provider, upstream_model, {}, 1))

    def _attempt(self, run: Run, brief: _Brief, route: Route, number: int) -> Attempt:
        left = (run.job.deadline_at - datetime.now(UTC)).total_seconds()
        return Attempt(
            run=run,
            route=route,
            number=number,
            memory=brief.memory,
            replica=self._replica.id,
            deadline_seconds=max(left, 0.0) + self._salvage_seconds,
            material=brief.material,
            secret=brief.secret,
        )

    async def _note(self, attempt: Attempt, fault: Fault) -> None:
        task = attempt.run.task
        try:
            await tasks.note_fault(self._database, task.job_id, task.index, attempt.number, to_proto(fault))
        except Unavailable:  # a note for people; the next intent matters more
            return


def next_route(routes: Sequence[Route], tried: Sequence[Route]) -> Route:
    """The most preferred route that has not been tried; with all tried, the one whose turn was longest ago."""
    untried = next((route for route in routes if route not in tried), None)
    if untried is not None:
        return untried
    return min(routes, key=lambda route: max(i for i, other in enumerate(tried) if other == route))


def _close(run: Run, fault: Fault) -> None:
    for position in run.gathered.open_positions(run.draw.n):
        run.gathered.faults[position] = fault
