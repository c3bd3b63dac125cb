"""The ComfyUI provider before a scripted server: which workflow is filled with what, uploads, and what its runs mean."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from generator.catalogue_files import read_tables
from generator.providers.base import Bought
from generator.providers.comfyui import PROVIDER, ComfyUIProvider
from generator.providers.comfyui_errors import read_complaint
from generator.providers.comfyui_workflows import SHIPPED
from generator.providers.complaints import FAILED
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from servicekit.settings import SettingError
from testkit.sample_pictures import sample
from testkit.upstreams.comfyui import ComfyUIUpstream

from .conformance import QueueConformance, Vendor, drawn_by, fault_of
from .conftest import CountedMemory, OrderMaker

PICTURE = sample("png", 640, 480).stamped(1)
OTHER = sample("jpeg", 64, 64).stamped(2)
MASK = sample("png", 16, 8).stamped(3)


class TestConformance(QueueConformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=ComfyUIUpstream,
        variables=("COMFYUI_API_KEY", "COMFYUI_BASE_URL"),
        upstream_model="sdxl",
        self_hosted=True,
        draw={"width": 256, "height": 256},
        ignored={"style": "vivid", "quality": "high", "lora_weights": "https://example.com/x.safetensors"},
        # It has no moderation, no limits and no money.
        without=frozenset({"refusal", "output_refusal", "rate_limited", "out_of_quota"}),
    )


@pytest.fixture
def server() -> ComfyUIUpstream:
    """The server, scripted."""
    return ComfyUIUpstream()


@pytest.fixture
async def comfyui(server: ComfyUIUpstream) -> AsyncIterator[ComfyUIProvider]:
    """The provider before it, with the workflows of the platform alone."""
    async with server.running() as url:
        provider = ComfyUIProvider({"COMFYUI_BASE_URL": url})
        yield provider
        await provider.close()


def graph(server: ComfyUIUpstream) -> dict[str, Any]:
    """The workflow of the last order."""
    queued = next(one.body for one in reversed(server.requests) if one.path == "/prompt")
    return dict(json.loads(queued)["prompt"])


def inputs(server: ComfyUIUpstream, kind: str) -> dict[str, Any]:
    """The inputs of the node of a class, links excepted."""
    (found,) = [node["inputs"] for node in graph(server).values() if node["class_type"] == kind]
    return {name: value for name, value in found.items() if not isinstance(value, list)}


def texts(server: ComfyUIUpstream) -> dict[str, str]:
    """What the sampler's two conditions say."""
    sampler = next(node["inputs"] for node in graph(server).values() if node["class_type"] == "KSampler")
    return {name: graph(server)[sampler[name][0]]["inputs"]["text"] for name in ("positive", "negative")}


def shipped(name: str) -> tuple[str, str]:
    """A workflow of the platform and its bindings."""
    return (SHIPPED / f"{name}.json").read_text(), (SHIPPED / f"{name}.bindings.toml").read_text()


def kept(folder: Path, name: str, workflow: str, bindings: str) -> str:
    """The place of a workflow of the operator's own."""
    (folder / f"{name}.json").write_text(workflow)
    (folder / f"{name}.bindings.toml").write_text(bindings)
    return str(folder / f"{name}.json")


def test_every_model_that_the_catalogue_routes_here_has_a_workflow() -> None:
    routes = [route for model in read_tables(None, {}).models.values() for route in model.routes]
    models = {route.upstream_model for route in routes if route.provider == "comfyui"}
    assert models == {"sdxl", "qwen-image"}
    assert {path.name for path in SHIPPED.glob("qwen-image.*.json")} == {"qwen-image.text-to-image.json"}


async def test_a_draw_fills_the_workflow_and_its_seed_is_told(
    comfyui: ComfyUIProvider, server: ComfyUIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="sdxl", width=1000, height=700, seed=7, steps=12, guidance=4.5, negative_prompt="blur"
    )
    wanted.draw.options["sampler"] = "k_dpmpp_2m_karras"
    drawn = await drawn_by(comfyui, wanted, memory)
    assert texts(server) == {"positive": "a red fox", "negative": "blur"}
    expected = {"seed": 7, "steps": 12, "cfg": 4.5, "sampler_name": "dpmpp_2m", "scheduler": "karras", "denoise": 1.0}
    assert inputs(server, "KSampler") == expected
    assert inputs(server, "EmptyLatentImage") == {"width": 1000, "height": 704, "batch_size": 1}
    assert inputs(server, "CheckpointLoaderSimple") == {"ckpt_name": "sd_xl_base_1.0.safetensors"}
    assert [picture.seed for picture in drawn.pictures] == [7]
    assert drawn.echoed == {"workflow": "checkpoint.text-to-image"}
    assert not drawn.warnings


