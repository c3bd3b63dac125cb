"""The scripted ComfyUI keeps the tool's protocol: prompts, queue, history, uploads, views, and errors of nodes."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from testkit.sample_pictures import sample
from testkit.upstreams.base import Behaviour
from testkit.upstreams.comfyui import ComfyUIUpstream

LOADING: dict[str, Any] = {"3": {"class_type": "LoadImage", "inputs": {"image": "x.png"}}}


def workflow(**sampler: object) -> dict[str, Any]:
    """Stable Diffusion in seven nodes."""
    drawn = {"seed": 1, "steps": 20, "cfg": 7, "sampler_name": "euler", "scheduler": "normal", "denoise": 1, **sampler}
    links = {"model": ["4", 0], "positive": ["6", 0], "negative": ["6", 0], "latent_image": ["5", 0]}
    return {
        "3": {"class_type": "KSampler", "inputs": {**drawn, **links}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sd_xl_base_1.0.safetensors"}},
        "5": {"class_type": "EmptyLatentImage", "inputs": {"width": 64, "height": 32, "batch_size": 2}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a fox", "clip": ["4", 1]}},
        "8": {"class_type": "VAEDecode", "inputs": {"samples": ["3", 0], "vae": ["4", 2]}},
        "9": {"class_type": "SaveImage", "inputs": {"filename_prefix": "x", "images": ["8", 0]}},
    }


@pytest.fixture
async def upstream() -> ComfyUIUpstream:
    return ComfyUIUpstream()


@pytest.fixture
async def client(upstream: ComfyUIUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    async with upstream.running() as url, aiohttp.ClientSession(url) as session:
        yield session


async def queued(client: aiohttp.ClientSession, graph: dict[str, Any]) -> tuple[int, Any]:
    async with client.post("/prompt", json={"prompt": graph, "client_id": "test"}) as answer:
        return answer.status, await answer.json()


async def got(client: aiohttp.ClientSession, path: str) -> Any:
    async with client.get(path) as answer:
        return await answer.json()


async def test_a_prompt_is_queued_runs_and_its_pictures_can_be_viewed(
    client: aiohttp.ClientSession, upstream: ComfyUIUpstream
) -> None:
    gate = asyncio.Event()
    upstream.script.append(Behaviour("slow", gate=gate))
    status, body = await queued(client, workflow())
    prompt_id = body["prompt_id"]
    assert (status, body["node_errors"]) == (200, {})
    assert await got(client, f"/history/{prompt_id}") == {}
    assert (await got(client, "/queue"))["queue_running"][0][1] == prompt_id
    gate.set()
    ended = (await got(client, f"/history/{prompt_id}"))[prompt_id]
    assert ended["status"]["status_str"] == "success"
    (first, _) = ended["outputs"]["9"]["images"]
    async with client.get("/view", params=first) as answer:
        assert (answer.status, answer.content_type) == (200, "image/png")
        assert int.from_bytes((await answer.read())[16:20]) == 64
    assert upstream.purchases == 1


async def test_a_workflow_that_was_run_before_has_no_picture(client: aiohttp.ClientSession) -> None:
    ids = [(await queued(client, workflow()))[1]["prompt_id"] for _ in range(2)]
    outputs = [(await got(client, f"/history/{one}"))[one]["outputs"] for one in ids]
    assert [bool(one) for one in outputs] == [True, False]


@pytest.mark.parametrize(
    ("graph", "node", "kind", "name"),
    [
        (workflow(steps=0), "3", "value_bigger_than_max", "steps"),
        (workflow(sampler_name="magic"), "3", "value_not_in_list", "sampler_name"),
        (LOADING, "3", "custom_validation_failed", "image"),
    ],
)
async def test_a_workflow_that_does_not_fit_is_refused_by_node_and_input(
    client: aiohttp.ClientSession, upstream: ComfyUIUpstream, graph: dict[str, Any], node: str, kind: str, name: str
) -> None:
    status, body = await queued(client, graph)
    (error,) = body["node_errors"][node]["errors"]
    assert (status, error["type"], error["extra_info"]["input_name"]) == (400, kind, name)
    assert len(upstream.violations) == 1
    assert upstream.purchases == 0


async def test_a_node_that_is_not_installed_is_an_invalid_prompt(client: aiohttp.ClientSession) -> None:
    status, body = await queued(client, {"1": {"class_type": "Magic", "inputs": {}}})
    assert (status, body["error"]["type"]) == (400, "invalid_prompt")


async def test_an_upload_is_known_by_its_folder_and_name(
    client: aiohttp.ClientSession, upstream: ComfyUIUpstream
) -> None:
    form = aiohttp.FormData({"subfolder": "in", "type": "input"})
    picture = sample("png", 64, 32).stamped(1)
    form.add_field("image", picture, filename="a.png", content_type="image/png")
    async with client.post("/upload/image", data=form) as answer:
        assert await answer.json() == {"name": "a.png", "subfolder": "in", "type": "input"}
    assert upstream.uploads == {"in/a.png": picture}


async def test_a_run_that_failed_says_which_node_did(client: aiohttp.ClientSession, upstream: ComfyUIUpstream) -> None:
    upstream.script.append(Behaviour("failed"))
    prompt_id = (await queued(client, workflow()))[1]["prompt_id"]
    ended = (await got(client, f"/history/{prompt_id}"))[prompt_id]
    assert ended["status"]["status_str"] == "error"
    assert "KSampler" in json.dumps(ended["status"]["messages"])
