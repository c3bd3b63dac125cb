"""The scripted Stability AI keeps the vendor's protocol: forms, pictures as bytes or base64, ids, and errors by name."""

import asyncio
from collections.abc import AsyncIterator, Mapping

import aiohttp
import pybase64
import pytest

from pictures.inspection import inspect
from testkit.sample_pictures import sample
from testkit.upstreams.base import Behaviour, parse_behaviour
from testkit.upstreams.stability import StabilityUpstream

KEY = {"Authorization": "Bearer sk-test"}
PICTURE = sample("png", 64, 64).stamped(1)
RAW = {"Accept": "image/*"}
CORE, CREATIVE = "/v2beta/stable-image/generate/core", "/v2beta/stable-image/upscale/creative"


@pytest.fixture
async def upstream() -> StabilityUpstream:
    return StabilityUpstream()


@pytest.fixture
async def client(upstream: StabilityUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    async with upstream.running() as url, aiohttp.ClientSession(url, headers=KEY) as session:
        yield session


def form(**fields: object) -> aiohttp.FormData:
    made = aiohttp.FormData(default_to_multipart=True)
    for name, value in fields.items():
        if isinstance(value, bytes):
            made.add_field(name, value, filename=f"{name}.png", content_type="image/png")
        else:
            made.add_field(name, str(value))
    return made


async def test_a_picture_comes_as_bytes_with_what_is_said_of_it_in_headers(
    client: aiohttp.ClientSession, upstream: StabilityUpstream
) -> None:
    fields = form(prompt="a fox", aspect_ratio="3:2", output_format="webp", seed=7)
    async with client.post(CORE, data=fields, headers=RAW) as answer:
        facts = inspect(await answer.read())
    assert (answer.status, answer.content_type) == (200, "image/webp")
    assert (answer.headers["finish-reason"], answer.headers["seed"]) == ("SUCCESS", "7")
    assert (facts.width, facts.height, facts.format) == (1248, 832, "webp")
    assert upstream.purchases == 1


async def test_a_picture_comes_as_base64_to_who_wants_json(client: aiohttp.ClientSession) -> None:
    async with client.post(CORE, data=form(prompt="a fox"), headers={"Accept": "application/json"}) as answer:
        body = await answer.json()
    assert body["finish_reason"] == "SUCCESS"
    assert inspect(pybase64.b64decode(body["image"])).format == "png"


async def test_what_takes_longer_is_answered_by_an_id(
    client: aiohttp.ClientSession, upstream: StabilityUpstream
) -> None:
    gate = asyncio.Event()
    upstream.script.append(Behaviour("slow", gate=gate))
    async with client.post(CREATIVE, data=form(prompt="a fox", image=PICTURE)) as answer:
        job_id = (await answer.json())["id"]
    async with client.get(f"/v2beta/results/{job_id}", headers=RAW) as answer:
        assert (answer.status, (await answer.json())["status"]) == (202, "in-progress")
    gate.set()
    async with client.get(f"/v2beta/results/{job_id}", headers=RAW) as answer:
        first = await answer.read()
    async with client.get(f"/v2beta/results/{job_id}", headers=RAW) as answer:
        assert await answer.read() == first
    assert inspect(first).format == "png"


@pytest.mark.parametrize(
    ("path", "fields", "broken"),
    [
        ("generate/core", {"prompt": "x", "aspect_ratio": "7:5"}, "aspect_ratio"),
        ("generate/core", {"aspect_ratio": "1:1"}, "prompt"),
        ("generate/core", {"prompt": "x", "image": PICTURE}, "image"),
        ("generate/ultra", {"prompt": "x", "image": PICTURE}, "strength"),
        ("generate/sd3", {"prompt": "x", "mode": "image-to-image", "strength": 0.5}, "image"),
        ("generate/sd3", {"prompt": "x", "mode": "text-to-image", "output_format": "webp"}, "output_format"),
        ("edit/remove-background", {"image": b"no picture"}, "image"),
        ("upscale/conservative", {"image": PICTURE, "prompt": "x", "creativity": 0.9}, "creativity"),
    ],
)
async def test_forms_that_break_the_table_are_refused_by_field(
    client: aiohttp.ClientSession, upstream: StabilityUpstream, path: str, fields: Mapping[str, object], broken: str
) -> None:
    async with client.post(f"/v2beta/stable-image/{path}", data=form(**fields), headers=RAW) as answer:
        body = await answer.json()
    assert (answer.status, body["name"]) == (400, "bad_request")
    assert body["errors"][0].startswith(f"{broken}: ")
    assert len(upstream.violations) == 1


@pytest.mark.parametrize(
    ("behaviour", "status", "name"),
    [
        ("refusal", 403, "content_moderation"),
        ("out_of_quota", 402, "payment_required"),
        ("rate_limited:2", 429, "rate_limit_exceeded"),
        ("model_not_found", 404, "not_found"),
        ("server_error:503", 503, "internal_error"),
    ],
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: StabilityUpstream, behaviour: str, status: int, name: str
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    async with client.post(CORE, data=form(prompt="a fox"), headers=RAW) as answer:
        assert (answer.status, (await answer.json())["name"]) == (status, name)
    assert upstream.purchases == 0


async def test_a_picture_that_moderation_withholds_is_a_success_that_says_so(client: aiohttp.ClientSession) -> None:
    async with client.post(CORE, data=form(prompt="a fox [[output_refusal]]"), headers=RAW) as answer:
        assert (answer.status, answer.headers["finish-reason"]) == (200, "CONTENT_FILTERED")
