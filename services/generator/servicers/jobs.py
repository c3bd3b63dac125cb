"""Purchases come in as messages, jobs and settlements go out."""

import asyncio
import logging
from collections.abc import AsyncIterator

from generator import views
from generator.admission import Admission
from generator.cancelling import Cancelling, owned_job
from generator.records import JobRecord, hold_id_of
from generator.store import reads
from generator.watches import Watches
from gesso.billing.v1.billing_pb2 import CallerClaims
from gesso.generator.v1 import generator_pb2 as pb
from gesso.generator.v1 import generator_pb2_grpc as rpc
from servicekit import calls
from servicekit.database import Database
from servicekit.faults import Fault, Internal, InvalidField, NotFound, to_proto
from servicekit.identity import OPERATOR
from servicekit.ids import is_id
from servicekit.objects import Objects
from servicekit.server import Context
from servicekit.tokens import open_token

_log = logging.getLogger(__name__)
_LARGEST_BATCH = 256


class JobsServicer(rpc.JobsServicer):
    """gesso.generator.v1.Jobs."""

    def __init__(
        self,
        database: Database,
        objects: Objects,
        admission: Admission,
        cancelling: Cancelling,
        watches: Watches,
        *,
        caller_token_key: bytes,
    ) -> None:
        self._database = database
        self._objects = objects
        self._admission = admission
        self._cancelling = cancelling
        self._watches = watches
        self._caller_token_key = caller_token_key
        self._admitting: set[asyncio.Task[pb.SubmitJobsResponse.SubmitJobResult]] = set()

    async def SubmitJobs(self, request: pb.SubmitJobsRequest, context: Context) -> pb.SubmitJobsResponse:
        """Admit each purchase for itself. A caller who leaves stops waiting; what it submitted goes on."""
        calls.note("items", len(request.submissions))
        if len(request.submissions) > _LARGEST_BATCH:
            raise InvalidField("submissions", f"At most {_LARGEST_BATCH} items go into one call.")
        admitting = [asyncio.create_task(self._submit(item)) for item in request.submissions]
        self._admitting.update(admitting)
        for task in admitting:
            task.add_done_callback(self._admitting.discard)
        if admitting:
            await asyncio.wait(admitting)
        return pb.SubmitJobsResponse(results=[task.result() for task in admitting])

    async def finish(self) -> None:
        """Wait until what was submitted has been admitted or refused."""
        while self._admitting:
            await asyncio.wait(tuple(self._admitting))

    async def WatchJobs(
        self, request_iterator: AsyncIterator[pb.WatchJobsRequest], context: Context
    ) -> AsyncIterator[pb.WatchJobsResponse]:
        """Tell one edge how its jobs fare."""
        async for response in self._watches.stream(request_iterator):
            yield response

    async def GetJob(self, request: pb.GetJobRequest, context: Context) -> pb.Job:
        """Return an account's job; to the operator, who bears no caller token, anybody's."""
        owner = self._owner(request.caller_token)
        return await self._message(await owned_job(self._database, owner, await self._named(request, owner)))

    async def FindJob(self, request: pb.FindJobRequest, context: Context) -> pb.FindJobResponse:
        """Answer a used idempotency key, or a client's own retry."""
        purchase = pb.Purchase(
            dialect=request.dialect,
            route=request.route,
            idempotency_key=request.idempotency_key,
            fingerprint=request.fingerprint,
            join_recent=request.join_recent,
        )
        job = await self._admission.find(self._claims(request.caller_token), purchase)
        return pb.FindJobResponse(job=await self._message(job) if job else None)

    async def ListJobs(self, request: pb.ListJobsRequest, context: Context) -> pb.ListJobsResponse:
        """List an account's jobs, newest first."""
        claims = self._claims(request.caller_token)
        limit = min(max(request.page_size, 1), 100) if request.page_size else 20
        before = _after(request.page_token)
        found, is_followed = await reads.page(
            self._database,
            claims.account_id,
            before=before,
            dialect=request.dialect,
            operations=request.operations,
            limit=limit,
        )
        return pb.ListJobsResponse(
            jobs=[await self._message(job) for job in found],
            next_page_token=found[-1].id if is_followed else "",
        )

    async def CancelJob(self, request: pb.CancelJobRequest, context: Context) -> pb.Job:
        """End what of a job has not begun; for the operator, who bears no caller token, of anybody's."""
        owner = self._owner(request.caller_token)
        return await self._message(await self._cancelling.cancel(owner, await self._named(request, owner)))

    async def ListSettlements(self, request: pb.ListSettlementsRequest, context: Context) -> pb.ListSettlementsResponse:
        """List what each job owes, oldest first."""
        limit = min(max(request.page_size, 1), 1000) if request.page_size else 100
        found = await reads.oldest(self._database, after=_after(request.page_token), limit=limit)
        return pb.ListSettlementsResponse(
            settlements=[_settlement(job) for job in found], next_page_token=found[-1].id if len(found) == limit else ""
        )

    async def _submit(self, item: pb.SubmitJobsRequest.Submission) -> pb.SubmitJobsResponse.SubmitJobResult:
        try:
            claims = self._claims(item.caller_token)
            if item.dry_run:
                return pb.SubmitJobsResponse.SubmitJobResult(quote=await self._quote(claims, item.purchase))
            admitted = await self._admission.admit(claims, item.purchase, item.watch_id)
            return pb.SubmitJobsResponse.SubmitJobResult(
                job=await self._message(admitted.job), replayed=admitted.replayed
            )
        except Fault as fault:
            return pb.SubmitJobsResponse.SubmitJobResult(fault=to_proto(fault))
        except Exception:  # noqa: BLE001 - one poison item must not fail the batch
            _log.exception("a purchase could not be admitted")
            return pb.SubmitJobsResponse.SubmitJobResult(fault=to_proto(Internal()))

    async def _quote(self, claims: CallerClaims, purchase: pb.Purchase) -> pb.Quote:
        prices = await self._admission.quote(claims, purchase)
        amounts = [price.per_picture_micros * draw.n for price, draw in zip(prices, purchase.draws, strict=True)]
        return pb.Quote(amount_micros=sum(amounts), draw_micros=amounts)

    async def _named(self, request: pb.GetJobRequest | pb.CancelJobRequest, owner: str | None) -> str:
        """The id of the job that is asked for by its id or, without one, by its number among its owner's. Raises NotFound."""
        if request.job_id or not request.number:
            return request.job_id
        job_id = await reads.id_of_number(self._database, owner, request.number)
        if not job_id:
            raise NotFound("job", str(request.number))
        return job_id

    def _owner(self, token: bytes) -> str | None:
        """The account that a call is made for; None for the operator's own."""
        call = calls.current()
        assert call is not None, "the server enters each call"
        return None if call.peer == OPERATOR and not token else self._claims(token).account_id

    def _claims(self, token: bytes) -> CallerClaims:
        claims = open_token(token, self._caller_token_key)
        calls.note("account", claims.account_id)
        return claims

    async def _message(self, job: JobRecord) -> pb.Job:
        return await views.to_message(job, self._objects)


def _after(page_token: str) -> str:
    if page_token and not is_id("job", page_token):
        raise InvalidField("page_token", "The page token is not one that was given out.")
    return page_token


def _settlement(job: JobRecord) -> pb.ListSettlementsResponse.JobSettlement:
    kept = [task.result for task in job.tasks if task.state == pb.Task.STATE_KEPT and task.result]
    return pb.ListSettlementsResponse.JobSettlement(
        job_id=job.id,
        account_id=job.account_id,
        hold_id=hold_id_of(job.id),
        state=views.shown_state(job),
        hold_micros=job.hold_micros,
        charge_micros=sum(task.charge_micros for task in job.tasks),
        image_ids=[picture.image_id for result in kept for picture in result.pictures],
        settled=job.settled,
        captured_at_start=job.captured_at_start,
    )
