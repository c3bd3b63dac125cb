"""An event that is published or delivered just before a kill reaches its endpoint all the same, under one id."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from hashlib import sha256

import pytest
from aiohttp import web
from tests.chaos.orders import FINAL_SECONDS, assert_paid

from gesso.billing.v1.billing_pb2 import AuthenticateRequest
from gesso.billing.v1.billing_pb2_grpc import CallersStub
from gesso.generator.v1.generator_pb2 import OPERATION_TEXT_TO_IMAGE, Draw, Purchase, SubmitJobsRequest
from gesso.generator.v1.generator_pb2_grpc import JobsStub
from servicekit.identity import Identity
from servicekit.link import Link
from testkit.eventually import eventually
from testkit.platform import Account, PlatformUnderTest

PRICE_MICROS = 2_000


@dataclass
class Endpoint:
    """A customer's endpoint: the ids of the events that it was sent, by the path that each job was given."""

    url: str = ""
    received: dict[str, list[str]] = field(default_factory=dict)

    async def receive(self, request: web.Request) -> web.Response:
        await request.read()
        self.received.setdefault(request.path, []).append(request.headers["webhook-id"])
        return web.Response()


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    found = Endpoint()
    application = web.Application()
    application.router.add_post("/{name}", found.receive)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield found
    await runner.cleanup()


@contextlib.asynccontextmanager
async def as_edge(platform: PlatformUnderTest, component: str) -> AsyncIterator[Link]:
    """A link that speaks as the edge: no dialect of it names webhook addresses yet."""
    identity = Identity("gateway", platform.state.secrets["gateway_token"])
    async with Link.open(platform.state.addresses[component], component=component, identity=identity) as link:
        yield link


async def order(platform: PlatformUnderTest, account: Account, webhook_url: str) -> None:
    """Order a small picture of which the address is to be told."""
    async with as_edge(platform, "billing") as billing, as_edge(platform, "generator") as generator:
        credential = AuthenticateRequest.Credential(key_digest=sha256(account.api_key.encode()).digest())
        authenticated = await billing.call(
            CallersStub(billing.channel).Authenticate, AuthenticateRequest(credentials=[credential])
        )
        drawn = Draw(operation=OPERATION_TEXT_TO_IMAGE, model="sketch", prompt="A fox", n=1, width=64, height=64)
        digest = sha256(webhook_url.encode()).digest()
        purchase = Purchase(
            dialect="openai", route="generations", fingerprint=digest, draws=[drawn], webhook_url=webhook_url
        )
        submission = SubmitJobsRequest.Submission(caller_token=authenticated.results[0].caller.token, purchase=purchase)
        submitted = await generator.call(
            JobsStub(generator.channel).SubmitJobs, SubmitJobsRequest(submissions=[submission])
        )
        assert submitted.results[0].HasField("job"), submitted


async def interrupted(
    platform: PlatformUnderTest, account: Account, webhook_url: str, point: str, service: str
) -> None:
    """Order a picture, have a service die at `point` of telling of it, and wait until it is up again."""
    starts = platform.processes[service].starts
    armed = platform.arm(point)
    try:
        await order(platform, account, webhook_url)
        await eventually(lambda: armed.fired, timeout_seconds=FINAL_SECONDS)
    finally:
        armed.disarm()
    await platform.until_restarted(service, starts)


async def test_an_event_that_was_published_and_not_crossed_off_is_delivered_under_one_id(
    standing: PlatformUnderTest, endpoint: Endpoint
) -> None:
    account = await standing.account(usd=1)
    await interrupted(standing, account, f"{endpoint.url}/told", "outbox.after_publish", "generator")
    await eventually(lambda: "/told" in endpoint.received, timeout_seconds=FINAL_SECONDS)
    await assert_paid(standing, account, 1_000_000, PRICE_MICROS)
    assert len(set(endpoint.received["/told"])) == 1


async def test_a_delivery_that_was_cut_off_is_made_again_under_the_same_id(
    standing: PlatformUnderTest, endpoint: Endpoint
) -> None:
    """Both kinds of cut are waited for together: a delivery's lease outlasts its attempt by half a minute."""
    account = await standing.account(usd=1)
    await interrupted(standing, account, f"{endpoint.url}/never-sent", "webhooks.before_delivery", "webhooks")
    await interrupted(standing, account, f"{endpoint.url}/sent-twice", "webhooks.after_delivery", "webhooks")
    assert _counts(endpoint) == {"/sent-twice": 1}
    await eventually(lambda: _counts(endpoint) == {"/never-sent": 1, "/sent-twice": 2}, timeout_seconds=FINAL_SECONDS)
    assert len(set(endpoint.received["/sent-twice"])) == 1


def _counts(endpoint: Endpoint) -> dict[str, int]:
    return {path: len(ids) for path, ids in endpoint.received.items()}
