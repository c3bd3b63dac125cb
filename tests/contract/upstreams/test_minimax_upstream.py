"""The scripted MiniMax keeps the vendor's protocol: every answer is a success, and its code says how it went."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pybase64
import pytest

from pictures.inspection import inspect
from testkit.upstreams.minimax import MiniMaxUpstream

KEY = {"Authorization": "Bearer mm-test"}
BASE: Mapping[str, object] = {"model": "image-01", "prompt": "a fox"}


@pytest.fixture
async def upstream() -> MiniMaxUpstream:
    return MiniMaxUpstream()


@pytest.fixture
async def client(upstream: MiniMaxUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    async with upstream.running() as url, aiohttp.ClientSession(url, headers=KEY) as session:
        yield session


async def drawn(client: aiohttp.ClientSession, **fields: object) -> Any:
    async with client.post("/v1/image_generation", json={**BASE, **fields}) as answer:
        assert answer.status == 200
        return await answer.json()


async def test_pictures_come_as_base64_with_counts_that_are_text(
    client: aiohttp.ClientSession, upstream: MiniMaxUpstream
) -> None:
    body = await drawn(client, n=2, aspect_ratio="16:9", response_format="base64")
    facts = [inspect(pybase64.b64decode(text)) for text in body["data"]["image_base64"]]
    assert [(one.width, one.height, one.format) for one in facts] == [(1368, 768, "jpeg")] * 2
    assert (body["metadata"], body["base_resp"]["status_code"]) == ({"success_count": "2", "failed_count": "0"}, 0)
    assert upstream.purchases == 1


async def test_pictures_stand_at_addresses_where_nothing_else_is_asked_for(client: aiohttp.ClientSession) -> None:
    body = await drawn(client, width=512, height=1024)
    (address,) = body["data"]["image_urls"]
    async with aiohttp.ClientSession() as stranger, stranger.get(address) as answer:
        assert inspect(await answer.read()).height == 1024


@pytest.mark.parametrize(
    ("marker", "code"),
    [
        ("refusal", 1026),
        ("output_refusal", 1027),
        ("rate_limited", 1002),
        ("out_of_quota", 1008),
        ("server_error", 1013),
    ],
)
async def test_a_failure_is_a_code_within_a_success(client: aiohttp.ClientSession, marker: str, code: int) -> None:
    body = await drawn(client, prompt=f"a fox [[{marker}]]")
    assert body["base_resp"]["status_code"] == code
    assert "data" not in body


async def test_some_pictures_may_be_withheld(client: aiohttp.ClientSession) -> None:
    body = await drawn(client, prompt="a fox [[output_refusal:1]]", n=3)
    assert body["metadata"] == {"success_count": "2", "failed_count": "1"}


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "image-02"},
        {"prompt": "x" * 1501},
        {"n": 10},
        {"width": 1000, "height": 1000, "n": 0},
        {"width": 512},
        {"width": 516, "height": 512},
        {"aspect_ratio": "5:4"},
        {"model": "image-01-live"},
        {"subject_reference": [{"type": "style", "image_file": "https://x.example/a.png"}]},
    ],
)
async def test_what_breaks_the_table_is_an_invalid_parameter(
    client: aiohttp.ClientSession, upstream: MiniMaxUpstream, fields: dict[str, object]
) -> None:
    assert (await drawn(client, **fields))["base_resp"]["status_code"] == 2013
    assert len(upstream.violations) == 1


async def test_an_unknown_key_is_a_code_too(client: aiohttp.ClientSession) -> None:
    async with client.post("/v1/image_generation", json=BASE, headers={"Authorization": "Bearer x"}) as answer:
        assert (await answer.json())["base_resp"]["status_code"] == 2049
