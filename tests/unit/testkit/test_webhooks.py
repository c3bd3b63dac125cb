"""The receiver remembers deliveries byte for byte and answers as it is told."""

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from testkit.eventually import eventually
from testkit.webhooks import Answer, WebhookReceiver, webhook_receiver


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as running:
        yield running


@pytest.fixture
async def client(receiver: WebhookReceiver) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(receiver.url) as session:
        yield session


async def test_a_delivery_is_remembered_as_it_came(receiver: WebhookReceiver, client: aiohttp.ClientSession) -> None:
    async with client.post("/a", data=b'{"b":  1}', headers={"Webhook-Id": "msg_1"}) as answer:
        assert answer.status == 204
    await client.post("/other", data=b"")
    [delivery] = receiver.on("/a")
    assert (delivery.method, delivery.body, delivery.json) == ("POST", b'{"b":  1}', {"b": 1})
    assert delivery.headers["webhook-id"] == "msg_1"


async def test_answers_are_given_in_order_and_then_the_default(
    receiver: WebhookReceiver, client: aiohttp.ClientSession
) -> None:
    receiver.answers += [Answer(503, {"Retry-After": "2"}, b"later"), Answer(410)]
    seen = []
    for _ in range(3):
        async with client.post("/") as answer:
            seen.append((answer.status, answer.headers.get("Retry-After")))
    assert seen == [(503, "2"), (410, None), (204, None)]


async def test_a_gate_holds_an_answer_and_a_drop_gives_none(
    receiver: WebhookReceiver, client: aiohttp.ClientSession
) -> None:
    gate = asyncio.Event()
    receiver.answers += [Answer(gate=gate), Answer(drop=True)]
    held = asyncio.create_task(client.post("/held"))
    await eventually(lambda: receiver.on("/held"))
    assert not held.done()
    gate.set()
    assert (await held).status == 204
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await client.post("/dropped")
    assert len(receiver.on("/dropped")) == 1


async def test_a_path_to_which_nothing_came_fails_and_says_what_did(receiver: WebhookReceiver) -> None:
    with pytest.raises(AssertionError, match="nothing has come to /a"):
        receiver.on("/a")
