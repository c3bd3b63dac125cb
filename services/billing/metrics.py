"""Billing's own metrics: holds that are open, events that wait, requests that a limit refused."""

import asyncio
import contextlib
from collections.abc import Callable

from prometheus_client import Counter

from billing.store import holds, outbox
from servicekit.database import Database
from servicekit.faults import Unavailable
from servicekit.metrics import Metrics

_PAUSE_SECONDS = 15.0


def limits_refused(metrics: Metrics) -> Callable[[str], None]:
    """Return what counts a request that found a window of its dialect used up."""
    counter = Counter("gesso_limits_refused", "Requests beyond a limit.", ["dialect"], registry=metrics.registry)
    return lambda dialect: counter.labels(dialect).inc()


async def watch(metrics: Metrics, database: Database) -> None:
    """Count what is in the database every 15 s, for ever; every replica shows the same."""
    while True:
        with contextlib.suppress(Unavailable):
            async with database.connection() as connection:
                metrics.holds_open.set(await holds.count_open(connection))
                metrics.queue_depth.labels("outbox").set(await outbox.count(connection))
        await asyncio.sleep(_PAUSE_SECONDS)
