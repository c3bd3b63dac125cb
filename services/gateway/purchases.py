"""Where all dialects end: an order's pictures are brought in, its purchase is submitted, waited for and worded; a job is fetched.

No job runs here: whoever waits may leave, and the job goes on.
"""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

import grpc.aio

from gateway import asked
from gateway.addresses import Addresses
from gateway.clients.callers import Callers
from gateway.clients.desk import CallersDesk, Services
from gateway.clients.generator import Submission, Submitted
from gateway.dialects.base import Buy, Updates
from gateway.job_ids import job_name
from gateway.jobs import has_ended
from gateway.orders import Order, fingerprint
from gateway.visit import Visit
from gateway.wire import Event, Reply, event_reply
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import FindJobRequest, Job, Purchase
from servicekit.crashpoints import crashpoint
from servicekit.faults import Fault, from_proto

Events = Callable[[Updates, Addresses], AsyncIterator[Event]]


@dataclass(frozen=True, slots=True)
class _Manner:
    """How this purchase is answered."""

    asked: asked.Manner
    at_once: bool
    events: Events | None

    @property
    def watches(self) -> bool:
        return not (self.asked.dry_run or self.at_once)


class Purchases:
    """Buys and shows jobs on behalf of visits; `addresses` by dialect."""

    def __init__(self, services: Services, callers: Callers, addresses: Mapping[str, Addresses]) -> None:
        self._services = services
        self._generator = services.generator
        self._callers = callers
        self._addresses = addresses

    async def buy(self, visit: Visit, route: str, action: Buy, order: Order) -> Reply:
        """Submit an order's purchase under the name of its route, and answer as its manner asks. Raises Fault."""
        wishes = asked.manner(visit.ask)
        at_once = wishes.respond_async or order.respond_async or not action.waits
        manner = _Manner(wishes, at_once, events=action.events if order.stream and not at_once else None)
        purchase = order.purchase
        self._complete(order, visit, route, wishes)
        if order.inputs or order.secrets or order.check:
            standing = await self._standing(visit, purchase)
            if standing is not None:
                visit.replayed = True
                return await self._answer(visit, standing, manner, told_by=0)
            await self._prepare(visit, order)
        stream = self._generator.watch.proven_stream
        result = await self._submit(visit, purchase, manner)
        if result.HasField("quote"):
            return visit.dialect.quoted(result.quote)
        visit.replayed = result.replayed
        return await self._answer(visit, result.job, manner, told_by=0 if result.replayed else stream)

    async def _submit(self, visit: Visit, purchase: Purchase, manner: _Manner) -> Submitted:
        submission = Submission(
            caller_token=visit.caller.token,
            purchase=purchase,
            dry_run=manner.asked.dry_run,
            watch_id=self._generator.watch.id if manner.watches else "",
        )
        crashpoint("gateway.before_submit")
        try:
            result = await self._generator.submit(submission)
        except Fault as fault:
            visit.purchase_began = not manner.asked.dry_run and may_have_arrived(fault)
            raise
        crashpoint("gateway.after_submit")
        if result.HasField("fault"):
            raise from_proto(result.fault)
        return result

    def _complete(self, order: Order, visit: Visit, route: str, wishes: asked.Manner) -> None:
        """Add what is the same in every dialect; the fingerprint is of what the dialect parsed, without secrets."""
        purchase = order.purchase
        purchase.fingerprint = fingerprint(order)
        purchase.request_id = visit.request_id
        purchase.dialect = visit.dialect.name
        purchase.route = route
        purchase.idempotency_key = "" if wishes.dry_run else wishes.idempotency_key
        purchase.join_recent = wishes.join_recent
        purchase.traceparent = visit.traceparent

    async def _standing(self, visit: Visit, purchase: Purchase) -> Job | None:
        """The job of an earlier try, before anything is fetched again: what it was drawn from may be gone by now."""
        if not (purchase.idempotency_key or purchase.join_recent):
            return None
        return await self._generator.find(
            FindJobRequest(
                caller_token=visit.caller.token,
                dialect=purchase.dialect,
                route=purchase.route,
                idempotency_key=purchase.idempotency_key,
                fingerprint=purchase.fingerprint,
                join_recent=purchase.join_recent,
            )
        )

    async def _prepare(self, visit: Visit, order: Order) -> None:
        """Check, bring the pictures in and seal the keys; the caller's token may have run out meanwhile."""
        purchase, desk = order.purchase, CallersDesk(self._services, visit.visitor, self._addresses[visit.dialect.name])
        if order.check is not None:
            await order.check(desk)
        if order.inputs:
            images = await self._services.gallery.bring_in(visit.caller, visit.creation_id, order.inputs)
            await order.complete(purchase, images, desk)
            visit.caller = await self._callers.caller(visit.key)
        for secret in order.secrets:
            draw = purchase.draws[secret.draw_index]
            draw.sealed_secret = await self._generator.sealed(secret.key)
            draw.sealed_for = secret.provider

    async def _answer(self, visit: Visit, job: Job, manner: _Manner, *, told_by: int) -> Reply:
        visit.job, visit.purchase_began = job, True
        addresses = self._addresses[visit.dialect.name]
        if manner.events is not None:
            return event_reply(manner.events(self._updates(visit, job), addresses))
        if not manner.at_once:
            return await self._wait(visit, job, told_by=told_by)
        reply = visit.dialect.accepted(job, addresses)
        applied = manner.asked.respond_async and reply.status == HTTPStatus.ACCEPTED
        return reply.bearing({"Preference-Applied": "respond-async"}) if applied else reply

    async def _wait(self, visit: Visit, job: Job, *, told_by: int) -> Reply:
        addresses = self._addresses[visit.dialect.name]
        if not has_ended(job):
            deadline = visit.started_at + visit.dialect.wait_seconds
            ended = await self._generator.watch.wait(
                job.id, deadline, ask=lambda: self._fetch(visit, job.id), told_by=told_by
            )
            if ended is None:
                return visit.dialect.overdue(job, addresses)
            visit.job = job = ended
        return visit.dialect.finished(job, addresses)

    async def show(self, visit: Visit, name: str) -> Reply:
        """The caller's job, in the words of the dialect that asks. Raises Fault NOT_FOUND, or the job's own."""
        job = await self._shown(visit, name)
        addresses = self._addresses[visit.dialect.name]
        if has_ended(job):
            return visit.dialect.shown(job, addresses)
        return visit.dialect.unfinished(job, addresses)

    async def cancel(self, visit: Visit, name: str) -> Reply:
        """End what has not started of a job. Raises Fault NOT_FOUND, CONFLICT where it has ended."""
        visit.job = job = await self._generator.cancel(visit.caller.token, job_name(name))
        return visit.dialect.cancelled(job, self._addresses[visit.dialect.name])

    async def follow(self, visit: Visit, name: str, events: Events) -> Reply:
        """What happens to a job, as events, after the one that was seen last. Raises Fault NOT_FOUND."""
        job = await self._shown(visit, name)
        seen = visit.ask.headers.get("Last-Event-ID", "")
        return event_reply(_after(seen, events(self._updates(visit, job), self._addresses[visit.dialect.name])))

    async def _shown(self, visit: Visit, name: str) -> Job:
        visit.job = job = await self._fetch(visit, name)
        visit.purchase_began = True
        return job

    async def _updates(self, visit: Visit, job: Job) -> AsyncGenerator[Job, None]:
        """The job at each change; what the answer's headers say of it is from the change that begins the answer."""
        follow = self._generator.watch.follow(job, ask=lambda: self._fetch(visit, job.id))
        async with contextlib.aclosing(follow) as updates:
            async for news in updates:
                visit.job = news
                yield news

    async def _fetch(self, visit: Visit, name: str) -> Job:
        """Ask with a fresh caller token: a wait may be longer than a token is valid."""
        wanted = job_name(name)
        caller = await self._callers.caller(visit.key)
        return await self._generator.job(caller.token, wanted)


async def _after(seen: str, events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    """The events after the one with this id. Ids of one job's events count up; what is no such id skips nothing."""
    last = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 19 else 0
    async for event in events:
        if not event.id.isdigit() or int(event.id) > last:
            yield event


_NEVER_SENT = "failed to connect"


def may_have_arrived(fault: Fault) -> bool:
    """Whether a submission that got no answer may still have reached the generator: then nobody should blindly repeat it."""
    if fault.reason == pb.REASON_TIMEOUT:
        return True
    cause = fault.__cause__
    if fault.reason == pb.REASON_UNAVAILABLE and isinstance(cause, grpc.aio.AioRpcError):
        return _NEVER_SENT not in (cause.details() or "")
    return False
