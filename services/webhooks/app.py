"""The webhooks service, put together: store, secrets and dispatcher around one gRPC server."""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncIterator

from gesso.webhooks.v1 import webhooks_pb2_grpc as rpc
from servicekit.background import running_task
from servicekit.database import Database, migrate
from servicekit.egress import GuardedClient
from servicekit.faults import Unavailable
from servicekit.identity import Access
from servicekit.metrics import Metrics
from servicekit.server import Registration, serving
from servicekit.telemetry import Telemetry
from webhooks.access import ACCESS
from webhooks.config import Config
from webhooks.dispatcher import DeliveryRules, Dispatcher
from webhooks.secrets import SigningSecrets
from webhooks.servicer import DeliveriesServicer, EventsServicer, SigningSecretsServicer
from webhooks.store import Store

_EXPIRY_PAUSE_SECONDS = 3600.0
_WATCH_PAUSE_SECONDS = 15.0


@contextlib.asynccontextmanager
async def running(config: Config) -> AsyncIterator[str]:
    """Run the service; yields its gRPC address."""
    async with contextlib.AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(Telemetry.running("webhooks", config.metrics_listen))
        database = await stack.enter_async_context(
            Database.connect(config.database_url, schema="webhooks", max_connections=config.database_connections)
        )
        await migrate(database, "webhooks.migrations")
        telemetry.watch_pool(database.pool_use)
        client = await stack.enter_async_context(GuardedClient(config.egress_allow))
        store = Store(database)
        secrets = SigningSecrets(store, config.secret_key)
        rules = DeliveryRules(config.schedule_seconds, config.timeout_seconds, config.concurrency)
        dispatcher = Dispatcher(store, secrets, client, rules)
        stack.push_async_callback(dispatcher.finish, config.grace_seconds)
        await stack.enter_async_context(running_task(dispatcher.run()))
        await stack.enter_async_context(running_task(_watch(telemetry.metrics, store)))
        await stack.enter_async_context(running_task(_expire(store, datetime.timedelta(days=config.keep_days))))
        registrations = _registrations(store, secrets, dispatcher)
        yield await stack.enter_async_context(
            serving(
                config.listen,
                registrations,
                access=Access(config.peers, ACCESS),
                observer=telemetry,
                grace_seconds=config.grace_seconds,
            )
        )


def _registrations(store: Store, secrets: SigningSecrets, dispatcher: Dispatcher) -> tuple[Registration, ...]:
    package = "gesso.webhooks.v1"
    events = EventsServicer(store, dispatcher.wake)
    deliveries = DeliveriesServicer(store, dispatcher.wake)
    signing = SigningSecretsServicer(secrets)
    return (
        Registration(f"{package}.Events", rpc.add_EventsServicer_to_server, events),
        Registration(f"{package}.Deliveries", rpc.add_DeliveriesServicer_to_server, deliveries),
        Registration(f"{package}.SigningSecrets", rpc.add_SigningSecretsServicer_to_server, signing),
    )


async def _expire(store: Store, keep: datetime.timedelta) -> None:
    while True:
        with contextlib.suppress(Unavailable):
            await store.expire(datetime.datetime.now(datetime.UTC) - keep)
        await asyncio.sleep(_EXPIRY_PAUSE_SECONDS)


async def _watch(metrics: Metrics, store: Store) -> None:
    """Count what waits every 15 s, for ever; every replica shows the same."""
    while True:
        with contextlib.suppress(Unavailable):
            metrics.queue_depth.labels("deliveries").set(await store.count_waiting())
        await asyncio.sleep(_WATCH_PAUSE_SECONDS)
