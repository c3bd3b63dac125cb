"""The scripted Gemini API keeps the vendor's protocol: pictures in parts, refusals in successes, errors with details."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pybase64
import pytest

from pictures.inspection import inspect
from testkit.upstreams.base import parse_behaviour
from testkit.upstreams.google import GoogleUpstream

KEY = {"x-goog-api-key": "AIza-test"}
PRO = "gemini-3-pro-image"


@pytest.fixture
async def upstream() -> GoogleUpstream:
    return GoogleUpstream()


@pytest.fixture
async def client(upstream: GoogleUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    async with upstream.running() as url, aiohttp.ClientSession(f"{url}/", headers=KEY) as session:
        yield session


def request(prompt: str = "a fox", **image_config: str) -> dict[str, Any]:
    config: dict[str, Any] = {"responseModalities": ["IMAGE"], "imageConfig": image_config}
    return {"contents": [{"role": "user", "parts": [{"text": prompt}]}], "generationConfig": config}


async def generated(
    client: aiohttp.ClientSession, body: object, model: str = PRO, headers: dict[str, str] | None = None
) -> tuple[int, Any]:
    async with client.post(f"models/{model}:generateContent", json=body, headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_picture_of_the_shape_and_size_asked_for_comes_among_thoughts(
    client: aiohttp.ClientSession, upstream: GoogleUpstream
) -> None:
    status, body = await generated(client, request(aspectRatio="16:9", imageSize="2K"))
    assert status == 200
    parts = body["candidates"][0]["content"]["parts"]
    (drawn,) = [part for part in parts if "inlineData" in part and not part.get("thought")]
    facts = inspect(pybase64.b64decode(drawn["inlineData"]["data"]))
    assert (facts.width, facts.height, drawn["inlineData"]["mimeType"]) == (2736, 1536, "image/png")
    assert body["usageMetadata"]["totalTokenCount"] > 1000
    assert upstream.purchases == 1


async def test_refusals_are_successes_with_a_reason(client: aiohttp.ClientSession, upstream: GoogleUpstream) -> None:
    status, body = await generated(client, request("a fox [[refusal]]"))
    assert (status, body["promptFeedback"]["blockReason"]) == (200, "PROHIBITED_CONTENT")
    assert upstream.purchases == 0
    status, body = await generated(client, request("a fox [[output_refusal]]"))
    assert (status, body["candidates"][0]["finishReason"]) == (200, "IMAGE_SAFETY")


@pytest.mark.parametrize(
    ("model", "body", "field"),
    [
        (PRO, request(aspectRatio="7:5"), "generation_config.image_config.aspectRatio"),
        ("gemini-2.5-flash-image", request(imageSize="2K"), "generation_config.image_config.imageSize"),
        (PRO, {"contents": []}, "contents"),
        (PRO, {"contents": [{"parts": [{"inlineData": {"mimeType": "text/plain"}}]}]}, "contents[0].parts[0]"),
        (PRO, {**request(), "n": 2}, "n"),
    ],
)
async def test_what_breaks_the_rules_is_refused_by_its_path(
    client: aiohttp.ClientSession, upstream: GoogleUpstream, model: str, body: object, field: str
) -> None:
    status, answer = await generated(client, body, model)
    assert (status, answer["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert answer["error"]["details"][0]["fieldViolations"][0]["field"].startswith(field)
    assert len(upstream.violations) == 1


@pytest.mark.parametrize(
    ("behaviour", "code", "status"),
    [
        ("rate_limited:2", 429, "RESOURCE_EXHAUSTED"),
        ("out_of_quota", 429, "RESOURCE_EXHAUSTED"),
        ("model_not_found", 404, "NOT_FOUND"),
        ("server_error:503", 503, "UNAVAILABLE"),
    ],
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: GoogleUpstream, behaviour: str, code: int, status: str
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    answered, body = await generated(client, request())
    assert (answered, body["error"]["code"], body["error"]["status"]) == (code, code, status)
    assert upstream.purchases == 0


async def test_an_unknown_key_is_an_invalid_argument(client: aiohttp.ClientSession) -> None:
    status, body = await generated(client, request(), headers={"x-goog-api-key": "x"})
    assert (status, body["error"]["details"][0]["reason"]) == (400, "API_KEY_INVALID")
