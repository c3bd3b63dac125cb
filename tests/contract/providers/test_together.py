"""The Together provider before a scripted vendor: what models are asked for, LoRA, and what its errors mean."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pybase64
import pytest

from generator.catalogue_files import read_tables
from generator.providers.complaints import REFUSED
from generator.providers.together import PROVIDER, TogetherProvider
from generator.providers.together_errors import read_complaint
from generator.providers.together_models import MODELS
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from testkit.sample_pictures import sample
from testkit.upstreams.together import TogetherUpstream

from .conformance import AddressConformance, TicketConformance, Vendor, drawn_by
from .conftest import CountedMemory, OrderMaker

DEV = "black-forest-labs/FLUX.1-dev"
SDXL = "stabilityai/stable-diffusion-xl-base-1.0"
PICTURE = sample("png", 64, 32).stamped(1)
EVERYTHING: dict[str, Any] = {
    "negative_prompt": "blur",
    "width": 1000,
    "height": 700,
    "seed": 7,
    "steps": 90,
    "guidance": 3.5,
    "output_format": "webp",
    "lora_weights": "https://example.com/x.safetensors",
    "lora_scale": 0.7,
}


class TestConformance(TicketConformance, AddressConformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=TogetherUpstream,
        variables=("TOGETHER_API_KEY", "TOGETHER_BASE_URL"),
        upstream_model=DEV,
        ignored={"negative_prompt": "blur", "style": "vivid", "quality": "high"},
        without=frozenset({"output_refusal"}),
    )


@pytest.fixture
def vendor() -> TogetherUpstream:
    """The vendor, scripted."""
    return TogetherUpstream()


@pytest.fixture
async def together(vendor: TogetherUpstream) -> AsyncIterator[TogetherProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        environ = {"TOGETHER_API_KEY": "tg-12345678", "TOGETHER_BASE_URL": url, "GESSO_EGRESS_ALLOW": "127.0.0.0/8"}
        provider = TogetherProvider(environ)
        yield provider
        await provider.close()


def asked(vendor: TogetherUpstream) -> dict[str, Any]:
    """The fields of the last order."""
    return dict(json.loads(vendor.requests[-1].body))


def test_every_model_that_the_catalogue_routes_here_has_its_line() -> None:
    models = read_tables(None, {}).models.values()
    routes = [route for model in models for route in (*model.routes, *model.weights_routes)]
    assert {route.upstream_model for route in routes if route.provider == "together"} <= MODELS.keys()


@pytest.mark.parametrize("model", sorted(MODELS))
async def test_each_model_takes_what_it_is_sent(
    together: TogetherProvider, vendor: TogetherUpstream, order: OrderMaker, memory: CountedMemory, model: str
) -> None:
    await together.submit(order(upstream_model=model, count=2, inputs=[PICTURE], **EVERYTHING), memory)
    assert asked(vendor)["response_format"] == "url"
    assert not vendor.violations


async def test_the_seed_of_a_picture_is_told_where_it_was_ordered_alone(
    together: TogetherProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    for count, told in ((1, 7), (2, None)):
        drawn = await drawn_by(together, order(upstream_model=DEV, count=count, seed=7), memory)
        assert {picture.seed for picture in drawn.pictures} == {told}


async def test_a_draw_becomes_the_vendors_words(
    together: TogetherProvider, vendor: TogetherUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(
        together, order(upstream_model=DEV, count=2, width=1000, height=700, seed=7, steps=20, guidance=3.5), memory
    )
    assert asked(vendor) == {
        "model": DEV,
        "prompt": "a red fox",
        "n": 2,
        "seed": 7,
        "width": 1008,
        "height": 704,
        "steps": 20,
        "guidance_scale": 3.5,
        "output_format": "png",
        "response_format": "url",
    }
    assert [inspect(picture.data).format for picture in drawn.pictures] == ["png", "png"]
    assert (drawn.upstream_model, drawn.warnings) == (DEV, [])


async def test_weights_go_to_the_model_that_takes_them_and_are_a_warning_elsewhere(
    together: TogetherProvider, vendor: TogetherUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    weights = {"lora_weights": "https://example.com/x.safetensors", "lora_scale": 0.5}
    drawn = await drawn_by(together, order(upstream_model=f"{DEV}-lora", **weights), memory)
    assert asked(vendor)["image_loras"] == [{"path": "https://example.com/x.safetensors", "scale": 0.5}]
    assert not drawn.warnings
    drawn = await drawn_by(together, order(upstream_model=DEV, **weights), memory)
    assert drawn.warnings == ["together ignores lora_weights."]


async def test_stable_diffusion_takes_a_negative_prompt(
    together: TogetherProvider, vendor: TogetherUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(together, order(upstream_model=SDXL, negative_prompt="blur"), memory)
    assert asked(vendor)["negative_prompt"] == "blur"
    assert not drawn.warnings


async def test_pictures_to_change_are_sent_as_data(
    together: TogetherProvider, vendor: TogetherUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="black-forest-labs/FLUX.1-kontext-pro",
        operation=pb.OPERATION_IMAGE_TO_IMAGE,
        inputs=[PICTURE, PICTURE],
    )
    drawn = await drawn_by(together, wanted, memory)
    assert pybase64.b64decode(asked(vendor)["image_url"].partition(",")[2]) == PICTURE
    assert drawn.warnings == ["together uses the first 1 of 2 input pictures."]


async def test_a_model_that_the_table_does_not_know_takes_the_inputs_that_its_route_names(
    together: TogetherProvider, vendor: TogetherUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="Qwen/Qwen-Image", seed=7, steps=4, options={"inputs": "prompt* seed"})
    drawn = await drawn_by(together, wanted, memory)
    assert asked(vendor) == {"model": "Qwen/Qwen-Image", "prompt": "a red fox", "seed": 7, "response_format": "url"}
    assert drawn.warnings == ["together ignores steps."]


@pytest.mark.parametrize("version", ["", "/v1", "/v1/"])
async def test_the_address_may_end_with_the_version(
    vendor: TogetherUpstream, order: OrderMaker, memory: CountedMemory, version: str
) -> None:
    async with vendor.running() as url:
        provider = TogetherProvider({"TOGETHER_API_KEY": "tg-12345678", "TOGETHER_BASE_URL": url + version})
        await provider.submit(order(upstream_model=DEV), memory)
        await provider.close()
    assert vendor.requests[-1].path == "/v1/images/generations"


def test_a_refusal_is_known_by_the_word_of_its_message() -> None:
    assert read_complaint(422, b'{"error":{"message":"NSFW content detected"}}').reason == REFUSED
    assert read_complaint(500, b'{"error":{"message":"NSFW checker is down"}}').reason is None
    assert read_complaint(422, b'{"error":{"message":"steps is too large","param":"steps"}}').field == "steps"
    assert read_complaint(502, b"<html>").reason is None
