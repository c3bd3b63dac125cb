"""Events go out once they are published: signed, retried by the schedule, logged, and again when asked."""

import json

import aiohttp
import pytest
from standardwebhooks.webhooks import Webhook

from gesso.errors.v1 import reason_pb2 as reasons
from gesso.webhooks.v1 import webhooks_pb2 as pb
from servicekit.faults import Fault
from servicekit.ids import new_id
from servicekit.settings import load
from testkit.eventually import eventually
from testkit.identities import link_as
from testkit.ports import free_port
from testkit.webhooks import Answer, Received, WebhookReceiver
from webhooks.app import running
from webhooks.config import Config

from .conftest import ACCOUNT, Webhooks, event


async def arrived(receiver: WebhookReceiver, count: int = 1, path: str = "/hook") -> list[Received]:
    def enough() -> list[Received]:
        found = receiver.on(path)
        assert len(found) >= count
        return found

    return await eventually(enough)


async def ended(webhooks: Webhooks, state: pb.Delivery.State.ValueType) -> pb.Delivery:
    async def delivery() -> pb.Delivery:
        (found,) = await webhooks.deliveries()
        assert found.state == state
        return found

    return await eventually(delivery)


async def test_an_event_arrives_signed_in_the_documented_form(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    sent = event(f"{receiver.url}/hook")
    await webhooks.publish(sent)
    (received,) = await arrived(receiver)
    Webhook(await webhooks.secret()).verify(received.body, dict(received.headers))
    assert received.headers["webhook-id"] == sent.id
    assert received.headers["content-type"] == "application/json"
    assert set(received.json) == {"id", "event", "timestamp", "data"}
    assert received.json["event"] == "generation.completed"
    assert received.json["data"] == json.loads(sent.data_json)


async def test_an_event_that_is_published_twice_is_sent_once(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    sent = event(f"{receiver.url}/hook")
    await webhooks.publish(sent, sent)
    await webhooks.publish(sent)
    await ended(webhooks, pb.Delivery.STATE_DELIVERED)
    assert len(receiver.on("/hook")) == 1


async def test_a_failure_is_tried_again_with_the_same_id_and_body(
    webhooks: Webhooks, receiver: WebhookReceiver
) -> None:
    receiver.answers.extend([Answer(500), Answer(302, {"Location": f"{receiver.url}/other"}), Answer(200)])
    await webhooks.publish(event(f"{receiver.url}/hook"))
    received = await arrived(receiver, 3)
    delivery = await ended(webhooks, pb.Delivery.STATE_DELIVERED)
    assert len({(one.headers["webhook-id"], one.body) for one in received}) == 1
    assert [attempt.status_code for attempt in delivery.attempts] == [500, 302, 200]
    assert all(one.path == "/hook" for one in receiver.received)


async def test_the_schedules_end_is_the_deliverys(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    receiver.default = Answer(503)
    await webhooks.publish(event(f"{receiver.url}/hook"))
    delivery = await ended(webhooks, pb.Delivery.STATE_FAILED)
    assert [attempt.number for attempt in delivery.attempts] == [1, 2, 3, 4]
    assert "503" in delivery.attempts[-1].error


async def test_410_is_final(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    receiver.default = Answer(410)
    await webhooks.publish(event(f"{receiver.url}/hook"))
    assert len((await ended(webhooks, pb.Delivery.STATE_FAILED)).attempts) == 1


async def test_an_endpoint_that_hangs_up_is_logged_and_tried_again(
    webhooks: Webhooks, receiver: WebhookReceiver
) -> None:
    receiver.answers.append(Answer(drop=True))
    await webhooks.publish(event(f"{receiver.url}/hook"))
    delivery = await ended(webhooks, pb.Delivery.STATE_DELIVERED)
    assert [attempt.status_code for attempt in delivery.attempts] == [0, 204]
    assert delivery.attempts[0].error


async def test_an_address_inside_the_network_is_never_called(webhooks: Webhooks) -> None:
    await webhooks.publish(event("https://169.254.169.254/latest/meta-data"))
    delivery = await ended(webhooks, pb.Delivery.STATE_FAILED)
    assert {attempt.status_code for attempt in delivery.attempts} == {0}


async def test_a_delivery_is_sent_again_once_for_each_request(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    await webhooks.publish(event(f"{receiver.url}/hook"))
    first = await ended(webhooks, pb.Delivery.STATE_DELIVERED)
    again = await webhooks.redeliver(first.id, request_id="again")
    same = await webhooks.redeliver(first.id, request_id="again")
    assert again.id == same.id != first.id
    received = await arrived(receiver, 2)
    assert received[0].body == received[1].body
    with pytest.raises(Fault) as caught:
        await webhooks.redeliver(first.id, request_id="mine", account_id=new_id("acct"))
    assert caught.value.reason == reasons.REASON_NOT_FOUND


async def test_the_old_secret_also_signs_during_an_overlap(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    old = await webhooks.secret()
    new = await webhooks.rotate(request_id="r1", overlap_seconds=3600)
    assert new == await webhooks.rotate(request_id="r1", overlap_seconds=3600) == await webhooks.secret() != old
    await webhooks.publish(event(f"{receiver.url}/hook"))
    (received,) = await arrived(receiver)
    for secret in (old, new):
        Webhook(secret).verify(received.body, dict(received.headers))


async def test_a_malformed_event_is_its_own_fault_alone(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    bad = event(f"{receiver.url}/hook")
    bad.data_json = b"[1]"
    unkept = event(f"{receiver.url}/\x00")
    response = await webhooks.publish(bad, unkept, event(f"{receiver.url}/hook"))
    assert [result.HasField("fault") for result in response.results] == [True, True, False]
    await arrived(receiver)


async def test_deliveries_are_their_accounts_own(webhooks: Webhooks, receiver: WebhookReceiver) -> None:
    other = new_id("acct")
    await webhooks.publish(event(f"{receiver.url}/hook"), event(f"{receiver.url}/hook", account_id=other))
    await arrived(receiver, 2)
    assert {delivery.account_id for delivery in await webhooks.deliveries()} == {ACCOUNT}
    assert {delivery.account_id for delivery in await webhooks.deliveries(other)} == {other}


async def test_what_waits_is_counted(environment: dict[str, str], receiver: WebhookReceiver) -> None:
    port = free_port()
    unhurried = {**environment, "GESSO_WEBHOOKS_SCHEDULE_SECONDS": "60"}
    receiver.default = Answer(503)
    async with running(load(Config, unhurried)) as address, link_as("generator", address) as generator:
        await Webhooks(generator, generator).publish(event(f"{receiver.url}/hook"))
        await arrived(receiver)
    counted = {**unhurried, "GESSO_WEBHOOKS_METRICS_LISTEN": f"127.0.0.1:{port}"}
    async with running(load(Config, counted)), aiohttp.ClientSession() as http:

        async def one_waits() -> None:
            async with http.get(f"http://127.0.0.1:{port}/metrics") as response:
                assert 'gesso_queue_depth{queue="deliveries"} 1.0' in await response.text()

        await eventually(one_waits)
