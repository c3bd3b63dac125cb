"""A running webhooks service with a quick schedule, and a receiver that remembers."""

import datetime
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gesso.webhooks.v1 import webhooks_pb2 as pb
from gesso.webhooks.v1 import webhooks_pb2_grpc as rpc
from servicekit.ids import new_id
from servicekit.link import Link
from servicekit.settings import load
from servicekit.timestamps import to_timestamp
from testkit.database import Database
from testkit.identities import SHARED_ENVIRONMENT, link_as
from testkit.webhooks import WebhookReceiver, webhook_receiver
from webhooks.app import running
from webhooks.config import Config

ACCOUNT = new_id("acct")


@dataclass(frozen=True)
class Webhooks:
    """The service as its callers see it."""

    generator: Link
    gateway: Link

    async def publish(self, *events: pb.Event) -> pb.PublishEventsResponse:
        stub = rpc.EventsStub(self.generator.channel)
        return await self.generator.call(stub.PublishEvents, pb.PublishEventsRequest(events=events))

    async def deliveries(self, account_id: str = ACCOUNT) -> list[pb.Delivery]:
        stub = rpc.DeliveriesStub(self.gateway.channel)
        request = pb.ListDeliveriesRequest(account_id=account_id)
        return list((await self.gateway.call(stub.ListDeliveries, request)).deliveries)

    async def redeliver(self, delivery_id: str, *, request_id: str, account_id: str = ACCOUNT) -> pb.Delivery:
        stub = rpc.DeliveriesStub(self.gateway.channel)
        request = pb.RedeliverRequest(request_id=request_id, account_id=account_id, delivery_id=delivery_id)
        return await self.gateway.call(stub.Redeliver, request)

    async def secret(self) -> str:
        stub = rpc.SigningSecretsStub(self.gateway.channel)
        return (await self.gateway.call(stub.GetSigningSecret, pb.GetSigningSecretRequest(account_id=ACCOUNT))).secret

    async def rotate(self, *, request_id: str, overlap_seconds: int) -> str:
        stub = rpc.SigningSecretsStub(self.gateway.channel)
        request = pb.RotateSigningSecretRequest(
            request_id=request_id, account_id=ACCOUNT, overlap_seconds=overlap_seconds
        )
        return (await self.gateway.call(stub.RotateSigningSecret, request)).secret


def event(url: str, *, event_id: str | None = None, account_id: str = ACCOUNT) -> pb.Event:
    return pb.Event(
        id=event_id or new_id("evt"),
        account_id=account_id,
        type="generation.completed",
        occurred_at=to_timestamp(datetime.datetime.now(datetime.UTC)),
        data_json=json.dumps({"generation_id": "gen_1"}).encode(),
        direct_url=url,
    )


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as found:
        yield found


@pytest.fixture
def environment(database: Database, tmp_path: Path) -> dict[str, str]:
    return {
        **SHARED_ENVIRONMENT,
        "GESSO_WEBHOOKS_LISTEN": f"unix:{tmp_path}/webhooks.sock",
        "GESSO_WEBHOOKS_DATABASE_URL": database.url("webhooks"),
        "GESSO_WEBHOOKS_SECRET_KEY": "00" * 32,
        "GESSO_WEBHOOKS_SCHEDULE_SECONDS": "0.05,0.05,0.05",
        "GESSO_WEBHOOKS_TIMEOUT_SECONDS": "2",
    }


@pytest.fixture
async def webhooks(environment: dict[str, str]) -> AsyncIterator[Webhooks]:
    async with (
        running(load(Config, environment)) as address,
        link_as("generator", address) as generator,
        link_as("gateway", address) as gateway,
    ):
        yield Webhooks(generator, gateway)
