"""Enlarging without a model: bicubic, named so, with its transparency, and never larger than a picture may be."""

import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from generator.providers.base import Bought, Drawn, Provider, UpstreamFault
from generator.providers.upscaling import PROVIDER
from gesso.errors.v1 import reason_pb2 as reason
from gesso.generator.v1 import generator_pb2 as pb
from pictures.inspection import inspect
from testkit.picture_samples import draw, encoded

from .conftest import CountedMemory, OrderMaker


@pytest.fixture
async def upscaling() -> AsyncIterator[Provider]:
    provider = PROVIDER.open({})
    yield provider
    await provider.close()


async def enlarged(
    upscaling: Provider, order: OrderMaker, picture: bytes, *, factor: str = "", output_format: str = ""
) -> Drawn:
    asked = order(operation=pb.OPERATION_UPSCALE, prompt="", inputs=[picture], output_format=output_format)
    if factor:
        asked.draw.options["scale_factor"] = factor
    result = await upscaling.submit(asked, CountedMemory())
    assert isinstance(result, Drawn)
    return result


@pytest.mark.parametrize(
    ("factor", "size"), [("", (160, 120)), ("2", (160, 120)), ("3", (240, 180)), ("4", (320, 240))]
)
async def test_a_picture_is_enlarged_and_said_to_be_without_a_model(
    upscaling: Provider, order: OrderMaker, factor: str, size: tuple[int, int]
) -> None:
    drawn = await enlarged(upscaling, order, encoded(draw(80, 60), "JPEG"), factor=factor)
    facts = inspect(drawn.pictures[0].data)
    assert ((facts.width, facts.height), facts.format) == (size, "jpeg")
    assert (drawn.upstream_model, upscaling.trained, upscaling.free_to_repeat) == ("bicubic", False, True)
    assert drawn.echoed["size"] == f"{size[0]}x{size[1]}"
    assert "bicubic" in drawn.warnings[0]


async def test_transparency_stays_and_the_format_is_the_one_asked_for(upscaling: Provider, order: OrderMaker) -> None:
    half = Image.new("RGBA", (40, 40), (200, 10, 30, 255))
    half.paste((0, 0, 0, 0), (0, 0, 20, 40))
    drawn = await enlarged(upscaling, order, encoded(half, "PNG"), output_format="webp")
    shown = Image.open(io.BytesIO(drawn.pictures[0].data)).convert("RGBA")
    assert (inspect(drawn.pictures[0].data).format, shown.size) == ("webp", (80, 80))
    assert (shown.getpixel((5, 5))[3], shown.getpixel((75, 5))[3]) == (0, 255)  # type: ignore[index]


async def test_a_png_that_would_be_too_large_a_file_becomes_a_jpeg_and_says_so(
    upscaling: Provider, order: OrderMaker
) -> None:
    drawn = await enlarged(upscaling, order, encoded(Image.new("RGB", (1300, 1200)), "PNG"), factor="4")
    assert inspect(drawn.pictures[0].data).format == "jpeg"
    assert "too large" in drawn.warnings[1]


@pytest.mark.parametrize(("mode", "becomes"), [("RGB", "jpeg"), ("RGBA", "png")])
async def test_a_webp_that_would_be_longer_than_webp_can_be_becomes_another(
    upscaling: Provider, order: OrderMaker, mode: str, becomes: str
) -> None:
    drawn = await enlarged(upscaling, order, encoded(Image.new(mode, (8192, 16)), "WEBP", lossless=True))
    facts = inspect(drawn.pictures[0].data)
    assert (facts.format, facts.width) == (becomes, 16_384)


@pytest.mark.parametrize(
    ("picture", "factor", "field"),
    [
        (encoded(Image.new("L", (4001, 4000)), "PNG"), "2", "scale_factor"),
        (encoded(draw(80, 60), "PNG"), "8", "scale_factor"),
        (b"<html>", "2", "image"),
    ],
)
async def test_what_cannot_be_enlarged_is_refused_and_nothing_bought(
    upscaling: Provider, order: OrderMaker, picture: bytes, factor: str, field: str
) -> None:
    with pytest.raises(UpstreamFault) as caught:
        await enlarged(upscaling, order, picture, factor=factor)
    assert caught.value.reason == reason.REASON_UPSTREAM_INVALID
    assert (caught.value.bought, caught.value.retryable) == (Bought.NO, False)
    assert caught.value.details["field"] == field
