"""The scripted fal queue keeps the vendor's protocol: submit, status, result, cancel, and errors in its forms."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from testkit.upstreams.base import Behaviour, parse_behaviour
from testkit.upstreams.fal import FalUpstream

KEY = {"Authorization": "Key id:secret"}
MODEL = "/fal-ai/flux/dev"


@pytest.fixture
async def upstream() -> FalUpstream:
    return FalUpstream()


@pytest.fixture
async def client(upstream: FalUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    async with upstream.running() as url, aiohttp.ClientSession(url, headers=KEY) as session:
        yield session


async def told(answer: aiohttp.ClientResponse) -> tuple[int, Any]:
    return answer.status, await answer.json()


async def submitted(client: aiohttp.ClientSession, **fields: object) -> dict[str, str]:
    async with client.post(MODEL, json={"prompt": "a fox", **fields}) as answer:
        status, body = await told(answer)
    assert status == 200
    return dict(body)


async def test_a_request_is_queued_runs_and_has_its_pictures_on_another_host(
    client: aiohttp.ClientSession, upstream: FalUpstream
) -> None:
    gate = asyncio.Event()
    upstream.script.append(Behaviour("slow", gate=gate))
    request = await submitted(client, num_images=2, seed=5, image_size="landscape_16_9")
    assert request["status_url"].endswith(f"/fal-ai/flux/requests/{request['request_id']}/status")
    async with client.get(request["status_url"]) as answer:
        assert await told(answer) == (202, {"status": "IN_QUEUE", "queue_position": 0})
    async with client.get(request["response_url"]) as answer:
        assert answer.status == 400
    gate.set()
    async with client.get(request["status_url"]) as answer:
        assert (await told(answer))[1]["status"] == "COMPLETED"
    async with client.get(request["response_url"]) as answer:
        status, result = await told(answer)
    assert (status, result["seed"], result["has_nsfw_concepts"]) == (200, 5, [False, False])
    assert [image["width"] for image in result["images"]] == [1024, 1024]
    async with aiohttp.ClientSession() as stranger, stranger.get(result["images"][0]["url"]) as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert upstream.purchases == 1


async def test_inputs_that_break_the_vendors_types_fail_the_request_by_name(
    client: aiohttp.ClientSession, upstream: FalUpstream
) -> None:
    request = await submitted(client, image_size="huge")
    async with client.get(request["response_url"]) as answer:
        status, body = await told(answer)
    assert (status, body["detail"][0]["loc"]) == (422, ["body", "image_size"])
    assert upstream.violations == ["fal-ai/flux/dev: image_size is one_of"]


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [("out_of_quota", 403), ("rate_limited:2", 429), ("model_not_found", 404), ("server_error:503", 503)],
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: FalUpstream, behaviour: str, status: int
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    async with client.post(MODEL, json={"prompt": "a fox"}) as answer:
        assert answer.status == status
        assert isinstance((await answer.json())["detail"], str)
    assert upstream.purchases == 0


async def test_an_unknown_key_is_refused(client: aiohttp.ClientSession) -> None:
    async with client.post(MODEL, json={"prompt": "a fox"}, headers={"Authorization": "Bearer x"}) as answer:
        assert answer.status == 401


async def test_a_request_can_be_cancelled_while_it_waits(client: aiohttp.ClientSession, upstream: FalUpstream) -> None:
    upstream.script.append(Behaviour("hang"))
    request = await submitted(client)
    async with client.put(request["cancel_url"]) as answer:
        assert await told(answer) == (202, {"status": "CANCELLATION_REQUESTED"})
    assert upstream.jobs[request["request_id"]].cancelled
