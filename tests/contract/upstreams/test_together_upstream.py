"""The scripted Together keeps the vendor's protocol: pictures by address or as base64, and errors in its form."""

import base64
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from testkit.upstreams.base import parse_behaviour
from testkit.upstreams.together import TogetherUpstream

ORDER = {"model": "black-forest-labs/FLUX.1-schnell", "prompt": "a fox"}


@pytest.fixture
async def upstream() -> TogetherUpstream:
    return TogetherUpstream()


@pytest.fixture
async def client(upstream: TogetherUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    headers = {"Authorization": "Bearer tg-12345678"}
    async with upstream.running() as url, aiohttp.ClientSession(f"{url}/", headers=headers) as session:
        yield session


async def sent(client: aiohttp.ClientSession, **fields: object) -> tuple[int, Any]:
    async with client.post("v1/images/generations", json={**ORDER, **fields}) as answer:
        return answer.status, await answer.json()


async def test_pictures_are_answered_by_address(client: aiohttp.ClientSession, upstream: TogetherUpstream) -> None:
    status, body = await sent(client, n=2, width=512)
    assert (status, body["object"], [one["index"] for one in body["data"]]) == (200, "list", [0, 1])
    async with aiohttp.ClientSession() as stranger, stranger.get(body["data"][0]["url"]) as answer:
        assert answer.content_type == "image/jpeg"
    assert upstream.purchases == 1


async def test_pictures_are_answered_as_base64(client: aiohttp.ClientSession) -> None:
    _, body = await sent(client, response_format="base64", output_format="png")
    assert base64.b64decode(body["data"][0]["b64_json"]).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 5}, "n"),
        ({"width": 1000}, "width"),
        ({"size": "1024x1024"}, "size"),
        ({"image_loras": [{"path": "x", "scale": 1}]}, "image_loras"),
    ],
)
async def test_a_request_that_breaks_the_table_is_refused_by_parameter(
    client: aiohttp.ClientSession, upstream: TogetherUpstream, fields: dict[str, object], param: str
) -> None:
    status, body = await sent(client, **fields)
    assert (status, body["error"]["param"]) == (400, param)
    assert len(upstream.violations) == 1
    assert upstream.purchases == 0


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ("out_of_quota", 402),
        ("rate_limited:2", 429),
        ("refusal", 422),
        ("model_not_found", 404),
        ("server_error:503", 503),
    ],
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: TogetherUpstream, behaviour: str, status: int
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    answered, body = await sent(client)
    assert (answered, set(body["error"])) == (status, {"message", "type", "param", "code"})
    assert upstream.purchases == 0