async def test_the_workflows_own_values_stay_where_the_draw_says_nothing(
    comfyui: ComfyUIProvider, server: ComfyUIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    await drawn_by(comfyui, order(upstream_model="sdxl", count=3), memory)
    assert inputs(server, "EmptyLatentImage") == {"width": 1024, "height": 1024, "batch_size": 3}
    assert inputs(server, "KSampler").items() >= {"steps": 30, "cfg": 7.0, "sampler_name": "dpmpp_2m"}.items()


async def test_qwen_image_is_drawn_from_the_files_that_the_tool_publishes(
    comfyui: ComfyUIProvider, server: ComfyUIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(comfyui, order(upstream_model="qwen-image", width=1600, height=900), memory)
    assert inputs(server, "EmptySD3LatentImage") == {"width": 1600, "height": 912, "batch_size": 1}
    assert inspect(drawn.pictures[0].data).width == 1600
    assert not server.violations


async def test_orders_without_a_seed_and_repeated_ones_bring_new_pictures(
    comfyui: ComfyUIProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    first, second = [await drawn_by(comfyui, order(upstream_model="sdxl"), memory) for _ in range(2)]
    assert first.pictures[0].seed != second.pictures[0].seed
    for _ in range(2):
        drawn = await drawn_by(comfyui, order(upstream_model="sdxl", seed=7), memory)
        assert len(drawn.pictures) == 1


async def test_a_picture_to_change_is_uploaded_and_drawn_in_its_size(
    comfyui: ComfyUIProvider, server: ComfyUIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="sdxl",
        operation=pb.OPERATION_IMAGE_TO_IMAGE,
        inputs=[PICTURE, OTHER],
        strength=0.4,
        count=2,
    )
    drawn = await drawn_by(comfyui, wanted, memory)
    (name,) = server.uploads
    assert server.uploads[name] == PICTURE
    assert inputs(server, "LoadImage") == {"image": name}
    assert inputs(server, "ImageScale").items() >= {"width": 640, "height": 480, "crop": "center"}.items()
    assert inputs(server, "RepeatLatentBatch") == {"amount": 2}
    assert inputs(server, "KSampler")["denoise"] == 0.4
    assert drawn.warnings == ["comfyui uses the first 1 of 2 input pictures."]


async def test_a_mask_is_white_where_it_is_repainted_and_as_large_as_its_picture(
    comfyui: ComfyUIProvider, server: ComfyUIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="sdxl", operation=pb.OPERATION_INPAINT, inputs=[PICTURE], mask=MASK)
    drawn = await drawn_by(comfyui, wanted, memory)
    mask = inspect(server.uploads[inputs(server, "LoadImageMask")["image"]])
    assert (mask.width, mask.height, mask.has_alpha) == (640, 480, False)
    assert inputs(server, "LoadImageMask")["channel"] == "red"
    assert not drawn.warnings


async def test_a_checkpoint_of_ones_own_is_drawn_from_by_the_same_workflow(
    server: ComfyUIUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    async with server.running() as url:
        environ = {"COMFYUI_BASE_URL": url, "COMFYUI_CHECKPOINTS": "dreams=dreamshaper_8.safetensors"}
        provider = ComfyUIProvider(environ)
        await drawn_by(provider, order(upstream_model="dreams"), memory)
        await provider.close()
    assert inputs(server, "CheckpointLoaderSimple") == {"ckpt_name": "dreamshaper_8.safetensors"}


async def test_a_workflow_of_the_operators_own_serves_every_model(
    server: ComfyUIUpstream, order: OrderMaker, memory: CountedMemory, tmp_path: Path
) -> None:
    workflow, _ = shipped("checkpoint.text-to-image")
    place = kept(tmp_path, "mine", workflow, 'prompt = "6.text"\n[options]\nclip_steps = "3.steps"\n')
    async with server.running() as url:
        provider = ComfyUIProvider({"COMFYUI_BASE_URL": url, "COMFYUI_WORKFLOW": place})
        wanted = order(upstream_model="any/model", seed=7, width=512, height=768, count=2)
        wanted.draw.options["clip_steps"] = "9"
        drawn = await drawn_by(provider, wanted, memory)
        await provider.close()
    assert (texts(server)["positive"], inputs(server, "KSampler")["steps"]) == ("a red fox", 9)
    assert drawn.pictures[0].seed is None
    assert drawn.warnings == [
        "comfyui ignores seed.",
        "comfyui draws one picture at a time with the workflow mine.",
        "comfyui chooses the shape itself; 512x768 was asked for.",
    ]
    assert len(drawn.faults) == 1


async def test_a_folder_has_a_workflow_for_each_model_and_operation(
    server: ComfyUIUpstream, order: OrderMaker, memory: CountedMemory, tmp_path: Path
) -> None:
    workflow, bindings = shipped("checkpoint.text-to-image")
    kept(tmp_path, "house--dreams.text-to-image", workflow.replace("sd_xl_base_1.0", "dreamshaper_8"), bindings)
    async with server.running() as url:
        provider = ComfyUIProvider({"COMFYUI_BASE_URL": url, "COMFYUI_WORKFLOW": str(tmp_path)})
        drawn = await drawn_by(provider, order(upstream_model="house/dreams"), memory)
        assert drawn.echoed == {"workflow": "house--dreams.text-to-image"}
        shipped_one = await drawn_by(provider, order(upstream_model="sdxl"), memory)
        assert shipped_one.echoed == {"workflow": "checkpoint.text-to-image"}
        await provider.close()
    assert not server.violations


async def test_weights_of_the_servers_folder_go_where_the_workflow_binds_them(
    server: ComfyUIUpstream, order: OrderMaker, memory: CountedMemory, tmp_path: Path
) -> None:
    workflow, bindings = shipped("checkpoint.text-to-image")
    nodes = json.loads(workflow)
    loaded = {"model": ["4", 0], "clip": ["4", 1], "lora_name": "x", "strength_model": 1.0, "strength_clip": 1.0}
    nodes["20"] = {"class_type": "LoraLoader", "inputs": loaded}
    nodes["3"]["inputs"]["model"] = ["20", 0]
    bound = 'lora_weights = "20.lora_name"\nlora_scale = ["20.strength_model", "20.strength_clip"]\n'
    place = kept(tmp_path, "fur", json.dumps(nodes), bound + bindings)
    async with server.running() as url:
        provider = ComfyUIProvider({"COMFYUI_BASE_URL": url, "COMFYUI_WORKFLOW": place})
        drawn = await drawn_by(provider, order(upstream_model="any", lora_weights="fur", lora_scale=0.6), memory)
        await provider.close()
    expected = {"lora_name": "fur.safetensors", "strength_model": 0.6, "strength_clip": 0.6}
    assert inputs(server, "LoraLoader") == expected
    assert not drawn.warnings


@pytest.mark.parametrize(
    ("workflow", "bindings", "said"),
    [
        ('{"3":{"class_type":"K","inputs":{}}}', 'seed = "3.seed"', "has no 3.seed"),
        ('{"3":{"class_type":"K","inputs":{}}}', 'output = "9"', "has no 9"),
        ('{"3":{"class_type":"K","inputs":{}}}', 'promt = "3.text"', "promt"),
        ('{"3":{"class_type":"K","inputs":{}}}', 'bounds = "large"', "bounds"),
        ("no JSON", "", "cannot be read"),
        ("{}", "no TOML", "cannot be read"),
    ],
)
def test_bindings_that_do_not_fit_their_workflow_are_refused_at_the_start(
    tmp_path: Path, workflow: str, bindings: str, said: str
) -> None:
    place = kept(tmp_path, "mine", workflow, bindings)
    with pytest.raises(SettingError, match=said):
        PROVIDER.open({"COMFYUI_WORKFLOW": place})


def test_a_workflow_without_bindings_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(SettingError, match=r"mine\.bindings\.toml"):
        PROVIDER.open({"COMFYUI_WORKFLOW": str(tmp_path)})


@pytest.mark.parametrize(
    "fields",
    [
        {"upstream_model": "unknown"},
        {"upstream_model": "qwen-image", "operation": pb.OPERATION_IMAGE_TO_IMAGE, "inputs": [PICTURE]},
    ],
)
async def test_a_model_without_a_workflow_can_be_had_by_another_route(
    comfyui: ComfyUIProvider,
    server: ComfyUIUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    fields: dict[str, Any],
) -> None:
    fault = await fault_of(comfyui, order(**fields), memory)
    assert (fault.reason, fault.bought, fault.retryable) == (reason.REASON_UPSTREAM_FAILED, Bought.NO, True)
    assert not server.requests


@pytest.mark.parametrize("accident", ["download_error", "download_drop"])
async def test_a_view_that_fails_by_accident_is_tried_again(
    comfyui: ComfyUIProvider, server: ComfyUIUpstream, order: OrderMaker, memory: CountedMemory, accident: str
) -> None:
    drawn = await drawn_by(comfyui, order(upstream_model="sdxl", prompt=f"a fox [[{accident}]]"), memory)
    assert inspect(drawn.pictures[0].data).width == 1024
    assert server.purchases == 1


def test_a_file_that_the_server_lacks_is_no_fault_of_the_request() -> None:
    lacking = {"type": "value_not_in_list", "extra_info": {"input_name": "ckpt_name"}}
    too_large = {"type": "value_bigger_than_max", "extra_info": {"input_name": "steps"}}
    said = [
        read_complaint(400, json.dumps({"error": {}, "node_errors": {"3": {"errors": [one]}}}).encode())
        for one in (lacking, too_large)
    ]
    assert [(one.reason, one.field) for one in said] == [(FAILED, "ckpt_name"), (None, "steps")]
    assert read_complaint(400, b'{"error":"no prompt","node_errors":[]}').reason == FAILED
    assert read_complaint(502, b"<html>").reason is None
