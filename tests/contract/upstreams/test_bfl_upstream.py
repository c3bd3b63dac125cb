"""The scripted Black Forest Labs keeps the vendor's protocol: tasks, results, credits, and errors in its forms."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from testkit.upstreams.base import Behaviour, parse_behaviour
from testkit.upstreams.bfl import BflUpstream

KEY = {"x-key": "bfl_test"}


@pytest.fixture
async def upstream() -> BflUpstream:
    return BflUpstream()


@pytest.fixture
async def client(upstream: BflUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    async with upstream.running() as url, aiohttp.ClientSession(url, headers=KEY) as session:
        yield session


async def told(answer: aiohttp.ClientResponse) -> tuple[int, Any]:
    return answer.status, await answer.json()


async def ordered(client: aiohttp.ClientSession, model: str = "flux-pro-1.1", **fields: object) -> dict[str, Any]:
    async with client.post(f"/v1/{model}", json={"prompt": "a fox", **fields}) as answer:
        status, body = await told(answer)
    assert status == 200
    return dict(body)


async def test_a_task_runs_and_has_its_picture_at_an_address_without_the_key(
    client: aiohttp.ClientSession, upstream: BflUpstream
) -> None:
    gate = asyncio.Event()
    upstream.script.append(Behaviour("slow", gate=gate))
    task = await ordered(client, "flux-kontext-max", aspect_ratio="16:9", seed=5)
    assert task["cost"] == 8.0
    async with client.get(task["polling_url"]) as answer:
        status, news = await told(answer)
    assert (status, news["status"], news["result"]) == (200, "Pending", None)
    gate.set()
    async with client.get(task["polling_url"]) as answer:
        status, news = await told(answer)
    assert (status, news["status"], news["result"]["seed"]) == (200, "Ready", 5)
    async with aiohttp.ClientSession() as stranger, stranger.get(news["result"]["sample"]) as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")
    assert upstream.purchases == 1


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [("refusal", "Request Moderated"), ("output_refusal", "Content Moderated"), ("failed", "Error")],
)
async def test_a_task_that_brings_nothing_ends_with_its_status(
    client: aiohttp.ClientSession, upstream: BflUpstream, behaviour: str, status: str
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    task = await ordered(client)
    async with client.get(task["polling_url"]) as answer:
        assert (await told(answer))[1]["status"] == status


async def test_a_task_that_nobody_ordered_is_not_found(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/get_result", params={"id": "x"}) as answer:
        assert (await told(answer))[1]["status"] == "Task not found"


@pytest.mark.parametrize(
    ("model", "fields", "broken"),
    [
        ("flux-pro-1.1", {"width": 1000}, "width"),
        ("flux-pro-1.1-ultra", {"aspect_ratio": "wide"}, "aspect_ratio"),
        ("flux-kontext-pro", {"input_image": "no base64!"}, "input_image"),
        ("flux-pro-1.0-fill", {}, "image"),
        ("flux-2-pro", {"steps": 20}, "steps"),
    ],
)
async def test_fields_that_break_the_models_table_are_refused_by_name(
    client: aiohttp.ClientSession, upstream: BflUpstream, model: str, fields: dict[str, object], broken: str
) -> None:
    async with client.post(f"/v1/{model}", json={"prompt": "a fox", **fields}) as answer:
        status, body = await told(answer)
    assert (status, body["detail"][0]["loc"]) == (422, ["body", broken])
    assert len(upstream.violations) == 1
    assert upstream.purchases == 0


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [("out_of_quota", 402), ("rate_limited:2", 429), ("model_not_found", 404), ("server_error:503", 503)],
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: BflUpstream, behaviour: str, status: int
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    async with client.post("/v1/flux-dev", json={"prompt": "a fox"}) as answer:
        assert answer.status == status
        assert isinstance((await answer.json())["detail"], str)
    assert upstream.purchases == 0


async def test_an_unknown_key_is_forbidden(client: aiohttp.ClientSession) -> None:
    async with client.post("/v1/flux-dev", json={"prompt": "a fox"}, headers={"x-key": "other"}) as answer:
        assert answer.status == 403


async def test_credits_and_finetunes_can_be_read(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/credits") as answer:
        assert (await told(answer))[1]["credits"] > 0
    async with client.get("/v1/my_finetunes") as answer:
        assert (await told(answer))[1]["finetunes"]
