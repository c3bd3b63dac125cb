"""Events leave the outbox for the webhooks service, and wait there while it is away."""

from pathlib import Path

from billing.app import running
from billing.config import Config
from gesso.webhooks.v1 import webhooks_pb2 as events
from gesso.webhooks.v1 import webhooks_pb2_grpc as rpc
from servicekit.calls import Call
from servicekit.identity import Access, parse_peers
from servicekit.server import Context, Registration, serving
from servicekit.settings import load
from testkit.database import Database
from testkit.eventually import eventually
from testkit.identities import SHARED_ENVIRONMENT, TOKENS, link_as

from .client import Billing, admission


class Receiver(rpc.EventsServicer):
    """The webhooks service's contract, remembering what it was sent."""

    def __init__(self) -> None:
        self.received: list[events.Event] = []

    async def PublishEvents(  # noqa: N802
        self, request: events.PublishEventsRequest, context: Context
    ) -> events.PublishEventsResponse:
        self.received += request.events
        results = [events.PublishEventsResponse.PublishEventResult() for _ in request.events]
        return events.PublishEventsResponse(results=results)


class Unobserved:
    def call_started(self, call: Call) -> None: ...

    def call_finished(self, call: Call, error: BaseException | None) -> None: ...


async def test_an_alert_reaches_the_webhooks_service_even_if_that_comes_up_later(
    database: Database, tmp_path: Path
) -> None:
    webhooks = f"unix:{tmp_path}/webhooks.sock"
    environment = {
        **SHARED_ENVIRONMENT,
        "GESSO_BILLING_LISTEN": f"unix:{tmp_path}/billing.sock",
        "GESSO_BILLING_DATABASE_URL": database.url("billing"),
        "GESSO_BILLING_TOKEN": TOKENS["billing"],
        "GESSO_WEBHOOKS_ADDRESS": webhooks,
    }
    receiver = Receiver()
    registration = Registration("gesso.webhooks.v1.Events", rpc.add_EventsServicer_to_server, receiver)
    access = Access(parse_peers(SHARED_ENVIRONMENT["GESSO_PEERS"]), {registration.name: frozenset({"billing"})})
    async with running(load(Config, environment)) as address, link_as("operator", address) as link:
        billing = Billing(link, address)
        account = await billing.account(grant_micros=1_000)
        await billing.budget(account.id, 100, alerts=(100,))
        await billing.admit(admission(account.id, 100))
        async with serving(webhooks, (registration,), access=access, observer=Unobserved()):
            await eventually(lambda: len(receiver.received) == 1)
    (event,) = receiver.received
    assert (event.type, event.account_id) == ("budget.alert", account.id)
