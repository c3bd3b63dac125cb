"""Events leave through the outbox: published to the webhooks service where there is one, kept until then."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

from billing.config import Config
from gesso.webhooks.v1.webhooks_pb2 import Event, PublishEventsRequest
from gesso.webhooks.v1.webhooks_pb2_grpc import EventsStub
from servicekit.background import running_task
from servicekit.database import Database
from servicekit.faults import from_proto
from servicekit.identity import Identity
from servicekit.link import Link
from servicekit.outbox import Outbox


@contextlib.asynccontextmanager
async def publishing(database: Database, config: Config) -> AsyncIterator[Callable[[], None]]:
    """Publish what the outbox holds while the block runs; yields what to call after writing to it."""
    if not config.webhooks_address:
        yield lambda: None
        return
    identity = Identity("billing", config.token)
    async with Link.open(config.webhooks_address, component="webhooks", identity=identity) as link:
        outbox = Outbox(database, lambda payloads: _publish(link, payloads))
        async with running_task(outbox.run()):
            yield outbox.wake


async def _publish(link: Link, payloads: Sequence[bytes]) -> None:
    """Publish one batch. Raises the Fault of an event that was not taken: all of them, known by their ids, are sent again."""
    events = [Event.FromString(payload) for payload in payloads]
    response = await link.call(EventsStub(link.channel).PublishEvents, PublishEventsRequest(events=events))
    for result in response.results:
        if result.HasField("fault"):
            raise from_proto(result.fault)
