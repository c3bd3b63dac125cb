"""The Ark provider before a scripted vendor: sizes and their words, edits, and what its errors mean."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pybase64
import pytest

from generator.catalogue_files import read_tables
from generator.providers.ark import PROVIDER, ArkProvider
from generator.providers.ark_errors import ArkError, complaint_of, read_complaint
from generator.providers.ark_models import FAMILIES
from generator.providers.base import Bought
from generator.providers.complaints import DENIED, REFUSED, Stage
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from testkit.sample_pictures import sample
from testkit.upstreams.ark import ArkUpstream

from .conformance import REFUSED_INPUT, AddressConformance, TicketConformance, Vendor, drawn_by, fault_of
from .conftest import CountedMemory, OrderMaker

MODEL = "seedream-4-0-250828"
PICTURE = sample("png", 64, 32).stamped(1)
OTHER = sample("jpeg", 64, 64).stamped(2)


class TestConformance(TicketConformance, AddressConformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=ArkUpstream,
        variables=("ARK_API_KEY", "ARK_BASE_URL"),
        upstream_model=MODEL,
        most=1,
        ignored={"negative_prompt": "blur", "seed": 7, "guidance": 3.0, "steps": 20, "style": "vivid"},
        verdicts={"output_refusal": REFUSED_INPUT},  # drawn, withheld and not billed
    )


@pytest.fixture
def vendor() -> ArkUpstream:
    """The vendor, scripted."""
    return ArkUpstream()


@pytest.fixture
async def ark(vendor: ArkUpstream) -> AsyncIterator[ArkProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        environ = {"ARK_API_KEY": "ark-12345678", "ARK_BASE_URL": url, "GESSO_EGRESS_ALLOW": "127.0.0.0/8"}
        provider = ArkProvider(environ)
        yield provider
        await provider.close()


def asked(vendor: ArkUpstream) -> dict[str, Any]:
    """The fields of the last order."""
    return dict(json.loads(vendor.requests[-1].body))


def test_every_model_that_the_catalogue_routes_here_is_of_a_family() -> None:
    routes = [route for model in read_tables(None, {}).models.values() for route in model.routes]
    models = {route.upstream_model for route in routes if route.provider == "ark"}
    assert models
    assert all(any(model.startswith(family) for family in FAMILIES) for model in models)


async def test_a_picture_is_asked_for_alone_by_address_and_without_the_vendors_mark(
    ark: ArkProvider, vendor: ArkUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(ark, order(upstream_model=MODEL, width=2048, height=1024), memory)
    assert asked(vendor) == {
        "model": MODEL,
        "prompt": "a red fox",
        "size": "2048x1024",
        "response_format": "url",
        "watermark": False,
        "sequential_image_generation": "disabled",
    }
    assert json.loads(drawn.usage_json)["generated_images"] == 1
    assert (drawn.upstream_model, drawn.warnings) == (MODEL, [])


@pytest.mark.parametrize(
    ("model", "draw", "size"),
    [
        (MODEL, {}, None),
        (MODEL, {"resolution": "4K"}, "4K"),
        (MODEL, {"aspect_ratio": "16:9", "resolution": "2K"}, "2720x1536"),
        (MODEL, {"width": 512, "height": 512}, "960x960"),
        (MODEL, {"width": 8192, "height": 8192}, "4096x4096"),
        ("seedream-4-5-251128", {"width": 1024, "height": 1024}, "1920x1920"),
        ("seedream-4-5-251128", {"resolution": "1K"}, "1920x1920"),
        (MODEL, {"width": 64, "height": 2048}, "240x3840"),
        ("seedream-4-5-251128", {"width": 2048, "height": 64}, "7680x480"),
        ("seedream-5-0-260128", {"resolution": "2K"}, "2K"),
        ("dola-seedream-5-0-pro-260628", {"width": 4096, "height": 2048}, "2896x1448"),
        ("seedream-3-0-t2i-250415", {"width": 256, "height": 512}, "512x1024"),
        ("doubao-seedream-4-0-250828", {"resolution": "2K"}, "2K"),
    ],
)
async def test_a_size_is_one_that_the_model_draws_or_its_word_where_the_shape_is_left_open(
    ark: ArkProvider,
    vendor: ArkUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    model: str,
    draw: dict[str, Any],
    size: str | None,
) -> None:
    await ark.submit(order(upstream_model=model, **draw), memory)
    assert asked(vendor).get("size") == size
    assert not vendor.violations


async def test_an_edit_sends_its_pictures_and_keeps_their_shape_where_none_is_asked_for(
    ark: ArkProvider, vendor: ArkUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model=MODEL, operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=[PICTURE, OTHER])
    drawn = await drawn_by(ark, wanted, memory)
    heads, datas = zip(*(one.split(",") for one in asked(vendor)["image"]), strict=True)
    assert heads == ("data:image/png;base64", "data:image/jpeg;base64")
    assert [pybase64.b64decode(data) for data in datas] == [PICTURE, OTHER]
    assert asked(vendor)["size"] == "2K"
    assert not drawn.warnings


async def test_pictures_beyond_those_that_the_model_takes_are_told(
    ark: ArkProvider, vendor: ArkUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model=MODEL, operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=[PICTURE] * 15)
    drawn = await drawn_by(ark, wanted, memory)
    assert len(asked(vendor)["image"]) == 14
    assert drawn.warnings == ["ark uses the first 14 of 15 input pictures."]


async def test_a_mask_is_told_to_be_ignored(ark: ArkProvider, order: OrderMaker, memory: CountedMemory) -> None:
    wanted = order(upstream_model=MODEL, operation=pb.OPERATION_INPAINT, inputs=[PICTURE], mask=PICTURE)
    assert "ark ignores mask." in (await drawn_by(ark, wanted, memory)).warnings


async def test_seedream_3_takes_a_seed_and_a_guidance(
    ark: ArkProvider, vendor: ArkUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(ark, order(upstream_model="seedream-3-0-t2i-250415", seed=7, guidance=12.0), memory)
    assert asked(vendor).items() >= {"seed": 7, "guidance_scale": 10.0}.items()
    assert "sequential_image_generation" not in asked(vendor)
    assert drawn.warnings == ["ark was asked for guidance 10, the nearest to 12 that it takes."]
    assert [picture.seed for picture in drawn.pictures] == [7]


async def test_seededit_changes_one_picture_in_its_own_size(
    ark: ArkProvider, vendor: ArkUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="seededit-3-0-i2i-250628", operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=[PICTURE], seed=1
    )
    await drawn_by(ark, wanted, memory)
    assert asked(vendor).items() >= {"size": "adaptive", "seed": 1}.items()
    assert not vendor.violations


async def test_an_endpoint_of_ones_own_is_the_family_that_its_route_says(
    ark: ArkProvider, vendor: ArkUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="ep-20260101-abcde", seed=7, options={"family": "seedream-3-0"})
    await fault_of(ark, wanted, memory)  # the scripted vendor knows no endpoints
    assert asked(vendor).items() >= {"model": "ep-20260101-abcde", "seed": 7}.items()


async def test_a_format_is_asked_for_where_the_model_writes_more_than_one(
    ark: ArkProvider, vendor: ArkUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    await ark.submit(order(upstream_model="seedream-5-0-260128", output_format="jpeg"), memory)
    assert asked(vendor)["output_format"] == "jpeg"
    await ark.submit(order(upstream_model=MODEL, output_format="jpeg"), memory)
    assert "output_format" not in asked(vendor)


@pytest.mark.parametrize(
    ("model", "mode", "sent"),
    [
        (MODEL, "fast", {"mode": "fast"}),
        (MODEL, "standard", {"mode": "standard"}),
        ("seedream-4-5-251128", "fast", None),
    ],
)
async def test_a_prompt_is_optimized_as_asked_where_the_model_can(
    ark: ArkProvider,
    vendor: ArkUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    model: str,
    mode: str,
    sent: dict[str, str] | None,
) -> None:
    wanted = order(upstream_model=model)
    wanted.draw.options["enhance_prompt_mode"] = mode
    drawn = await drawn_by(ark, wanted, memory)
    assert asked(vendor).get("optimize_prompt_options") == sent
    assert drawn.warnings == ([] if sent else ["ark ignores enhance_prompt_mode."])
    assert not vendor.violations


async def test_a_withheld_picture_is_a_refusal_that_was_not_billed(
    ark: ArkProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    fault = await fault_of(ark, order(upstream_model=MODEL, prompt="a fox [[output_refusal]]"), memory)
    assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_REFUSED, Bought.NO)
    assert fault.details["stage"] == "output"


def test_codes_are_read_without_their_tails() -> None:
    overdue = b'{"error":{"code":"AccountOverdueError.Balance","message":"m","param":""}}'
    assert read_complaint(403, overdue).reason == DENIED
    withheld = complaint_of(ArkError("OutputImageSensitiveContentDetected"))
    assert (withheld.reason, withheld.stage) == (REFUSED, Stage.OUTPUT)
    assert read_complaint(502, b"<html>").reason is None
