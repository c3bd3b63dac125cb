"""The Stability AI provider before a scripted vendor: each operation's form, pictures as bytes, ids for what takes longer."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from generator.catalogue_files import read_tables
from generator.providers.base import Bought, Drawn, ProviderFactory, Ticket
from generator.providers.polling import Pace
from generator.providers.stability import PROVIDER, USUAL_PACE, StabilityProvider
from generator.providers.stability_models import CALLS
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from testkit.sample_pictures import sample
from testkit.upstreams.forms import Part, parse_form
from testkit.upstreams.stability import StabilityUpstream

from .conformance import Conformance, QueueConformance, Vendor, drawn_by, fault_of
from .conftest import CountedMemory, OrderMaker

PICTURE = sample("png", 64, 64).stamped(1)
OTHER = sample("jpeg", 64, 64).stamped(2)
MASK = sample("png", 16, 16).stamped(3)
VARIABLES = ("STABILITY_API_KEY", "STABILITY_BASE_URL")
KEYS = {"key": "sk-platform-0123456789", "own_key": "sk-own-0123456789"}
IMPATIENT = ProviderFactory(PROVIDER.name, PROVIDER.variables, lambda environ: StabilityProvider(environ, pace=Pace()))
"""The vendor's provider, that asks more often than the vendor likes."""


class TestConformance(Conformance):
    vendor = Vendor(
        factory=PROVIDER,
        upstream=StabilityUpstream,
        variables=VARIABLES,
        upstream_model="sd3.5-large",
        key=KEYS["key"],
        own_key=KEYS["own_key"],
        most=1,
        ignored={"quality": "high", "steps": 20, "style": "vivid"},
    )


class TestConformanceOfWhatTakesLonger(QueueConformance):
    vendor = Vendor(
        factory=IMPATIENT,
        upstream=StabilityUpstream,
        variables=VARIABLES,
        upstream_model="upscale-creative",
        key=KEYS["key"],
        own_key=KEYS["own_key"],
        most=1,
        draw={"operation": pb.OPERATION_UPSCALE},
        inputs=[PICTURE],
        ignored={"guidance": 3.0, "steps": 20},
        without=frozenset({"failed"}),
    )


@pytest.fixture
def vendor() -> StabilityUpstream:
    """The vendor, scripted."""
    return StabilityUpstream()


@pytest.fixture
async def stability(vendor: StabilityUpstream) -> AsyncIterator[StabilityProvider]:
    """The provider before it."""
    async with vendor.running() as url:
        provider = StabilityProvider({"STABILITY_API_KEY": "sk-a", "STABILITY_BASE_URL": url}, pace=Pace())
        yield provider
        await provider.close()


def parts(vendor: StabilityUpstream) -> Mapping[str, Part]:
    """The parts of the last form by their names."""
    ordered = next(one for one in reversed(vendor.requests) if one.method == "POST")
    return {part.name: part for part in parse_form(ordered.headers["Content-Type"], ordered.body)}


def fields(vendor: StabilityUpstream) -> dict[str, str]:
    """The last form's fields but its files."""
    return {name: part.data.decode() for name, part in parts(vendor).items() if part.filename is None}


def test_every_model_that_the_catalogue_routes_here_has_its_call() -> None:
    routes = [route for model in read_tables(None, {}).models.values() for route in model.routes]
    assert {route.upstream_model for route in routes if route.provider == "stability"} <= CALLS.keys()


def test_the_vendor_is_not_asked_more_often_than_it_allows() -> None:
    assert USUAL_PACE.first_seconds * 0.75 >= 10


@pytest.mark.parametrize("has_picture", [False, True])
@pytest.mark.parametrize("operation", sorted(CALLS))
async def test_each_operation_takes_what_it_is_sent(
    stability: StabilityProvider,
    vendor: StabilityUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    operation: str,
    has_picture: bool,
) -> None:
    if not has_picture and "image*" in CALLS[operation].inputs.replace("subject_image*", "image*"):
        fault = await fault_of(stability, order(upstream_model=operation), memory)
        assert (fault.reason, fault.bought) == (reason.REASON_UPSTREAM_INVALID, Bought.NO)
        return
    wanted = order(
        upstream_model=operation,
        inputs=[PICTURE, OTHER] if has_picture else [],
        mask=MASK if has_picture else None,
        width=1600,
        height=900,
        negative_prompt="blur",
        seed=4_294_967_295,
        guidance=20.0,
        strength=0.4,
        style="anime",
        output_format="webp",
    )
    wanted.draw.options.update({"search_prompt": "dog", "select_prompt": "dog", "grow_mask": "5", "creativity": "0.3"})
    drawn = await drawn_by(stability, wanted, memory)
    assert not vendor.violations
    assert inspect(drawn.pictures[0].data).width > 0


