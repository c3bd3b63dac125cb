"""The Ideogram provider before a scripted vendor: each operation's words, addresses, and pictures that were withheld."""

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from generator.catalogue_files import read_tables
from generator.providers.base import Bought, UpstreamFault
from generator.providers.ideogram import PROVIDER, IdeogramProvider, read_complaint
from generator.providers.ideogram_models import OTHERS, V3
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from testkit.sample_pictures import sample
from testkit.upstreams.forms import Part, parse_form
from testkit.upstreams.ideogram import IdeogramUpstream
from testkit.upstreams.specification import Specification

from .conformance import AddressConformance, Vendor, drawn_by, fault_of
from .conftest import CountedMemory, OrderMaker

PUBLISHED = Path(__file__).parents[4] / "shared" / "upstreams" / "specs" / "ideogram.openapi.json"
PICTURE = sample("png", 64, 64).stamped(1)
OTHER = sample("jpeg", 64, 64).stamped(2)
MASK = sample("png", 16, 16).stamped(3)
OPERATIONS = [pb.OPERATION_TEXT_TO_IMAGE, pb.OPERATION_IMAGE_TO_IMAGE, pb.OPERATION_INPAINT]


class TestConformance(AddressConformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=IdeogramUpstream,
        variables=("IDEOGRAM_API_KEY", "IDEOGRAM_BASE_URL"),
        upstream_model=V3,
        key="ide_platform_0123456789",
        own_key="ide_own_0123456789",
        most=8,
        ignored={"style": "vivid", "quality": "high", "steps": 20, "guidance": 3.0},
        without=frozenset({"bad_field"}),  # the vendor names no field
    )


@pytest.fixture
def vendor() -> IdeogramUpstream:
    """The vendor, scripted; by its published document where that is at hand."""
    return IdeogramUpstream(specification=Specification.beside(PUBLISHED))


