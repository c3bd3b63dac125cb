"""The scripted Ideogram keeps the vendor's protocol: JSON and forms, addresses, safety, and errors."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from testkit.sample_pictures import sample
from testkit.upstreams.base import parse_behaviour
from testkit.upstreams.ideogram import IdeogramUpstream
from testkit.upstreams.specification import Specification

PUBLISHED = Path(__file__).parents[4] / "shared" / "upstreams" / "specs" / "ideogram.openapi.json"
KEY = {"Api-Key": "ide_test"}
PICTURE = sample("png", 64, 64).stamped(1)
GENERATE = "/v1/ideogram-v3/generate"


@pytest.fixture
async def upstream() -> IdeogramUpstream:
    return IdeogramUpstream(specification=Specification.beside(PUBLISHED))


@pytest.fixture
async def client(upstream: IdeogramUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    async with upstream.running() as url, aiohttp.ClientSession(url, headers=KEY) as session:
        yield session


async def told(answer: aiohttp.ClientResponse) -> tuple[int, Any]:
    return answer.status, await answer.json()


async def test_pictures_stand_at_addresses_of_another_host(
    client: aiohttp.ClientSession, upstream: IdeogramUpstream
) -> None:
    fields = {"prompt": "a fox", "resolution": "1312x736", "num_images": 2, "seed": 7, "style_type": "DESIGN"}
    async with client.post(GENERATE, json=fields) as answer:
        status, body = await told(answer)
    assert (status, [image["seed"] for image in body["data"]]) == (200, [7, 8])
    assert {image["resolution"] for image in body["data"]} == {"1312x736"}
    async with aiohttp.ClientSession() as stranger, stranger.get(body["data"][0]["url"]) as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")
    assert (upstream.purchases, upstream.violations) == (1, [])


async def test_an_edit_is_a_form_with_files(client: aiohttp.ClientSession, upstream: IdeogramUpstream) -> None:
    form = aiohttp.FormData()
    for name in ("image", "mask"):
        form.add_field(name, PICTURE, filename=f"{name}.png", content_type="image/png")
    for name, value in (("prompt", "a hat"), ("style_codes", "abcdef12"), ("style_codes", "12345678")):
        form.add_field(name, value)
    async with client.post("/v1/ideogram-v3/edit", data=form) as answer:
        status, body = await told(answer)
    assert (status, len(body["data"]), upstream.violations) == (200, 1, [])


async def test_a_picture_that_is_not_safe_has_no_address(client: aiohttp.ClientSession) -> None:
    async with client.post(GENERATE, json={"prompt": "a fox [[output_refusal:1]]", "num_images": 2}) as answer:
        _, body = await told(answer)
    assert [(image["is_image_safe"], image["url"] is None) for image in body["data"]] == [(False, True), (True, False)]


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (GENERATE, {}),
        (GENERATE, {"prompt": "x", "resolution": "1000x1000"}),
        (GENERATE, {"prompt": "x", "resolution": "1024x1024", "aspect_ratio": "1x1"}),
        (GENERATE, {"prompt": "x", "style_codes": ["abcdef12"], "style_type": "DESIGN"}),
        (GENERATE, {"prompt": "x", "num_images": 9}),
        ("/v1/ideogram-v3/remix", {"prompt": "x"}),
    ],
)
async def test_what_breaks_the_table_is_refused(
    client: aiohttp.ClientSession, upstream: IdeogramUpstream, path: str, fields: Mapping[str, object]
) -> None:
    async with client.post(path, json=fields) as answer:
        assert answer.status == 400
    assert len(upstream.violations) == 1


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [("refusal", 422), ("rate_limited:2", 429), ("out_of_quota", 402), ("server_error:503", 503)],
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: IdeogramUpstream, behaviour: str, status: int
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    async with client.post(GENERATE, json={"prompt": "a fox"}) as answer:
        assert answer.status == status
        assert "error" in await answer.json()
    assert upstream.purchases == 0


async def test_an_unknown_key_is_not_authorized(client: aiohttp.ClientSession) -> None:
    async with client.post(GENERATE, json={"prompt": "a fox"}, headers={"Api-Key": "x"}) as answer:
        assert answer.status == 401
