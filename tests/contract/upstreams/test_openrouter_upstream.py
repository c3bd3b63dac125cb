"""The scripted OpenRouter keeps the vendor's protocol: images, chat, the cost, and errors in its form."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from testkit.upstreams.base import parse_behaviour
from testkit.upstreams.openrouter import OpenRouterUpstream

ORDER = {"model": "openai/gpt-image-2.5-sunburst", "prompt": "a fox"}
CHAT = {
    "model": "google/gemini-2.5-flash-image",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "a fox"}]}],
    "modalities": ["image", "text"],
}


@pytest.fixture
async def upstream() -> OpenRouterUpstream:
    return OpenRouterUpstream()


@pytest.fixture
async def client(upstream: OpenRouterUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": "Bearer sk-or-12345678"}
    async with upstream.running() as url, aiohttp.ClientSession(f"{url}/", headers=headers) as session:
        yield session


async def sent(client: aiohttp.ClientSession, path: str = "images", /, **fields: object) -> tuple[int, Any]:
    async with client.post(path, json={**(ORDER if path == "images" else CHAT), **fields}) as answer:
        return answer.status, await answer.json()


async def test_images_are_answered_as_base64_with_their_cost(
    client: aiohttp.ClientSession, upstream: OpenRouterUpstream
) -> None:
    status, body = await sent(client, n=2, size="1024x512", output_format="jpeg")
    assert (status, [one["media_type"] for one in body["data"]]) == (200, ["image/jpeg", "image/jpeg"])
    assert base64.b64decode(body["data"][0]["b64_json"]).startswith(b"\xff\xd8\xff")
    assert body["usage"]["cost"] == pytest.approx(0.0672)
    assert upstream.purchases == 1


async def test_a_chat_shows_its_picture_as_a_data_uri(client: aiohttp.ClientSession) -> None:
    status, body = await sent(client, "chat/completions", image_config={"aspect_ratio": "16:9"})
    (choice,) = body["choices"]
    assert (status, choice["finish_reason"]) == (200, "stop")
    assert choice["message"]["images"][0]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"model": "google/gemini-3-pro-image", "n": 2}, "n"),
        ({"size": "1024x1024", "aspect_ratio": "1:1"}, "size"),
        ({"aspect_ratio": "7:3"}, "aspect_ratio"),
        ({"response_format": "url"}, "response_format"),
        ({"input_references": ["data:image/png;base64,AAAA"]}, "input_references"),
    ],
)
async def test_a_request_that_breaks_the_table_is_refused(
    client: aiohttp.ClientSession, upstream: OpenRouterUpstream, fields: dict[str, object], name: str
) -> None:
    status, body = await sent(client, **fields)
    assert (status, body["error"]["message"].split()[2]) == (400, name)
    assert len(upstream.violations) == 1
    assert upstream.purchases == 0


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [("out_of_quota", 402), ("rate_limited:2", 429), ("model_not_found", 404), ("server_error:502", 502)],
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: OpenRouterUpstream, behaviour: str, status: int
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    answered, body = await sent(client)
    assert (answered, body["error"]["code"]) == (status, status)
    assert upstream.purchases == 0


async def test_a_moderation_has_its_reasons(client: aiohttp.ClientSession) -> None:
    status, body = await sent(client, prompt="a fox [[refusal]]")
    assert (status, body["error"]["metadata"]["reasons"]) == (403, ["violence"])
