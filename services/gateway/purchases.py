"""Where all dialects end: a purchase is submitted, waited for and worded; a job is fetched.

No job runs here: whoever waits may leave, and the job goes on.
"""

import hashlib
from collections.abc import Mapping

import grpc.aio

from gateway import asked
from gateway.addresses import Addresses
from gateway.clients.callers import Callers
from gateway.clients.generator import Generator, Submission
from gateway.jobs import has_ended
from gateway.visit import Visit
from gateway.wire import Reply
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import Job, Purchase
from servicekit.crashpoints import crashpoint
from servicekit.faults import Fault, NotFound, from_proto
from servicekit.ids import is_id


class Purchases:
    """Buys and shows jobs on behalf of visits; `addresses` by dialect."""

    def __init__(self, generator: Generator, callers: Callers, addresses: Mapping[str, Addresses]) -> None:
        self._generator = generator
        self._callers = callers
        self._addresses = addresses

    async def buy(self, visit: Visit, route: str, purchase: Purchase) -> Reply:
        """Submit a purchase under the name of its route, and answer as its manner asks. Raises Fault."""
        manner = asked.manner(visit.ask)
        self._complete(purchase, visit, route, manner)
        waits = not (manner.dry_run or manner.respond_async)
        submission = Submission(
            caller_token=visit.caller.token,
            purchase=purchase,
            dry_run=manner.dry_run,
            watch_id=self._generator.watch.id if waits else "",
        )
        stream = self._generator.watch.proven_stream
        crashpoint("gateway.before_submit")
        try:
            result = await self._generator.submit(submission)
        except Fault as fault:
            visit.purchase_began = not manner.dry_run and may_have_arrived(fault)
            raise
        crashpoint("gateway.after_submit")
        if result.HasField("fault"):
            raise from_proto(result.fault)
        if result.HasField("quote"):
            return visit.dialect.quoted(result.quote)
        visit.job, visit.purchase_began, visit.replayed = result.job, True, result.replayed
        if not waits:
            return self._accept(visit, result.job)
        return await self._wait(visit, result.job, told_by=0 if result.replayed else stream)

    def _complete(self, purchase: Purchase, visit: Visit, route: str, manner: asked.Manner) -> None:
        """Add what is the same in every dialect; the fingerprint is of what the dialect parsed, without secrets."""
        purchase.fingerprint = fingerprint(purchase)
        purchase.request_id = visit.request_id
        purchase.dialect = visit.dialect.name
        purchase.route = route
        purchase.idempotency_key = "" if manner.dry_run else manner.idempotency_key
        purchase.join_recent = manner.join_recent
        purchase.traceparent = visit.traceparent

    def _accept(self, visit: Visit, job: Job) -> Reply:
        reply = visit.dialect.accepted(job, self._addresses[visit.dialect.name])
        return reply.bearing({"Preference-Applied": "respond-async"})

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

    async def show(self, visit: Visit, job_id: str) -> Reply:
        """The caller's job, in the words of the dialect that asks. Raises Fault NOT_FOUND, or the job's own."""
        if not is_id("job", job_id):
            raise NotFound("job", job_id)
        visit.job = job = await self._fetch(visit, job_id)
        visit.purchase_began = True
        addresses = self._addresses[visit.dialect.name]
        if has_ended(job):
            return visit.dialect.finished(job, addresses)
        return visit.dialect.unfinished(job, addresses)

    async def _fetch(self, visit: Visit, job_id: str) -> Job:
        """Ask with a fresh caller token: a wait may be longer than a token is valid."""
        caller = await self._callers.caller(visit.key)
        return await self._generator.job(caller.token, job_id)


def fingerprint(purchase: Purchase) -> bytes:
    """SHA-256 of the parsed request: draws, facts, where the result goes; never a secret."""
    if not any(draw.sealed_secret for draw in purchase.draws):
        return hashlib.sha256(purchase.SerializeToString(deterministic=True)).digest()
    public = Purchase()
    public.CopyFrom(purchase)
    for draw in public.draws:
        draw.ClearField("sealed_secret")
    return hashlib.sha256(public.SerializeToString(deterministic=True)).digest()


_NEVER_SENT = "failed to connect"


def may_have_arrived(fault: Fault) -> bool:
    """Whether a submission that got no answer may still have reached the generator: then nobody should blindly repeat it."""
    if fault.reason == pb.REASON_TIMEOUT:
        return True
    cause = fault.__cause__
    if fault.reason == pb.REASON_UNAVAILABLE and isinstance(cause, grpc.aio.AioRpcError):
        return _NEVER_SENT not in (cause.details() or "")
    return False
