"""The fal provider before a scripted queue: what each model is asked for, and what its results mean."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pybase64
import pytest

from generator.catalogue_files import read_tables
from generator.providers.base import Bought, Drawn, Ticket, UpstreamFault
from generator.providers.fal import PROVIDER, FalProvider
from generator.providers.fal_models import MODELS, OF_SEVERAL
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from testkit.sample_pictures import sample
from testkit.upstreams.fal import FalUpstream
from testkit.upstreams.fal_rules import models, violation

from .conformance import AddressConformance, QueueConformance, Vendor, drawn_by, fault_of
from .conftest import CountedMemory, OrderMaker

PICTURE = sample("png", 64, 32).stamped(1)
OTHER = sample("jpeg", 64, 64).stamped(2)
MASK = sample("png", 16, 8).stamped(3)
# Everything that a draw can ask for, in words that the models know.
EVERYTHING: dict[str, Any] = {
    "negative_prompt": "blur",
    "width": 1600,
    "height": 900,
    "seed": 7,
    "steps": 20,
    "guidance": 3.5,
    "strength": 0.5,
    "style": "REALISTIC",
    "background": "opaque",
    "quality": "high",
    "output_format": "png",
    "lora_weights": "https://example.com/x.safetensors",
    "lora_scale": 0.7,
}


class TestConformance(QueueConformance, AddressConformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=FalUpstream,
        variables=("FAL_KEY", "FAL_BASE_URL"),
        upstream_model="fal-ai/flux/dev",
        key="platform:secret-0123456789",
        own_key="own:secret-0123456789",
        ignored={"negative_prompt": "blur", "style": "vivid", "quality": "high"},
    )


@pytest.fixture
def queue() -> FalUpstream:
    """The vendor, scripted."""
    return FalUpstream()


@pytest.fixture
async def fal(queue: FalUpstream) -> AsyncIterator[FalProvider]:
    """The provider before it."""
    async with queue.running() as url:
        provider = FalProvider({"FAL_KEY": "a:b", "FAL_BASE_URL": url, "GESSO_EGRESS_ALLOW": "127.0.0.0/8"})
        yield provider
        await provider.close()


def asked(queue: FalUpstream) -> dict[str, Any]:
    """The inputs of the last order."""
    return dict(json.loads(next(one.body for one in reversed(queue.requests) if one.method == "POST")))


def test_every_model_that_the_catalogue_routes_here_has_its_line() -> None:
    routes = [route for model in read_tables(None, {}).models.values() for route in model.routes]
    assert {route.upstream_model for route in routes if route.provider == "fal"} <= MODELS.keys()


@pytest.mark.parametrize("model", sorted(MODELS.keys() & models().keys()))
async def test_each_model_takes_what_it_is_sent(
    fal: FalProvider, queue: FalUpstream, order: OrderMaker, memory: CountedMemory, model: str
) -> None:
    inputs = [PICTURE] if model in OF_SEVERAL else [PICTURE, OTHER]
    wanted = order(upstream_model=model, count=2, inputs=inputs, mask=MASK, **EVERYTHING)
    wanted.draw.options.update(
        {"raw": "true", "safety_tolerance": "5", "scale_factor": "4", "prompt_upsampling": "true"}
    )
    assert isinstance(await fal.submit(wanted, memory), Ticket)
    assert not queue.violations
    assert violation(models()[model], asked(queue)) is None


@pytest.mark.parametrize(
    ("model", "draw", "expected"),
    [
        ("fal-ai/flux/dev", {"width": 1600, "height": 900}, {"image_size": {"width": 1600, "height": 904}}),
        ("fal-ai/flux-pro/v1.1-ultra", {"width": 1600, "height": 900}, {"aspect_ratio": "16:9"}),
        ("fal-ai/flux-pro/kontext/text-to-image", {"aspect_ratio": "9:21"}, {"aspect_ratio": "9:21"}),
        ("fal-ai/nano-banana-pro", {"resolution": "2K"}, {"resolution": "2K"}),
        (
            "fal-ai/bytedance/seedream/v4/text-to-image",
            {"width": 512, "height": 512},
            {"image_size": {"width": 1024, "height": 1024}},
        ),
        (
            "fal-ai/flux-lora",
            {"lora_weights": "https://example.com/x.safetensors", "lora_scale": 0.5},
            {"loras": [{"path": "https://example.com/x.safetensors", "scale": 0.5}]},
        ),
        ("fal-ai/ideogram/v3", {"style": "design"}, {"style": "DESIGN"}),
    ],
)
async def test_a_draw_becomes_the_words_of_its_model(
    fal: FalProvider,
    queue: FalUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    model: str,
    draw: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    drawn = await drawn_by(fal, order(upstream_model=model, **draw), memory)
    assert asked(queue).items() >= expected.items()
    assert not queue.violations
    assert not drawn.warnings


async def test_routes_and_requests_name_inputs_of_the_model_as_options(
    fal: FalProvider, queue: FalUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="fal-ai/ideogram/v3", options={"rendering_speed": "BALANCED"})
    wanted.draw.options.update({"rendering_speed": "turbo", "style_preset": "WATERCOLOR"})
    await drawn_by(fal, wanted, memory)
    assert asked(queue).items() >= {"rendering_speed": "TURBO", "style_preset": "WATERCOLOR"}.items()


async def test_inputs_are_sent_as_data_and_the_mask_as_large_as_its_picture(
    fal: FalProvider, queue: FalUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="fal-ai/fast-sdxl/inpainting", operation=pb.OPERATION_INPAINT, inputs=[PICTURE], mask=MASK
    )
    await drawn_by(fal, wanted, memory)
    sent = {name: pybase64.b64decode(asked(queue)[name].partition(",")[2]) for name in ("image_url", "mask_url")}
    assert sent["image_url"] == PICTURE
    mask = inspect(sent["mask_url"])
    assert (mask.width, mask.height, mask.has_alpha) == (64, 32, False)


async def test_an_edit_without_a_picture_is_refused_before_it_is_bought(
    fal: FalProvider, queue: FalUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    fault = await fault_of(fal, order(upstream_model="fal-ai/flux-pro/kontext"), memory)
    assert (fault.reason, fault.bought, fault.details["field"]) == (
        reason.REASON_UPSTREAM_INVALID,
        Bought.NO,
        "image_url",
    )
    assert not queue.requests


@pytest.mark.parametrize("model", ["fal-ai/flux-pro/kontext", "fal-ai/flux-pro/kontext/max"])
async def test_several_pictures_are_edited_by_the_model_beside_that_takes_them(
    fal: FalProvider, queue: FalUpstream, order: OrderMaker, memory: CountedMemory, model: str
) -> None:
    operation = pb.OPERATION_IMAGE_TO_IMAGE
    wanted = order(upstream_model=model, operation=operation, inputs=[PICTURE, PICTURE])
    ticket = await fal.submit(wanted, memory)
    drawn = await fal.collect(ticket, order(upstream_model=model, operation=operation), memory)
    assert queue.requests[0].path == f"/{model}/multi"
    assert len(asked(queue)["image_urls"]) == 2
    assert (drawn.upstream_model, list(drawn.warnings)) == (f"{model}/multi", [])
    await drawn_by(fal, order(upstream_model=model, operation=operation, inputs=[PICTURE]), memory)
    assert f"/{model}" in {one.path for one in queue.requests if one.method == "POST"}


async def test_a_model_with_one_picture_answers_it(
    fal: FalProvider, queue: FalUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="fal-ai/esrgan", operation=pb.OPERATION_UPSCALE, prompt="", inputs=[PICTURE])
    wanted.draw.options["scale_factor"] = "4"
    drawn = await drawn_by(fal, wanted, memory)
    assert asked(queue)["scale"] == 4
    assert len(drawn.pictures) == 1
    assert not drawn.warnings


async def test_a_model_that_the_table_does_not_know_takes_the_inputs_that_its_route_names(
    fal: FalProvider, queue: FalUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="fal-ai/flux/schnell", seed=7, steps=4, options={"inputs": "prompt* seed"})
    drawn = await drawn_by(fal, wanted, memory)
    assert asked(queue) == {"prompt": "a red fox", "seed": 7}
    assert drawn.warnings == ["fal ignores steps."]


async def test_the_seed_that_was_drawn_with_is_told_for_a_picture_alone(
    fal: FalProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    alone = await drawn_by(fal, order(upstream_model="fal-ai/flux/dev", seed=7), memory)
    several = await drawn_by(fal, order(upstream_model="fal-ai/flux/dev", seed=7, count=2), memory)
    assert [picture.seed for picture in alone.pictures] == [7]
    assert [picture.seed for picture in several.pictures] == [None, None]


async def test_a_ticket_whose_addresses_are_elsewhere_is_asked_about_at_the_vendor_alone(
    fal: FalProvider, queue: FalUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="fal-ai/flux-pro/kontext/max/text-to-image")
    ticket = await fal.submit(wanted, memory)
    elsewhere = json.loads(ticket.data)
    elsewhere["request"] |= {"status_url": "http://127.0.0.1:1/status", "response_url": "https://evil.example/"}
    drawn = await fal.collect(Ticket(json.dumps(elsewhere).encode()), wanted, memory)
    assert isinstance(drawn, Drawn)
    assert {one.path.split("/requests/")[0] for one in queue.requests if one.method == "GET"} == {"/fal-ai/flux-pro"}


async def test_a_blacked_out_picture_is_a_refusal_and_the_others_are_kept(
    fal: FalProvider, queue: FalUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="fal-ai/flux/dev", prompt="a fox [[output_refusal:1]]", count=3)
    drawn = await drawn_by(fal, wanted, memory)
    assert len(drawn.pictures) == 2
    (fault,) = drawn.faults
    assert isinstance(fault, UpstreamFault)
    assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_REFUSED, Bought.YES)
    assert len(queue.results.requests) == 2


@pytest.mark.parametrize("status", [500, 504])
async def test_a_model_that_failed_is_known_by_its_result_alone(
    fal: FalProvider, order: OrderMaker, memory: CountedMemory, status: int
) -> None:
    wanted = order(upstream_model="fal-ai/flux/dev", prompt=f"a fox [[failed_untold:{status}]]")
    async with asyncio.timeout(10):
        fault = await fault_of(fal, wanted, memory)
    assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_FAILED, Bought.NO)
