"""The scripted DashScope keeps the vendor's protocol: pictures at once, tasks, and errors in its form."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from testkit.upstreams.base import Behaviour, parse_behaviour
from testkit.upstreams.dashscope import DashScopeUpstream

AT_ONCE = "services/aigc/multimodal-generation/generation"
QUEUED = "services/aigc/text2image/image-synthesis"
MESSAGES = {"messages": [{"role": "user", "content": [{"text": "a fox"}]}]}


@pytest.fixture
async def upstream() -> DashScopeUpstream:
    return DashScopeUpstream()


@pytest.fixture
async def client(upstream: DashScopeUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": "Bearer sk-12345678"}
    async with upstream.running() as url, aiohttp.ClientSession(f"{url}/", headers=headers) as session:
        yield session


async def sent(client: aiohttp.ClientSession, model: str = "qwen-image-2.0", **parameters: object) -> tuple[int, Any]:
    async with client.post(AT_ONCE, json={"model": model, "input": MESSAGES, "parameters": parameters}) as answer:
        return answer.status, await answer.json()


async def test_pictures_are_answered_at_once_by_address(
    client: aiohttp.ClientSession, upstream: DashScopeUpstream
) -> None:
    status, body = await sent(client, n=2, size="1024*768")
    urls = [choice["message"]["content"][0]["image"] for choice in body["output"]["choices"]]
    assert (status, len(urls), body["usage"]) == (200, 2, {"image_count": 2, "width": 1024, "height": 768})
    async with aiohttp.ClientSession() as stranger, stranger.get(urls[0]) as answer:
        assert answer.content_type == "image/png"
    assert upstream.purchases == 1


async def test_a_task_is_pending_runs_and_succeeds(client: aiohttp.ClientSession, upstream: DashScopeUpstream) -> None:
    gate = asyncio.Event()
    upstream.script.append(Behaviour("slow", gate=gate))
    body = {"model": "qwen-image-plus", "input": {"prompt": "a fox"}, "parameters": {}}
    async with client.post(QUEUED, json=body, headers={"X-DashScope-Async": "enable"}) as answer:
        output = (await answer.json())["output"]
    assert output["task_status"] == "PENDING"
    async with client.get(f"tasks/{output['task_id']}") as answer:
        assert (await answer.json())["output"]["task_status"] == "RUNNING"
    gate.set()
    async with client.get(f"tasks/{output['task_id']}") as answer:
        ended = await answer.json()
    assert ended["output"]["task_status"] == "SUCCEEDED"
    assert ended["output"]["results"][0]["url"].startswith("http://127.0.0.1:")
    assert ended["usage"] == {"image_count": 1}


@pytest.mark.parametrize(
    ("model", "parameters", "name"),
    [
        ("qwen-image-2.0", {"size": "1024x1024"}, "size"),
        ("qwen-image-2.0", {"size": "4096*4096"}, "size"),
        ("qwen-image-max", {"size": "1024*1024"}, "size"),
        ("qwen-image-max", {"n": 2}, "n"),
        ("qwen-image-plus", {}, "model"),  # served by tasks alone
        ("qwen-image-edit", {}, "image"),
        ("qwen-image-2.0", {"cfg": 3}, "cfg"),
    ],
)
async def test_a_request_that_breaks_the_table_is_refused_by_parameter(
    client: aiohttp.ClientSession, upstream: DashScopeUpstream, model: str, parameters: dict[str, object], name: str
) -> None:
    status, body = await sent(client, model, **parameters)
    assert (status, body["code"], body["message"].split()[2]) == (400, "InvalidParameter", name)
    assert len(upstream.violations) == 1
    assert upstream.purchases == 0


@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        ("out_of_quota", 400, "Arrearage"),
        ("rate_limited:2", 429, "Throttling.RateQuota"),
        ("refusal", 400, "DataInspectionFailed"),
        ("model_not_found", 404, "ModelNotFound"),
        ("server_error:503", 503, "InternalError.Algo"),
    ],
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: DashScopeUpstream, behaviour: str, status: int, code: str
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    answered, body = await sent(client)
    assert (answered, body["code"]) == (status, code)
    assert upstream.purchases == 0


async def test_an_unknown_task_is_told_in_a_success(client: aiohttp.ClientSession) -> None:
    async with client.get("tasks/00ff") as answer:
        assert (answer.status, (await answer.json())["output"]["task_status"]) == (200, "UNKNOWN")


async def test_a_withheld_picture_is_told_in_a_success_without_an_output(client: aiohttp.ClientSession) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "a fox [[output_refusal]]"}]}]}
    async with client.post(AT_ONCE, json={"model": "qwen-image-2.0", "input": body, "parameters": {}}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (200, "DataInspectionFailed")
