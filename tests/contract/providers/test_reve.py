"""The Reve provider before a scripted vendor: creations, edits and remixes, and what the headers say of them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pybase64
import pytest

from generator.catalogue_files import read_tables
from generator.providers.base import Bought, Drawn
from generator.providers.reve import PROVIDER, ReveProvider
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from testkit.sample_pictures import sample
from testkit.upstreams.reve import ReveUpstream

from .conformance import Conformance, Vendor, fault_of
from .conftest import CountedMemory, OrderMaker

PICTURE = sample("png", 64, 64).stamped(1)
OTHER = sample("jpeg", 64, 64).stamped(2)


class TestConformance(Conformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=ReveUpstream,
        variables=("REVE_API_KEY", "REVE_BASE_URL"),
        upstream_model="latest",
        key="papi.platform-0123456789",
        own_key="papi.own-0123456789",
        most=1,
        ignored={"negative_prompt": "blur", "seed": 7, "style": "vivid", "quality": "high", "steps": 20},
        without=frozenset({"bad_field"}),  # the vendor names no field
    )


@pytest.fixture
def vendor() -> ReveUpstream:
    """The vendor, scripted."""
    return ReveUpstream()


@pytest.fixture
async def reve(vendor: ReveUpstream) -> AsyncIterator[ReveProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        provider = ReveProvider({"REVE_API_KEY": "papi.a", "REVE_BASE_URL": url})
        yield provider
        await provider.close()


def asked(vendor: ReveUpstream) -> dict[str, Any]:
    """The fields of the last order."""
    return dict(json.loads(vendor.requests[-1].body))


def test_every_model_that_the_catalogue_routes_here_is_a_version() -> None:
    routes = [route for model in read_tables(None, {}).models.values() for route in model.routes]
    assert {route.upstream_model for route in routes if route.provider == "reve"} == {"latest"}


async def test_an_order_without_pictures_is_a_creation_and_tells_its_cost(
    reve: ReveProvider, vendor: ReveUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await reve.submit(order(upstream_model="latest", width=1600, height=900, output_format="webp"), memory)
    assert isinstance(drawn, Drawn)
    assert vendor.requests[-1].path == "/v1/image/create"
    assert vendor.requests[-1].headers["Accept"] == "image/webp"
    assert asked(vendor) == {"version": "latest", "prompt": "a red fox", "aspect_ratio": "16:9"}
    assert inspect(drawn.pictures[0].data).format == "webp"
    assert (drawn.cost_micros, json.loads(drawn.usage_json)) == (24_000, {"credits_used": 18})
    assert (drawn.upstream_model, drawn.pictures[0].said_format) == ("reve-create@20250915", "webp")
    assert not drawn.warnings


async def test_an_order_with_a_picture_is_an_edit_that_keeps_its_shape(
    reve: ReveProvider, vendor: ReveUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="latest-fast", operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=[OTHER], strength=0.5)
    drawn = await reve.submit(wanted, memory)
    assert isinstance(drawn, Drawn)
    assert vendor.requests[-1].path == "/v1/image/edit"
    assert asked(vendor).keys() == {"version", "edit_instruction", "reference_image"}
    assert pybase64.b64decode(asked(vendor)["reference_image"]) == OTHER
    assert drawn.warnings == ["reve ignores strength."]
    assert drawn.cost_micros == 40_000


async def test_an_order_with_several_pictures_is_a_remix_of_at_most_six(
    reve: ReveProvider, vendor: ReveUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    pictures = [sample("png", 64, 64).stamped(number) for number in range(7)]
    wanted = order(upstream_model="latest", operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=pictures, aspect_ratio="3:4")
    drawn = await reve.submit(wanted, memory)
    assert isinstance(drawn, Drawn)
    assert vendor.requests[-1].path == "/v1/image/remix"
    assert [pybase64.b64decode(one) for one in asked(vendor)["reference_images"]] == pictures[:6]
    assert asked(vendor)["aspect_ratio"] == "3:4"
    assert drawn.warnings == ["reve uses the first 6 of 7 input pictures."]
    assert not vendor.violations


async def test_a_transparent_background_is_removed_behind_and_never_a_jpeg(
    reve: ReveProvider, vendor: ReveUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="latest", background="transparent", output_format="jpeg")
    wanted.draw.options.update({"scale_factor": "2", "test_time_scaling": "5"})
    drawn = await reve.submit(wanted, memory)
    assert isinstance(drawn, Drawn)
    assert asked(vendor)["postprocessing"] == [
        {"process": "upscale", "upscale_factor": 2},
        {"process": "remove_background"},
    ]
    assert asked(vendor)["test_time_scaling"] == 5
    assert vendor.requests[-1].headers["Accept"] == "image/png"
    assert not drawn.warnings
    assert not vendor.violations


async def test_a_shape_that_the_vendor_does_not_draw_is_told(
    reve: ReveProvider, vendor: ReveUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await reve.submit(order(upstream_model="latest", aspect_ratio="21:9"), memory)
    assert isinstance(drawn, Drawn)
    assert asked(vendor)["aspect_ratio"] == "16:9"
    assert drawn.warnings == ["reve was asked for 16:9, the nearest to 21:9 that it draws."]


async def test_a_prompt_that_is_too_long_is_refused_before_it_is_bought(
    reve: ReveProvider, vendor: ReveUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    fault = await fault_of(reve, order(upstream_model="latest", prompt="x" * 2561), memory)
    assert (fault.reason, fault.bought, fault.details["field"]) == (
        reason.REASON_UPSTREAM_INVALID,
        Bought.NO,
        "prompt",
    )
    assert not vendor.requests


async def test_an_invalid_parameter_is_told_as_such(
    reve: ReveProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    fault = await fault_of(reve, order(upstream_model="latest", prompt="a fox [[bad_field]]"), memory)
    assert (fault.reason, fault.bought, fault.retryable) == (reason.REASON_UPSTREAM_INVALID, Bought.NO, False)