@pytest.fixture
async def ideogram(vendor: IdeogramUpstream) -> AsyncIterator[IdeogramProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        provider = IdeogramProvider(
            {"IDEOGRAM_API_KEY": "ide_a", "IDEOGRAM_BASE_URL": url, "GESSO_EGRESS_ALLOW": "127.0.0.0/8"}
        )
        yield provider
        await provider.close()


def asked(vendor: IdeogramUpstream) -> dict[str, Any]:
    """The fields of the last order, which was JSON."""
    return dict(json.loads(vendor.requests[-1].body))


def parts(vendor: IdeogramUpstream) -> list[Part]:
    """The parts of the last order, which was a form."""
    recorded = vendor.requests[-1]
    return list(parse_form(recorded.headers["Content-Type"], recorded.body))


def test_every_model_that_the_catalogue_routes_here_is_known() -> None:
    routes = [route for model in read_tables(None, {}).models.values() for route in model.routes]
    assert {route.upstream_model for route in routes if route.provider == "ideogram"} <= {V3, *OTHERS}


@pytest.mark.parametrize("background", ["", "transparent"])
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("model", [V3, *sorted(OTHERS)])
async def test_each_operation_takes_what_it_is_sent(
    ideogram: IdeogramProvider,
    vendor: IdeogramUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    model: str,
    operation: pb.Operation.ValueType,
    background: str,
) -> None:
    wanted = order(
        upstream_model=model,
        operation=operation,
        count=2,
        inputs=[PICTURE],
        mask=MASK,
        width=1600,
        height=900,
        negative_prompt="blur",
        seed=2**32 - 1,
        strength=1.0,
        style="REALISTIC",
        background=background,
    )
    wanted.draw.options.update(
        {"rendering_speed": "TURBO", "style_preset": "WATERCOLOR", "color_palette": "ember", "magic_prompt": "OFF"}
    )
    await drawn_by(ideogram, wanted, memory)
    assert not vendor.violations


async def test_a_draw_becomes_the_vendors_words(
    ideogram: IdeogramProvider, vendor: IdeogramUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model=V3,
        count=3,
        aspect_ratio="16:9",
        seed=7,
        negative_prompt="blur",
        style="realistic",
        options={"rendering_speed": "DEFAULT"},
    )
    wanted.draw.options.update({"rendering_speed": "BALANCED", "style_preset": "TRAVEL_POSTER"})
    drawn = await drawn_by(ideogram, wanted, memory)
    assert asked(vendor) == {
        "prompt": "a red fox",
        "num_images": 3,
        "seed": 7,
        "rendering_speed": "BALANCED",
        "negative_prompt": "blur",
        "resolution": "1312x736",
        "style_type": "REALISTIC",
        "style_preset": "TRAVEL_POSTER",
    }
    assert [picture.seed for picture in drawn.pictures] == [7, 8, 9]
    assert drawn.revised_prompt == "a red fox, a detailed picture"
    assert not drawn.warnings


async def test_a_routes_speed_holds_where_the_order_says_none(
    ideogram: IdeogramProvider, vendor: IdeogramUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    await drawn_by(ideogram, order(upstream_model=V3, options={"rendering_speed": "QUALITY"}), memory)
    assert asked(vendor)["rendering_speed"] == "QUALITY"


@pytest.mark.parametrize(
    ("draw", "expected", "is_told"),
    [
        ({"width": 1536, "height": 512}, "1536x512", False),
        ({"width": 512, "height": 512}, "1024x1024", False),
        ({"width": 2000, "height": 400}, "1536x512", True),
        ({"aspect_ratio": "3:2"}, "1248x832", False),
    ],
)
async def test_a_size_is_asked_for_as_the_nearest_that_the_vendor_draws(
    ideogram: IdeogramProvider,
    vendor: IdeogramUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    draw: dict[str, Any],
    expected: str,
    is_told: bool,
) -> None:
    drawn = await drawn_by(ideogram, order(upstream_model=V3, **draw), memory)
    assert asked(vendor)["resolution"] == expected
    assert bool(drawn.warnings) is is_told


async def test_a_picture_is_remixed_and_weighs_the_more_the_less_it_may_change(
    ideogram: IdeogramProvider, vendor: IdeogramUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model=V3, operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=[OTHER, PICTURE], strength=0.3, count=2
    )
    wanted.draw.options["style_codes"] = "abcdef12,12345678"
    drawn = await drawn_by(ideogram, wanted, memory)
    sent = {part.name: part.data for part in parts(vendor)}
    assert vendor.requests[-1].path == "/v1/ideogram-v3/remix"
    assert (sent["image"], sent["image_weight"], sent["num_images"]) == (OTHER, b"70", b"2")
    assert [part.data for part in parts(vendor) if part.name == "style_codes"] == [b"abcdef12", b"12345678"]
    assert drawn.warnings == ["ideogram uses the first 1 of 2 input pictures."]


async def test_a_mask_is_black_where_it_is_repainted_and_as_large_as_its_picture(
    ideogram: IdeogramProvider, vendor: IdeogramUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    white_on_the_left = Image.new("L", (64, 64))
    white_on_the_left.paste(255, (0, 0, 32, 64))
    mask = io.BytesIO()
    white_on_the_left.save(mask, "png")
    wanted = order(upstream_model=V3, operation=pb.OPERATION_INPAINT, inputs=[PICTURE], mask=mask.getvalue())
    await drawn_by(ideogram, wanted, memory)
    sent = {part.name: part.data for part in parts(vendor)}
    assert vendor.requests[-1].path == "/v1/ideogram-v3/edit"
    with Image.open(io.BytesIO(sent["mask"])) as opened:
        assert (opened.size, opened.getpixel((0, 0)), opened.getpixel((63, 63))) == ((64, 64), 0, 255)


async def test_a_transparent_background_is_an_operation_of_its_own(
    ideogram: IdeogramProvider, vendor: IdeogramUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(ideogram, order(upstream_model=V3, background="transparent", aspect_ratio="16:9"), memory)
    assert vendor.requests[-1].path == "/v1/ideogram-v3/generate-transparent"
    assert asked(vendor) == {"prompt": "a red fox", "num_images": 1, "aspect_ratio": "16x9"}
    assert not drawn.warnings


async def test_style_codes_leave_no_other_style_and_that_is_told(
    ideogram: IdeogramProvider, vendor: IdeogramUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model=V3, style="DESIGN")
    wanted.draw.options["style_codes"] = "abcdef12"
    drawn = await drawn_by(ideogram, wanted, memory)
    assert "style_type" not in asked(vendor)
    assert any("ignores style" in warning for warning in drawn.warnings)


async def test_a_withheld_picture_is_a_refusal_and_the_others_are_kept(
    ideogram: IdeogramProvider, vendor: IdeogramUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(ideogram, order(upstream_model=V3, prompt="a fox [[output_refusal:2]]", count=3), memory)
    assert len(drawn.pictures) == 1
    for fault in drawn.faults:
        assert isinstance(fault, UpstreamFault)
        assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_REFUSED, Bought.YES)
    assert len(drawn.faults) == 2
    assert len(vendor.results.requests) == 1


async def test_what_the_model_cannot_do_is_refused_before_it_is_bought(
    ideogram: IdeogramProvider, vendor: IdeogramUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    for wanted in (
        order(upstream_model=V3, operation=pb.OPERATION_UPSCALE, inputs=[PICTURE]),
        order(upstream_model=V3, operation=pb.OPERATION_IMAGE_TO_IMAGE),
        order(upstream_model="ideogram-v3-reframe", inputs=[PICTURE]),
    ):
        fault = await fault_of(ideogram, wanted, memory)
        assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_INVALID, Bought.NO)
    assert not vendor.requests


async def test_input_that_the_vendor_finds_invalid_is_told_as_such(
    ideogram: IdeogramProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    fault = await fault_of(ideogram, order(upstream_model=V3, prompt="a fox [[bad_field]]"), memory)
    assert (fault.reason, fault.bought, fault.retryable) == (reason.REASON_UPSTREAM_INVALID, Bought.NO, False)


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"detail":[]}', b"[]"])
def test_a_status_of_safety_without_its_body_is_no_refusal(body: bytes) -> None:
    assert read_complaint(422, body).reason is None
