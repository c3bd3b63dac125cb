"""The scripted Magnific keeps the vendor's protocol: tasks, their states, and errors in its forms."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pybase64
import pytest

from testkit.sample_pictures import sample
from testkit.upstreams.base import Behaviour, parse_behaviour
from testkit.upstreams.magnific import MagnificUpstream

PLACE = "/v1/ai/image-upscaler-precision-v2"
IMAGE = pybase64.b64encode(sample("png", 200, 160).stamped(1)).decode()


@pytest.fixture
async def upstream() -> MagnificUpstream:
    return MagnificUpstream()


@pytest.fixture
async def client(upstream: MagnificUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    async with (
        upstream.running() as url,
        aiohttp.ClientSession(url, headers={"x-magnific-api-key": "k" * 12}) as session,
    ):
        yield session


async def sent(client: aiohttp.ClientSession, **fields: object) -> tuple[int, Any]:
    async with client.post(PLACE, json={"image": IMAGE, **fields}) as answer:
        return answer.status, await answer.json()


async def told(client: aiohttp.ClientSession, task_id: str) -> tuple[int, Any]:
    async with client.get(f"{PLACE}/{task_id}") as answer:
        return answer.status, await answer.json()


async def test_a_task_is_created_runs_and_has_its_picture_on_another_host(
    client: aiohttp.ClientSession, upstream: MagnificUpstream
) -> None:
    gate = asyncio.Event()
    upstream.script.append(Behaviour("slow", gate=gate))
    status, created = await sent(client, scale_factor=4)
    task_id = created["data"]["task_id"]
    assert (status, created) == (200, {"data": {"task_id": task_id, "status": "CREATED", "generated": []}})
    assert (await told(client, task_id))[1]["data"]["status"] == "IN_PROGRESS"
    gate.set()
    done = (await told(client, task_id))[1]["data"]
    assert done["status"] == "COMPLETED"
    async with aiohttp.ClientSession() as stranger, stranger.get(done["generated"][0]) as answer:
        assert int.from_bytes((await answer.read())[16:20]) == 800
    assert upstream.purchases == 1


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"scale_factor": 17}, "scale_factor"), ({"creativity": 1}, "creativity"), ({"image": ""}, "image")],
)
async def test_a_request_that_breaks_the_table_is_refused_by_field(
    client: aiohttp.ClientSession, upstream: MagnificUpstream, fields: dict[str, object], field: str
) -> None:
    status, body = await sent(client, **fields)
    assert (status, body["message"], body["invalid_params"][0]["field"]) == (400, "Validation error", field)
    assert len(upstream.violations) == 1
    assert upstream.purchases == 0


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ("unauthorized", 401),
        ("out_of_quota", 403),
        ("rate_limited:2", 429),
        ("model_not_found", 404),
        ("server_error:503", 503),
    ],
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: MagnificUpstream, behaviour: str, status: int
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    answered, body = await sent(client)
    assert (answered, list(body)) == (status, ["message"])
    assert upstream.purchases == 0


async def test_an_unknown_task_is_not_found(client: aiohttp.ClientSession) -> None:
    assert await told(client, "00ff") == (404, {"message": "Task not found"})
