"""Steps 1 and 2: a purchase is priced, written as a job and held, or refused with nothing bought and its key free again."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from generator import replays
from generator.catalogue import Catalogue
from generator.dispatch import Dispatch
from generator.gate import Gate
from generator.kept_secrets import KeptSecrets
from generator.own_keys import OwnKeys
from generator.peers import Admission as Hold
from generator.peers import Billing
from generator.pricing import Price
from generator.records import JobRecord, TaskRecord
from generator.replica import Replica, new_token
from generator.router import Router
from generator.screening import Screening
from generator.settlement import Settlement
from generator.steps import Steps, passes, until_done
from generator.storage_quota import StorageQuota
from generator.store import jobs, reads
from generator.store.jobs import Insertion, Refusal, Written
from generator.watches import Watches, is_over
from gesso.billing.v1.billing_pb2 import CallerClaims
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.crashpoints import crashpoint
from servicekit.database import Database
from servicekit.faults import Fault, InvalidField, Unavailable, to_proto
from servicekit.ids import AccountId, ApiKeyId, JobId, new_id
from servicekit.timestamps import to_timestamp

_MOST_DRAWS = 100
_MOST_FACTS_BYTES = 64 << 10
_REVIEW_AFTER_DEADLINE = timedelta(seconds=120)
_MOST_TRIES = 3
_NEVER_HELD = frozenset(
    {
        reasons.REASON_INSUFFICIENT_FUNDS,
        reasons.REASON_BUDGET_EXCEEDED,
        reasons.REASON_ACCOUNT_SUSPENDED,
        reasons.REASON_ACCOUNT_CLOSED,
        reasons.REASON_NOT_FOUND,
        reasons.REASON_CONFLICT,
    }
)
"""Billing's own refusals: no hold stands after them, and none will."""
_NOT_NOW = frozenset(
    {
        reasons.REASON_MAINTENANCE,
        reasons.REASON_UNAVAILABLE,
        reasons.REASON_MODEL_UNAVAILABLE,
        reasons.REASON_UNKNOWN_MODEL,
        reasons.REASON_UNPRICED,
        reasons.REASON_CONTENT_REFUSED,
        reasons.REASON_STORAGE_EXCEEDED,
    }
)
"""Why nothing is bought at the moment that could be bought before."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """The job that answers a purchase; `replayed` where it stood already."""

    job: JobRecord
    replayed: bool = False


class Admission:
    """Admits purchases one by one; the steps of many are gathered below."""

    def __init__(
        self,
        *,
        database: Database,
        steps: Steps,
        catalogue: Catalogue,
        screening: Screening,
        router: Router,
        billing: Billing,
        dispatch: Dispatch,
        settlement: Settlement,
        secrets: KeptSecrets,
        own_keys: OwnKeys,
        watches: Watches,
        gate: Gate,
        quota: StorageQuota,
        replica: Replica,
        deadline_seconds: float,
    ) -> None:
        self._database = database
        self._steps = steps
        self._catalogue = catalogue
        self._screening = screening
        self._router = router
        self._billing = billing
        self._dispatch = dispatch
        self._settlement = settlement
        self._secrets = secrets
        self._own_keys = own_keys
        self._watches = watches
        self._gate = gate
        self._quota = quota
        self._replica = replica
        self._deadline = timedelta(seconds=deadline_seconds)
        self._refusing: set[asyncio.Task[None]] = set()

    async def quote(self, claims: CallerClaims, purchase: pb.Purchase) -> Sequence[Price]:
        """What a picture of each draw costs at most. Raises what the screening and the catalogue do; `draw` tells which it was."""
        _check(purchase)
        await self._screening.screen(claims, purchase)
        stored = await self._own_keys.providers(claims.account_id)
        prices = []
        for index, draw in enumerate(purchase.draws):
            try:
                prices.append(
                    self._catalogue.quote(
                        draw,
                        dialect=purchase.dialect,
                        markup_percent=claims.markup_percent,
                        own_key=self._router.owns_route(draw, stored),
                    )
                )
            except Fault as fault:
                fault.details["draw"] = str(index)
                raise
        return prices

    async def admit(self, claims: CallerClaims, purchase: pb.Purchase, watch_id: str) -> Admitted:
        """Turn a purchase into a job that will run, or find the one that stands for it.

        Raises the fault for which it was refused: then nothing is bought, and nothing is in the way of a repeat.
        """
        try:
            prices = await self.quote(claims, purchase)
            self._gate.check()
            if purchase.join_recent and (joined := await self._recent(claims, purchase)):
                return self._standing(joined, watch_id)
            self._check_routes(purchase, prices)
            await self._quota.check(claims, purchase)
        except Fault as fault:
            if fault.reason in _NOT_NOW and (standing := await self._bought_before(claims, purchase)):
                return self._standing(standing, watch_id)
            raise
        if purchase.join_recent and not purchase.idempotency_key:
            purchase.idempotency_key = jobs.retry_key(claims.api_key_id, purchase)
        job, boxes = self._job(claims, purchase, prices)
        for task_id, box in boxes.items():
            self._secrets.keep(task_id, box)
        try:
            number, standing = await self._write(job, claims.max_concurrency)
            if standing is None:
                return Admitted(await self._begin(job, number, watch_id))
        except Fault:
            self._forget(boxes)
            raise
        self._forget(boxes)
        return self._standing(standing, watch_id)

    async def find(self, claims: CallerClaims, purchase: pb.Purchase) -> JobRecord | None:
        """The job that stands for a purchase already, None where it is to be made. Raises as `admit` does for a used key."""
        recent = await self._recent(claims, purchase) if purchase.join_recent else None
        return recent or await self._bought_before(claims, purchase)

    async def _begin(self, job: JobRecord, number: int, watch_id: str) -> JobRecord:
        hold = Hold(
            hold_id=job.hold_id,
            account_id=job.account_id,
            api_key_id=job.api_key_id,
            amount_micros=job.hold_micros,
            job_id=job.id,
            review_at=to_timestamp(job.deadline_at + _REVIEW_AFTER_DEADLINE),
        )
        try:
            available_micros = await self._billing.admit(hold)
        except Fault as fault:
            await self._refuse(job, fault, settled=fault.reason in _NEVER_HELD)
            # A tombstone: another replica took this one for dead, and has refused the job.
            raise Unavailable("generator") if fault.reason == reasons.REASON_CONFLICT else fault  # noqa: B904
        crashpoint("generator.after_hold")
        job = replace(job, available_micros=available_micros, number=number)
        try:
            return await self._dispatch.accept(job, watch_id)
        except Fault as fault:
            await self._refuse(job, fault, settled=False)
            raise

    async def _write(self, job: JobRecord, most_open: int) -> tuple[int, JobRecord | None]:
        """Step 1. Returns the job's number, or the job that answers for this idempotency key."""
        for _ in range(_MOST_TRIES):
            try:
                inserted = await self._steps.insert.submit(Insertion(job, self._replica.id, most_open))
            except Fault as fault:
                await self._refuse(job, fault, settled=True)
                raise
            if inserted.written is Written.NEW:
                crashpoint("generator.after_job_inserted")
                return inserted.number, None
            holder = await jobs.holder_of_key(self._database, job.account_id, job.purchase, job_id=job.id)
            if holder is None and inserted.written is Written.CROWDED:
                raise _crowded(most_open)
            if holder is None:  # freed in the meantime
                continue
            holder_id, outdated = holder
            if outdated:
                await jobs.free_key(self._database, holder_id)
                continue
            standing = await reads.job(self._database, holder_id)
            assert standing is not None, "jobs are never deleted"
            if holder_id == job.id:  # our own earlier try was written, unheard
                return standing.number, None
            if jobs.is_retry_key(job.purchase.idempotency_key):
                return 0, standing
            return 0, replays.replayed(standing, job.purchase.fingerprint)
        raise Unavailable("generator")

    async def _bought_before(self, claims: CallerClaims, purchase: pb.Purchase) -> JobRecord | None:
        """The job that answers a used key, which is no purchase. Raises as `replays.replayed` does."""
        holder = purchase.idempotency_key and await jobs.holder_of_key(self._database, claims.account_id, purchase)
        if not holder or holder[1]:
            return None
        standing = await reads.job(self._database, holder[0])
        assert standing is not None, "jobs are never deleted"
        return replays.replayed(standing, purchase.fingerprint)

    async def _recent(self, claims: CallerClaims, purchase: pb.Purchase) -> JobRecord | None:
        job_id = await jobs.recent(self._database, claims.account_id, claims.api_key_id, purchase)
        return await reads.job(self._database, job_id) if job_id else None

    def _standing(self, job: JobRecord, watch_id: str) -> Admitted:
        if watch_id and not is_over(job):
            self._watches.add(watch_id, (job.id,))
        return Admitted(job, replayed=True)

    def _check_routes(self, purchase: pb.Purchase, prices: Sequence[Price]) -> None:
        for index, (draw, price) in enumerate(zip(purchase.draws, prices, strict=True)):
            try:
                if not price.own_key:
                    self._router.routes(draw)
            except Fault as fault:
                fault.details["draw"] = str(index)
                raise

    def _job(
        self, claims: CallerClaims, purchase: pb.Purchase, prices: Sequence[Price]
    ) -> tuple[JobRecord, dict[str, bytes]]:
        """The job to write, and the sealed keys that came with it: they leave the purchase here."""
        job_id, token, now = JobId(new_id("job")), new_token(), datetime.now(UTC)
        boxes, tasks = {}, []
        for index, (draw, price) in enumerate(zip(purchase.draws, prices, strict=True)):
            task = TaskRecord(
                job_id=job_id,
                index=index,
                state=pb.Task.STATE_QUEUED,
                price_micros=price.per_picture_micros,
                price_rule=price.rule,
                holds_secret=bool(draw.sealed_secret),
                own_key=price.own_key,
                lease_token=token,
            )
            if draw.sealed_secret:
                boxes[task.id] = draw.sealed_secret
                draw.ClearField("sealed_secret")
            tasks.append(task)
        job = JobRecord(
            id=job_id,
            account_id=AccountId(claims.account_id),
            api_key_id=ApiKeyId(claims.api_key_id),
            purchase=purchase,
            state=pb.Job.STATE_ADMITTING,
            hold_micros=sum(task.price_micros * draw.n for task, draw in zip(tasks, purchase.draws, strict=True)),
            retention_days=claims.retention_days,
            markup_percent=claims.markup_percent,
            created_at=now,
            deadline_at=now + self._deadline,
            tasks=tuple(tasks),
        )
        return job, boxes

    async def _refuse(self, job: JobRecord, fault: Fault, *, settled: bool) -> None:
        """End a job of which nothing was bought, now or as soon as the database is back."""
        token = job.tasks[0].lease_token
        assert token is not None, "a job is written by who leases it"
        refusal = Refusal(job.id, token, to_proto(fault), settled)
        try:
            refused = await self._steps.refuse.submit(refusal)
        except Fault as away:
            if not passes(away):
                raise
            self._later(self._refuse_at_last(job, refusal))
        else:
            if refused and not settled:
                self._later(self._settlement.release(job.id, job.account_id))

    async def _refuse_at_last(self, job: JobRecord, refusal: Refusal) -> None:
        if await until_done(self._steps.refuse, refusal) and not refusal.settled:
            await self._settlement.release(job.id, job.account_id)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._refusing.add(task)
        task.add_done_callback(self._refusing.discard)

    def _forget(self, task_ids: Sequence[str] | dict[str, bytes]) -> None:
        for task_id in task_ids:
            self._secrets.forget(task_id)


def _crowded(limit: int) -> Fault:
    return Fault(
        reasons.REASON_CONCURRENCY_EXCEEDED,
        f"At most {limit} jobs of this account run at once.",
        details={"limit": str(limit)},
        retry_after_seconds=1.0,
    )


def _check(purchase: pb.Purchase) -> None:
    """What every edge keeps to: a purchase that does not is its bug, but must not reach the tables."""
    if not 1 <= len(purchase.draws) <= _MOST_DRAWS:
        raise InvalidField("draws", f"A purchase has 1 to {_MOST_DRAWS} draws.")
    if len(purchase.facts) > _MOST_FACTS_BYTES:
        raise InvalidField("facts", f"Facts have at most {_MOST_FACTS_BYTES} bytes.")
    if not purchase.fingerprint or not purchase.dialect:
        raise InvalidField("fingerprint", "A purchase names its dialect and bears a fingerprint.")
