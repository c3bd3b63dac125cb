"""The Black Forest Labs provider before a scripted vendor: what each model is asked for, and how tasks end."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pybase64
import pytest

from generator.catalogue_files import read_tables
from generator.providers.base import Bought, Ticket
from generator.providers.bfl import PROVIDER, BflProvider
from generator.providers.bfl_models import MODELS
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from testkit.eventually import eventually
from testkit.sample_pictures import sample
from testkit.upstreams.bfl import BflUpstream
from testkit.upstreams.specification import Specification

from .conformance import AddressConformance, QueueConformance, Vendor, drawn_by, fault_of
from .conftest import CountedMemory, OrderMaker

PUBLISHED = Path(__file__).parents[4] / "shared" / "upstreams" / "specs" / "bfl.openapi.json"
PICTURE = sample("png", 64, 32).stamped(1)
OTHER = sample("jpeg", 64, 64).stamped(2)
MASK = sample("png", 16, 8).stamped(3)
EVERYTHING: dict[str, Any] = {
    "negative_prompt": "blur",
    "width": 1600,
    "height": 900,
    "seed": 7,
    "steps": 5,
    "guidance": 30.0,
    "strength": 0.25,
    "style": "vivid",
    "quality": "high",
    "output_format": "webp",
    "lora_weights": "acme/fox",
    "lora_scale": 0.7,
}


class TestConformance(QueueConformance, AddressConformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=BflUpstream,
        variables=("BFL_API_KEY", "BFL_BASE_URL"),
        upstream_model="flux-pro-1.1",
        key="bfl_platform_0123456789",
        own_key="bfl_own_0123456789",
        most=1,
        ignored={"negative_prompt": "blur", "style": "vivid", "quality": "high", "steps": 20, "guidance": 3.0},
    )


@pytest.fixture
def vendor() -> BflUpstream:
    """The vendor, scripted; by its published document where that is at hand."""
    return BflUpstream(specification=Specification.beside(PUBLISHED))


@pytest.fixture
async def bfl(vendor: BflUpstream) -> AsyncIterator[BflProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        provider = BflProvider({"BFL_API_KEY": "bfl_a", "BFL_BASE_URL": url, "GESSO_EGRESS_ALLOW": "127.0.0.0/8"})
        yield provider
        await provider.close()


def asked(vendor: BflUpstream) -> dict[str, Any]:
    """The fields of the last order."""
    return dict(json.loads(next(one.body for one in reversed(vendor.requests) if one.method == "POST")))


def test_every_model_that_the_catalogue_routes_here_has_its_line() -> None:
    models = read_tables(None, {}).models.values()
    routes = [route for model in models for route in (*model.routes, *model.weights_routes)]
    assert {route.upstream_model for route in routes if route.provider == "bfl"} <= MODELS.keys()


@pytest.mark.parametrize("model", sorted(MODELS))
async def test_each_model_takes_what_it_is_sent(
    bfl: BflProvider, vendor: BflUpstream, order: OrderMaker, memory: CountedMemory, model: str
) -> None:
    wanted = order(upstream_model=model, inputs=[PICTURE, OTHER], mask=MASK, **EVERYTHING)
    wanted.draw.options.update({"raw": "true", "safety_tolerance": "5", "prompt_upsampling": "true", "top": "64"})
    assert isinstance(await bfl.submit(wanted, memory), Ticket)
    assert not vendor.violations


@pytest.mark.parametrize(
    ("model", "draw", "expected"),
    [
        ("flux-pro-1.1", {"width": 1600, "height": 900}, {"width": 1440, "height": 832}),
        ("flux-pro-1.1", {"width": 512, "height": 512}, {"width": 512, "height": 512}),
        ("flux-pro-1.1-ultra", {"width": 1600, "height": 900}, {"aspect_ratio": "16:9"}),
        ("flux-kontext-pro", {"aspect_ratio": "9:21"}, {"aspect_ratio": "9:21"}),
        ("flux-dev", {"steps": 40, "guidance": 4.0}, {"steps": 40, "guidance": 4.0}),
        ("flux-2-pro", {"width": 2048, "height": 1024}, {"width": 2048, "height": 1024}),
        ("flux-kontext-max", {"output_format": "jpeg"}, {"output_format": "jpeg"}),
        ("flux-pro-1.1-ultra-finetuned", {"lora_weights": "acme/fox"}, {"finetune_id": "acme/fox"}),
    ],
)
async def test_a_draw_becomes_the_words_of_its_model(
    bfl: BflProvider,
    vendor: BflUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    model: str,
    draw: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    drawn = await drawn_by(bfl, order(upstream_model=model, **draw), memory)
    assert asked(vendor).items() >= expected.items()
    assert not vendor.violations
    assert len([warning for warning in drawn.warnings if "was asked for" not in warning]) == 0


async def test_an_edit_sends_each_picture_in_an_input_of_its_own_and_keeps_the_shape(
    bfl: BflProvider, vendor: BflUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="flux-kontext-pro", operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=[PICTURE, OTHER], seed=7
    )
    drawn = await drawn_by(bfl, wanted, memory)
    sent = asked(vendor)
    assert [pybase64.b64decode(sent[name]) for name in ("input_image", "input_image_2")] == [PICTURE, OTHER]
    assert "aspect_ratio" not in sent
    assert inspect(drawn.pictures[0].data).format == "png"
    assert not drawn.warnings
    assert not vendor.violations


async def test_raw_pictures_of_ultra_are_a_parameter_of_the_draw(
    bfl: BflProvider, vendor: BflUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="flux-pro-1.1-ultra")
    wanted.draw.options.update({"raw": "true"})
    drawn = await drawn_by(bfl, wanted, memory)
    assert asked(vendor)["raw"] is True
    assert not drawn.warnings


async def test_a_route_names_the_finetune_that_it_draws_with(
    bfl: BflProvider, vendor: BflUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    options = {"finetune_id": "fox-style", "finetune_strength": "1.3"}
    model = "flux-pro-1.1-ultra-finetuned"
    await drawn_by(bfl, order(upstream_model=model, options=options, lora_scale=0.5), memory)
    assert asked(vendor).items() >= {"finetune_id": "fox-style", "finetune_strength": 0.5}.items()
    await drawn_by(bfl, order(upstream_model=model, options=options), memory)
    assert asked(vendor)["finetune_strength"] == 1.3
    fault = await fault_of(bfl, order(upstream_model=model), memory)
    assert (fault.reason, fault.details["field"]) == (reason.REASON_UPSTREAM_INVALID, "finetune_id")


async def test_a_mask_is_sent_as_large_as_its_picture_and_white_where_it_is_repainted(
    bfl: BflProvider, vendor: BflUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="flux-pro-1.0-fill", operation=pb.OPERATION_INPAINT, inputs=[PICTURE], mask=MASK, steps=5
    )
    drawn = await drawn_by(bfl, wanted, memory)
    assert pybase64.b64decode(asked(vendor)["image"]) == PICTURE
    mask = inspect(pybase64.b64decode(asked(vendor)["mask"]))
    assert (mask.width, mask.height, mask.has_alpha) == (64, 32, False)
    assert asked(vendor)["steps"] == 15
    assert drawn.warnings == ["bfl was asked for steps 15, the nearest to 5 that it takes."]


async def test_seed_cost_and_the_prompt_that_was_drawn_are_told(
    bfl: BflProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="flux-pro-1.1-ultra", seed=4_294_967_295)
    wanted.draw.options["prompt_upsampling"] = "true"
    drawn = await drawn_by(bfl, wanted, memory)
    assert [picture.seed for picture in drawn.pictures] == [4_294_967_295]
    assert drawn.cost_micros == 60_000
    assert drawn.revised_prompt.startswith("a red fox, in the golden light")


async def test_a_ticket_whose_address_is_elsewhere_is_asked_about_at_the_vendor_alone(
    bfl: BflProvider, vendor: BflUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="flux-dev")
    ticket = await bfl.submit(wanted, memory)
    assert isinstance(ticket, Ticket)
    elsewhere = json.loads(ticket.data)
    elsewhere["task"]["polling_url"] = "https://evil.example/v1/get_result?id=1"
    await bfl.collect(Ticket(json.dumps(elsewhere).encode()), wanted, memory)
    polls = [one for one in vendor.requests if one.method == "GET"]
    assert {(one.path, one.query["id"]) for one in polls} == {("/v1/get_result", elsewhere["task"]["id"])}


async def test_a_task_that_is_unknown_at_first_is_waited_for(
    bfl: BflProvider, vendor: BflUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="flux-dev")
    ticket = await bfl.submit(wanted, memory)
    assert isinstance(ticket, Ticket)
    (task_id,) = vendor.jobs
    task = vendor.jobs.pop(task_id)
    collecting = asyncio.create_task(bfl.collect(ticket, wanted, memory))
    await eventually(lambda: any(one.method == "GET" for one in vendor.requests))
    vendor.jobs[task_id] = task
    assert len((await collecting).pictures) == 1


async def test_an_edit_without_a_picture_is_refused_before_it_is_bought(
    bfl: BflProvider, vendor: BflUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    fault = await fault_of(bfl, order(upstream_model="flux-pro-1.0-fill"), memory)
    assert (fault.reason, fault.bought, fault.details["field"]) == (
        reason.REASON_UPSTREAM_INVALID,
        Bought.NO,
        "image",
    )
    assert not vendor.requests
