"""The scripted Ark keeps the vendor's protocol: pictures by address, its fields and sizes, and errors in its form."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from testkit.upstreams.ark import ArkUpstream
from testkit.upstreams.base import parse_behaviour

ORDER = {"model": "seedream-4-0-250828", "prompt": "a fox"}


@pytest.fixture
async def upstream() -> ArkUpstream:
    return ArkUpstream()


@pytest.fixture
async def client(upstream: ArkUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": "Bearer ark-12345678"}
    async with upstream.running() as url, aiohttp.ClientSession(f"{url}/", headers=headers) as session:
        yield session


async def sent(client: aiohttp.ClientSession, **fields: object) -> tuple[int, Any]:
    async with client.post("images/generations", json={**ORDER, **fields}) as answer:
        return answer.status, await answer.json()


async def test_a_picture_is_answered_by_address_with_its_size_and_usage(
    client: aiohttp.ClientSession, upstream: ArkUpstream
) -> None:
    status, body = await sent(client, size="2048x1024")
    assert (status, body["model"], body["data"][0]["size"]) == (200, ORDER["model"], "2048x1024")
    assert body["usage"] == {"generated_images": 1, "output_tokens": 8192, "total_tokens": 8192}
    async with aiohttp.ClientSession() as stranger, stranger.get(body["data"][0]["url"]) as answer:
        assert answer.content_type == "image/jpeg"
    assert upstream.purchases == 1


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"size": "512x512"}, "size"),
        ({"size": "3K"}, "size"),
        ({"n": 2}, "n"),
        ({"image": ["ftp://x"]}, "image"),
        ({"model": "dall-e-2"}, "model"),
        ({"prompt": ""}, "prompt"),
    ],
)
async def test_a_request_that_breaks_the_table_is_refused_by_parameter(
    client: aiohttp.ClientSession, upstream: ArkUpstream, fields: dict[str, object], param: str
) -> None:
    status, body = await sent(client, **fields)
    assert (status, body["error"]["param"]) == (400, param)
    assert len(upstream.violations) == 1
    assert upstream.purchases == 0


@pytest.mark.parametrize(
    ("behaviour", "status", "code"),
    [
        ("out_of_quota", 403, "AccountOverdueError"),
        ("rate_limited:2", 429, "RateLimitExceeded.EndpointRPMExceeded"),
        ("refusal", 400, "InputTextSensitiveContentDetected"),
        ("server_error:503", 503, "InternalServiceError"),
    ],
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: ArkUpstream, behaviour: str, status: int, code: str
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    answered, body = await sent(client)
    assert (answered, body["error"]["code"]) == (status, code)
    assert upstream.purchases == 0


async def test_a_withheld_picture_is_an_error_beside_the_others_in_a_success(client: aiohttp.ClientSession) -> None:
    status, body = await sent(client, prompt="a fox [[output_refusal]]")
    assert (status, body["usage"]["generated_images"]) == (200, 0)
    assert body["data"][0]["error"]["code"] == "OutputImageSensitiveContentDetected"
