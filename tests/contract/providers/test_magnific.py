"""The Magnific provider before scripted tasks: factors, limits, front doors, and what its results mean."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pybase64
import pytest

from generator.catalogue_files import read_tables
from generator.providers.base import Bought
from generator.providers.magnific import PROVIDER, MagnificProvider
from generator.providers.magnific_models import UPSCALERS
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from testkit.sample_pictures import png_claiming, sample
from testkit.upstreams.magnific import MagnificUpstream

from .conformance import PAID_AND_FAILED, AddressConformance, QueueConformance, Vendor, drawn_by, fault_of
from .conftest import CountedMemory, OrderMaker

PICTURE = sample("png", 320, 160).stamped(1)
OTHER = sample("png", 200, 200).stamped(2)


class TestConformance(QueueConformance, AddressConformance):
    # The one upscaler that takes a prompt, and so the markers of the scripted behaviours.
    vendor = Vendor(
        factory=PROVIDER,
        upstream=MagnificUpstream,
        variables=("MAGNIFIC_API_KEY", "MAGNIFIC_BASE_URL"),
        upstream_model="image-upscaler",
        most=1,
        draw={"operation": pb.OPERATION_UPSCALE},
        inputs=(PICTURE,),
        ignored={"negative_prompt": "blur", "seed": 7, "steps": 20},
        verdicts={"failed": PAID_AND_FAILED},
        without=frozenset({"refusal"}),
    )


@pytest.fixture
def vendor() -> MagnificUpstream:
    """The vendor, scripted."""
    return MagnificUpstream()


@pytest.fixture
async def magnific(vendor: MagnificUpstream) -> AsyncIterator[MagnificProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        environ = {"MAGNIFIC_API_KEY": "mg-12345678", "MAGNIFIC_BASE_URL": url, "GESSO_EGRESS_ALLOW": "127.0.0.0/8"}
        provider = MagnificProvider(environ)
        yield provider
        await provider.close()


@pytest.fixture
def upscale(order: OrderMaker) -> OrderMaker:
    """Make an order of the precision upscaler; options of the draw by keyword."""

    def make(*pictures: bytes, model: str = "image-upscaler-precision-v2", **options: str) -> Any:
        made = order(upstream_model=model, operation=pb.OPERATION_UPSCALE, prompt="", inputs=pictures or [PICTURE])
        made.draw.options.update(options)
        return made

    return make


def asked(vendor: MagnificUpstream) -> dict[str, Any]:
    """The fields of the last order."""
    return dict(json.loads(next(one.body for one in reversed(vendor.requests) if one.method == "POST")))


def test_every_model_that_the_catalogue_routes_here_has_its_line() -> None:
    routes = [route for model in read_tables(None, {}).models.values() for route in model.routes]
    assert {route.upstream_model for route in routes if route.provider == "magnific"} <= UPSCALERS.keys()


async def test_a_picture_is_enlarged_by_the_factor_asked_for(
    magnific: MagnificProvider, vendor: MagnificUpstream, upscale: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(magnific, upscale(scale_factor="4", flavor="photo", sharpen="20"), memory)
    assert pybase64.b64decode(asked(vendor).pop("image")) == PICTURE
    assert {**asked(vendor), "image": ""} == {"image": "", "scale_factor": 4, "flavor": "photo", "sharpen": 20}
    assert (inspect(drawn.pictures[0].data).width, drawn.warnings) == (1280, [])
    assert not vendor.violations


async def test_two_times_is_the_factor_of_an_order_that_names_none(
    magnific: MagnificProvider, vendor: MagnificUpstream, upscale: OrderMaker, memory: CountedMemory
) -> None:
    await drawn_by(magnific, upscale(), memory)
    assert asked(vendor)["scale_factor"] == 2


async def test_a_factor_that_the_vendor_does_not_know_becomes_the_next_larger_one(
    magnific: MagnificProvider, vendor: MagnificUpstream, upscale: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(magnific, upscale(scale_factor="3"), memory)
    assert asked(vendor)["scale_factor"] == 4
    assert drawn.warnings == ["magnific enlarges 4 times; scale_factor 3 was asked for."]


async def test_the_first_precision_upscaler_doubles_and_says_so(
    magnific: MagnificProvider, vendor: MagnificUpstream, upscale: OrderMaker, memory: CountedMemory
) -> None:
    twice = await drawn_by(magnific, upscale(model="image-upscaler-precision", scale_factor="2"), memory)
    four_times = await drawn_by(magnific, upscale(model="image-upscaler-precision", scale_factor="4"), memory)
    assert set(asked(vendor)) == {"image"}
    assert twice.warnings == []
    assert four_times.warnings == ["magnific enlarges 2 times; scale_factor 4 was asked for."]


async def test_the_creative_upscaler_writes_its_factor_with_an_x_and_takes_a_prompt(
    magnific: MagnificProvider, vendor: MagnificUpstream, upscale: OrderMaker, memory: CountedMemory
) -> None:
    wanted = upscale(model="image-upscaler", scale_factor="4", creativity="-3", optimized_for="3d_renders")
    wanted.draw.prompt = "fur"
    await drawn_by(magnific, wanted, memory)
    sent = {name: value for name, value in asked(vendor).items() if name != "image"}
    assert sent == {"scale_factor": "4x", "creativity": -3, "optimized_for": "3d_renders", "prompt": "fur"}
    assert not vendor.violations


@pytest.mark.parametrize(
    ("picture", "factor", "field"),
    [
        (sample("png", 159, 200).stamped(1), "2", "image"),
        (sample("png", 1000, 300).stamped(1), "2", "image"),
        (sample("png", 1300, 700).stamped(1), "8", "scale_factor"),  # 10,400 pixels are more than the vendor's 10,060
        (sample("png", 2400, 2400).stamped(1), "4", "scale_factor"),  # 92 megapixels are more than the platform keeps
        (b"This is no picture.", "2", "image"),
        (png_claiming(50_000, 50_000), "2", "image"),
    ],
)
async def test_what_would_not_be_taken_or_not_be_kept_is_refused_before_it_is_bought(
    magnific: MagnificProvider,
    vendor: MagnificUpstream,
    upscale: OrderMaker,
    memory: CountedMemory,
    picture: bytes,
    factor: str,
    field: str,
) -> None:
    fault = await fault_of(magnific, upscale(picture, scale_factor=factor), memory)
    assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_INVALID, Bought.NO)
    assert fault.details["field"] == field
    assert not vendor.requests


async def test_an_order_without_a_picture_is_refused_before_it_is_bought(
    magnific: MagnificProvider, vendor: MagnificUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="image-upscaler-precision-v2", operation=pb.OPERATION_UPSCALE)
    fault = await fault_of(magnific, wanted, memory)
    assert (fault.bought, fault.details["field"]) == (Bought.NO, "image")
    assert not vendor.requests


async def test_only_the_first_of_several_pictures_is_enlarged_and_the_rest_is_told(
    magnific: MagnificProvider, upscale: OrderMaker, memory: CountedMemory
) -> None:
    drawn = await drawn_by(magnific, upscale(PICTURE, OTHER), memory)
    assert drawn.warnings == ["magnific uses the first 1 of 2 input pictures."]


async def test_an_operation_that_is_not_known_here_can_be_had_by_another_route(
    magnific: MagnificProvider, vendor: MagnificUpstream, upscale: OrderMaker, memory: CountedMemory
) -> None:
    fault = await fault_of(magnific, upscale(model="image-relight"), memory)
    assert (fault.reason, fault.bought, fault.retryable) == (reason.REASON_UPSTREAM_FAILED, Bought.NO, True)
    assert not vendor.requests


@pytest.mark.parametrize(
    ("environ", "header"),
    [({}, "x-magnific-api-key"), ({"MAGNIFIC_KEY_HEADER": "x-freepik-api-key"}, "x-freepik-api-key")],
)
async def test_the_key_goes_by_the_header_of_the_front_door(
    vendor: MagnificUpstream, upscale: OrderMaker, memory: CountedMemory, environ: dict[str, str], header: str
) -> None:
    async with vendor.running() as url:
        provider = MagnificProvider({"MAGNIFIC_API_KEY": "mg-12345678", "MAGNIFIC_BASE_URL": url, **environ})
        await provider.submit(upscale(), memory)
        await provider.close()
    assert vendor.requests[-1].headers[header] == "mg-12345678"
