"""The scripted A1111 keeps the server's protocol: drawings, changes, enlargements, and errors in its forms."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from testkit.sample_pictures import sample
from testkit.upstreams.a1111 import A1111Upstream

IMAGE = base64.b64encode(sample("png", 64, 32).stamped(1)).decode()


@pytest.fixture
async def upstream() -> A1111Upstream:
    return A1111Upstream()


@pytest.fixture
async def client(upstream: A1111Upstream) -> AsyncIterator[aiohttp.ClientSession]:
    async with upstream.running() as url, aiohttp.ClientSession(f"{url}/sdapi/v1/") as session:
        yield session


async def sent(client: aiohttp.ClientSession, call: str, /, **fields: object) -> tuple[int, Any]:
    async with client.post(call, json=fields) as answer:
        return answer.status, await answer.json()


async def test_pictures_are_base64_and_what_is_told_of_them_is_json_in_a_string(
    client: aiohttp.ClientSession, upstream: A1111Upstream
) -> None:
    status, body = await sent(client, "txt2img", prompt="a fox", batch_size=2, seed=5)
    info = json.loads(body["info"])
    assert (status, info["all_seeds"], info["index_of_first_image"]) == (200, [5, 6], 0)
    assert base64.b64decode(body["images"][0]).startswith(b"\x89PNG")
    assert upstream.purchases == 1


async def test_a_change_keeps_its_inputs_to_itself(client: aiohttp.ClientSession) -> None:
    status, body = await sent(client, "img2img", prompt="a fox", init_images=[IMAGE], denoising_strength=0.5)
    assert (status, body["parameters"]["init_images"]) == (200, None)


async def test_an_enlarged_picture_is_alone(client: aiohttp.ClientSession) -> None:
    status, body = await sent(client, "extra-single-image", image=IMAGE, upscaling_resize=4)
    assert status == 200
    assert int.from_bytes(base64.b64decode(body["image"])[16:20]) == 256


@pytest.mark.parametrize(
    ("call", "fields", "name"),
    [
        ("txt2img", {"steps": 0}, "steps"),
        ("txt2img", {"n": 2}, "n"),
        ("img2img", {"prompt": "a fox"}, "init_images"),
        ("extra-single-image", {"image": IMAGE, "upscaling_resize": 9}, "upscaling_resize"),
    ],
)
async def test_a_request_that_breaks_the_table_is_refused_by_field(
    client: aiohttp.ClientSession, upstream: A1111Upstream, call: str, fields: dict[str, object], name: str
) -> None:
    status, body = await sent(client, call, **fields)
    assert (status, body["detail"][0]["loc"]) == (422, ["body", name])
    assert len(upstream.violations) == 1
    assert upstream.purchases == 0


async def test_an_unknown_sampler_is_not_found(client: aiohttp.ClientSession) -> None:
    status, body = await sent(client, "txt2img", prompt="a fox", sampler_name="Restart")
    assert (status, body["detail"]) == (404, "Sampler not found")


async def test_an_unknown_checkpoint_is_passed_over_in_silence(client: aiohttp.ClientSession) -> None:
    _, body = await sent(client, "txt2img", prompt="a fox", override_settings={"sd_model_checkpoint": "other"})
    assert json.loads(body["info"])["sd_model_name"] == "sd_xl_base_1.0"


async def test_a_failure_is_an_exception_by_name(client: aiohttp.ClientSession) -> None:
    status, body = await sent(client, "txt2img", prompt="a fox [[server_error]]")
    assert (status, body["error"]) == (500, "OutOfMemoryError")


async def test_wrong_credentials_are_refused(client: aiohttp.ClientSession) -> None:
    login = {"Authorization": f"Basic {base64.b64encode(b'unknown:x').decode()}"}
    async with client.post("txt2img", json={"prompt": "a fox"}, headers=login) as answer:
        assert (answer.status, await answer.json()) == (401, {"detail": "Incorrect username or password"})
