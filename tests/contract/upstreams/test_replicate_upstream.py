"""The scripted Replicate keeps the vendor's protocol: create, poll, cancel, upload, and errors in its forms."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from testkit.upstreams.base import Behaviour, parse_behaviour
from testkit.upstreams.replicate import ReplicateUpstream
from testkit.upstreams.specification import Specification

PUBLISHED = Path(__file__).parents[4] / "shared" / "upstreams" / "specs" / "replicate.openapi.json"
MODEL = "models/black-forest-labs/flux-dev/predictions"
KEY = {"Authorization": "Bearer r8_key"}


@pytest.fixture
async def upstream() -> ReplicateUpstream:
    return ReplicateUpstream(specification=Specification.beside(PUBLISHED))


@pytest.fixture
async def client(upstream: ReplicateUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    async with upstream.running() as url, aiohttp.ClientSession(f"{url}/", headers=KEY) as session:
        yield session


async def created(client: aiohttp.ClientSession, **inputs: object) -> dict[str, Any]:
    async with client.post(MODEL, json={"input": {"prompt": "a fox", **inputs}}) as answer:
        assert answer.status == 201
        return dict(await answer.json())


async def polled(client: aiohttp.ClientSession, prediction: dict[str, Any]) -> dict[str, Any]:
    async with client.get(prediction["urls"]["get"]) as answer:
        assert answer.status == 200
        return dict(await answer.json())


async def test_a_prediction_starts_runs_and_has_its_pictures_on_another_host(
    client: aiohttp.ClientSession, upstream: ReplicateUpstream
) -> None:
    gate = asyncio.Event()
    upstream.script.append(Behaviour("slow", gate=gate))
    prediction = await created(client, num_outputs=2, aspect_ratio="16:9", output_format="jpg")
    assert (prediction["status"], prediction["output"]) == ("starting", None)
    assert (await polled(client, prediction))["status"] == "processing"
    gate.set()
    ended = await polled(client, prediction)
    assert (ended["status"], len(ended["output"])) == ("succeeded", 2)
    async with aiohttp.ClientSession() as stranger, stranger.get(ended["output"][0]) as answer:
        assert (answer.status, answer.content_type) == (200, "image/jpeg")
    assert upstream.purchases == 1
    assert not upstream.violations


async def test_a_prediction_can_be_cancelled(client: aiohttp.ClientSession, upstream: ReplicateUpstream) -> None:
    upstream.script.append(Behaviour("hang"))
    prediction = await created(client)
    async with client.post(prediction["urls"]["cancel"]) as answer:
        assert (await answer.json())["status"] == "canceled"
    assert (await polled(client, prediction))["status"] == "canceled"


@pytest.mark.skipif(not PUBLISHED.exists(), reason="the vendor's specification does not stand beside this checkout")
async def test_a_request_that_breaks_the_specification_is_refused_and_noted(
    client: aiohttp.ClientSession, upstream: ReplicateUpstream
) -> None:
    async with client.post(MODEL, json={"input": {"prompt": "a fox"}, "webhooks": "x"}) as answer:
        assert answer.status == 422
    assert upstream.violations
    assert upstream.purchases == 0


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ("out_of_quota", 402),
        ("rate_limited:2", 429),
        ("model_not_found", 404),
        ("server_error:503", 503),
        ("bad_field", 422),
    ],
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: ReplicateUpstream, behaviour: str, status: int
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    async with client.post(MODEL, json={"input": {"prompt": "a fox"}}) as answer:
        assert answer.status == status
        assert (await answer.json())["status"] == status
    assert upstream.purchases == 0


async def test_a_version_that_does_not_exist_is_refused(client: aiohttp.ClientSession) -> None:
    async with client.post("predictions", json={"version": "acme/foxes:1", "input": {}}) as answer:
        assert answer.status == 422


async def test_an_unknown_key_is_refused(client: aiohttp.ClientSession) -> None:
    async with client.post(MODEL, json={"input": {}}, headers={"Authorization": "Bearer x"}) as answer:
        assert answer.status == 401
