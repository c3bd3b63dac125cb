"""What the generator's process stands on: its settings, its database, the object store, its peers and its providers."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from generator.config import Config
from generator.peers import Billing, Gallery, Webhooks
from generator.providers.base import Provider
from generator.providers.registry import missing_variables, open_providers
from generator.storehouse import Storehouse
from pictures.studio import Studio
from servicekit.background import running_task
from servicekit.database import Database, migrate
from servicekit.identity import Identity
from servicekit.link import Link
from servicekit.objects import Objects
from servicekit.outbox import Outbox
from servicekit.spool import Spool
from servicekit.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Ground:
    """What all rooms are built upon."""

    config: Config
    telemetry: Telemetry
    database: Database
    objects: Objects
    storehouse: Storehouse
    studio: Studio
    billing: Billing
    gallery: Gallery
    outbox: Outbox | None
    providers: Mapping[str, Provider]
    missing_variables: Mapping[str, Sequence[str]]
    """What is needed and not set, by provider."""


async def laid(stack: contextlib.AsyncExitStack, config: Config, providers: Mapping[str, Provider] | None) -> Ground:
    """Open it; the stack closes it. Raises Unavailable, and SettingError for a provider's variable."""
    telemetry = await stack.enter_async_context(Telemetry.running("generator", config.metrics_listen))
    database = await stack.enter_async_context(
        Database.connect(config.database_url, schema="generator", max_connections=config.database_connections)
    )
    await migrate(database, "generator.migrations")
    telemetry.watch_pool(database.pool_use)
    objects = Objects.from_url(config.store_url)
    spool = Spool(config.spool_dir, objects, max_bytes=config.spool_bytes)
    await stack.enter_async_context(running_task(spool.run()))
    identity = Identity("generator", config.token)

    async def link(address: str, component: str) -> Link:
        return await stack.enter_async_context(Link.open(address, component=component, identity=identity))

    webhooks = await link(config.webhooks_address, "webhooks service") if config.webhooks_address else None
    return Ground(
        config=config,
        telemetry=telemetry,
        database=database,
        objects=objects,
        storehouse=Storehouse(objects, spool),
        studio=await stack.enter_async_context(Studio()),
        billing=Billing(await link(config.billing_address, "billing service")),
        gallery=Gallery(await link(config.gallery_address, "gallery service")),
        outbox=Outbox(database, Webhooks(webhooks).publish) if webhooks else None,
        providers=open_providers(os.environ) if providers is None else providers,
        missing_variables=missing_variables(os.environ),
    )