async def test_a_draw_is_a_form_of_the_third_generation(
    stability: StabilityProvider, vendor: StabilityUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="sd3.5-large", aspect_ratio="16:9", negative_prompt="blur", seed=7, guidance=4.5, style="Anime"
    )
    drawn = await drawn_by(stability, wanted, memory)
    assert vendor.requests[-1].path == "/v2beta/stable-image/generate/sd3"
    assert vendor.requests[-1].headers["Accept"] == "image/*"
    assert fields(vendor) == {
        "model": "sd3.5-large",
        "mode": "text-to-image",
        "prompt": "a red fox",
        "aspect_ratio": "16:9",
        "negative_prompt": "blur",
        "seed": "7",
        "cfg_scale": "4.5",
        "style_preset": "anime",
        "output_format": "png",
    }
    assert [(picture.seed, picture.said_format) for picture in drawn.pictures] == [(7, "png")]
    assert not drawn.warnings


@pytest.mark.parametrize(("asked", "sent"), [({"strength": 0.25}, "0.25"), ({}, "0.7")])
async def test_a_picture_goes_in_by_another_mode_that_keeps_its_shape(
    stability: StabilityProvider,
    vendor: StabilityUpstream,
    order: OrderMaker,
    memory: CountedMemory,
    asked: dict[str, Any],
    sent: str,
) -> None:
    wanted = order(upstream_model="sd3.5-medium", operation=pb.OPERATION_IMAGE_TO_IMAGE, inputs=[OTHER], **asked)
    drawn = await drawn_by(stability, wanted, memory)
    assert fields(vendor).items() >= {"mode": "image-to-image", "strength": sent}.items()
    assert "aspect_ratio" not in fields(vendor)
    assert (parts(vendor)["image"].data, parts(vendor)["image"].content_type) == (OTHER, "image/jpeg")
    assert not drawn.warnings


async def test_a_mask_is_white_where_it_is_repainted_and_as_large_as_its_picture(
    stability: StabilityProvider, vendor: StabilityUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="inpaint", operation=pb.OPERATION_INPAINT, inputs=[PICTURE], mask=MASK)
    await drawn_by(stability, wanted, memory)
    mask = inspect(parts(vendor)["mask"].data)
    assert (mask.width, mask.height, mask.has_alpha) == (64, 64, False)
    assert parts(vendor)["image"].data == PICTURE


async def test_a_background_is_removed_from_a_picture_alone(
    stability: StabilityProvider, vendor: StabilityUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(
        upstream_model="remove-background", operation=pb.OPERATION_REMOVE_BACKGROUND, prompt="", inputs=[PICTURE]
    )
    drawn = await drawn_by(stability, wanted, memory)
    assert fields(vendor) == {"output_format": "png"}
    assert not drawn.warnings


async def test_a_picture_of_a_format_that_the_vendor_does_not_take_is_refused_before_it_is_bought(
    stability: StabilityProvider, vendor: StabilityUpstream, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="remove-background", inputs=[b"GIF89a" + bytes(64)])
    fault = await fault_of(stability, wanted, memory)
    assert (fault.reason, fault.bought, fault.details["field"]) == (
        reason.REASON_UPSTREAM_INVALID,
        Bought.NO,
        "image",
    )
    assert not vendor.requests


async def test_what_takes_longer_is_a_ticket_with_its_warnings(
    stability: StabilityProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    wanted = order(upstream_model="upscale-creative", inputs=[PICTURE], steps=20)
    ticket = await stability.submit(wanted, memory)
    assert isinstance(ticket, Ticket)
    drawn = await stability.collect(ticket, wanted, memory)
    assert isinstance(drawn, Drawn)
    assert drawn.warnings == ["stability ignores steps."]


async def test_a_model_that_is_not_there_is_refused_before_it_is_bought(
    stability: StabilityProvider, order: OrderMaker, memory: CountedMemory
) -> None:
    fault = await fault_of(stability, order(upstream_model="sd1.5"), memory)
    assert (fault.reason, fault.details["field"]) == (reason.REASON_UPSTREAM_INVALID, "model")
