"""The scripted Reve keeps the vendor's protocol: pictures as bytes or base64, headers, violations, and errors."""

from collections.abc import AsyncIterator, Mapping

import aiohttp
import pybase64
import pytest

from pictures.inspection import inspect
from testkit.sample_pictures import sample
from testkit.upstreams.base import parse_behaviour
from testkit.upstreams.reve import ReveUpstream

KEY = {"Authorization": "Bearer papi.test"}
RAW = {"Accept": "image/webp"}
PICTURE = pybase64.b64encode(sample("png", 64, 64).stamped(1)).decode()
CREATE, EDIT, REMIX = "/v1/image/create", "/v1/image/edit", "/v1/image/remix"


@pytest.fixture
async def upstream() -> ReveUpstream:
    return ReveUpstream()


@pytest.fixture
async def client(upstream: ReveUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    async with upstream.running() as url, aiohttp.ClientSession(url, headers=KEY) as session:
        yield session


async def test_a_picture_comes_as_bytes_with_its_cost_in_headers(
    client: aiohttp.ClientSession, upstream: ReveUpstream
) -> None:
    async with client.post(CREATE, json={"prompt": "a fox", "aspect_ratio": "16:9"}, headers=RAW) as answer:
        facts = inspect(await answer.read())
    assert (facts.width, facts.height, facts.format, answer.content_type) == (1360, 768, "webp", "image/webp")
    assert answer.headers["x-reve-credits-used"] == "18"
    assert answer.headers["x-reve-version"] == "reve-create@20250915"
    assert upstream.purchases == 1


async def test_a_picture_comes_as_base64_to_who_wants_json(client: aiohttp.ClientSession) -> None:
    fields = {"edit_instruction": "a hat", "reference_image": PICTURE}
    async with client.post(EDIT, json=fields, headers={"Accept": "application/json"}) as answer:
        body = await answer.json()
    assert (body["credits_used"], body["content_violation"]) == (30, False)
    assert inspect(pybase64.b64decode(body["image"])).format == "png"


async def test_a_violation_is_a_success_without_a_picture(client: aiohttp.ClientSession) -> None:
    async with client.post(CREATE, json={"prompt": "a fox [[output_refusal]]"}, headers=RAW) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
    assert answer.headers["x-reve-content-violation"] == "true"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        (CREATE, {"prompt": "x" * 2561}),
        (CREATE, {"prompt": "x", "seed": 7}),
        (CREATE, {"prompt": "x", "aspect_ratio": "21:9"}),
        (CREATE, {"prompt": "x", "postprocessing": [{"process": "upscale", "upscale_factor": 8}]}),
        (CREATE, {"prompt": "x", "postprocessing": [{"process": "sharpen"}]}),
        (EDIT, {"edit_instruction": "x", "reference_image": f"data:image/png;base64,{PICTURE}"}),
        (REMIX, {"prompt": "x", "reference_images": [PICTURE] * 7}),
    ],
)
async def test_what_breaks_the_table_is_refused(
    client: aiohttp.ClientSession, upstream: ReveUpstream, path: str, fields: Mapping[str, object]
) -> None:
    async with client.post(path, json=fields, headers=RAW) as answer:
        assert (answer.status, (await answer.json())["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert len(upstream.violations) == 1


@pytest.mark.parametrize(
    ("behaviour", "status"), [("out_of_quota", 402), ("rate_limited:2", 429), ("server_error:503", 503)]
)
async def test_a_refused_order_is_answered_as_the_vendor_would(
    client: aiohttp.ClientSession, upstream: ReveUpstream, behaviour: str, status: int
) -> None:
    upstream.script.append(parse_behaviour(behaviour))
    async with client.post(CREATE, json={"prompt": "a fox"}, headers=RAW) as answer:
        assert answer.status == status
        assert (await answer.json())["error_code"]
    assert upstream.purchases == 0


async def test_an_unknown_key_is_unauthorized(client: aiohttp.ClientSession) -> None:
    async with client.post(CREATE, json={"prompt": "x"}, headers={"Authorization": "Bearer x"}) as answer:
        assert answer.status == 401
