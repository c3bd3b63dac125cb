"""The dispatcher sends what is due: leased, signed, posted through the egress guard, and written down with what follows."""

import asyncio
import contextlib
import datetime
import random
import time
from dataclasses import dataclass

from gesso.webhooks.v1 import webhooks_pb2 as pb
from servicekit.crashpoints import crashpoint
from servicekit.egress import EgressError, GuardedClient
from servicekit.faults import Unavailable
from webhooks.bodies import body
from webhooks.deliveries import Attempt, Delivery, Event
from webhooks.schedule import Outcome, next_pause, parse_retry_after
from webhooks.secrets import SigningSecrets
from webhooks.signing import headers
from webhooks.store import Store

_POLL_SECONDS = 5.0
_LEASE_MARGIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """How deliveries are made: pauses and the time of one attempt in seconds, and how many run at once."""

    schedule_seconds: tuple[float, ...]
    timeout_seconds: float
    concurrency: int


class Dispatcher:
    """Takes due deliveries until cancelled; several replicas may, each delivery is leased to one."""

    def __init__(self, store: Store, secrets: SigningSecrets, client: GuardedClient, rules: DeliveryRules) -> None:
        self._store = store
        self._secrets = secrets
        self._client = client
        self._rules = rules
        self._wake = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()

    def wake(self) -> None:
        """Something was published: look now."""
        self._wake.set()

    async def run(self) -> None:
        """Look for what is due, at wakes, at the next due time and at a poll that nets what both missed."""
        while True:
            self._wake.clear()
            pause = _POLL_SECONDS
            with contextlib.suppress(Unavailable):
                await self._take()
                pause = await self._pause()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    async def finish(self, grace_seconds: float) -> None:
        """Let running attempts end; those that do not are due again when their lease is over."""
        if self._running:
            await asyncio.wait(self._running, timeout=grace_seconds)
        for task in self._running:
            task.cancel()

    async def _take(self) -> None:
        free = self._rules.concurrency - len(self._running)
        if free <= 0:
            return
        now = datetime.datetime.now(datetime.UTC)
        lease = datetime.timedelta(seconds=self._rules.timeout_seconds + _LEASE_MARGIN_SECONDS)
        for delivery, event in await self._store.take_due(now, lease_until=now + lease, limit=free):
            task = asyncio.create_task(self._deliver(delivery, event))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._wake.set()

    async def _pause(self) -> float:
        due = await self._store.next_due()
        if due is None or len(self._running) >= self._rules.concurrency:
            return _POLL_SECONDS
        return min(max((due - datetime.datetime.now(datetime.UTC)).total_seconds(), 0.01), _POLL_SECONDS)

    async def _deliver(self, delivery: Delivery, event: Event) -> None:
        crashpoint("webhooks.before_delivery")
        started_at, started = datetime.datetime.now(datetime.UTC), time.perf_counter()
        try:
            outcome = await self._post(delivery, event)
        except Unavailable:
            return  # the database is away: the lease makes it due again
        crashpoint("webhooks.after_delivery")
        number = delivery.attempt_count + 1
        duration_ms = int((time.perf_counter() - started) * 1000)
        attempt = Attempt(number, started_at, duration_ms, outcome.status_code, outcome.error)
        pause = next_pause(self._rules.schedule_seconds, number, outcome, chance=random.random())  # noqa: S311 - jitter
        with contextlib.suppress(Unavailable):
            await self._store.finish(delivery, attempt, *_what_follows(outcome, pause))

    async def _post(self, delivery: Delivery, event: Event) -> Outcome:
        content = body(event)
        secrets = await self._secrets.signing(delivery.account_id)
        sent = {"Content-Type": "application/json", **headers(event.id, int(time.time()), content, secrets)}
        try:
            answer = await self._client.post(
                delivery.url, body=content, headers=sent, timeout_seconds=self._rules.timeout_seconds
            )
        except EgressError as error:
            return Outcome(0, str(error))
        retry_after = {name.lower(): value for name, value in answer.headers.items()}.get("retry-after", "")
        cause = "" if 200 <= answer.status < 300 else f"the endpoint answered {answer.status}"
        return Outcome(answer.status, cause, parse_retry_after(retry_after, now_seconds=time.time()))


def _what_follows(
    outcome: Outcome, pause_seconds: float | None
) -> tuple[pb.Delivery.State.ValueType, datetime.datetime | None]:
    if pause_seconds is not None:
        due = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=pause_seconds)
        return pb.Delivery.STATE_PENDING, due
    return (pb.Delivery.STATE_DELIVERED if outcome.delivered else pb.Delivery.STATE_FAILED), None
