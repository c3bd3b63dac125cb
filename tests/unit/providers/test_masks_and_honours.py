"""Masks as each vendor marks them, and what is told of what a vendor cannot honour."""

import io

import pytest
from PIL import Image

from generator.providers.base import Bought, Order, UpstreamFault
from generator.providers.honours import unsupported
from generator.providers.masks import Masks
from gesso.generator.v1 import generator_pb2 as pb
from testkit.sample_pictures import sample

PICTURE = sample("png", 8, 4).stamped(1)


def mask(width: int, height: int) -> bytes:
    """White in its left half."""
    picture = Image.new("L", (width, height), 0)
    picture.paste(255, (0, 0, width // 2, height))
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()


def pixel(data: bytes, x: int, *, channel: int = 0) -> int:
    picture = Image.open(io.BytesIO(data)).convert("LA")
    assert picture.size == (8, 4)
    value = picture.getpixel((x, 1))
    assert isinstance(value, tuple)
    return int(value[channel])


async def test_a_mask_marks_as_the_vendor_wants_it() -> None:
    masks = Masks("acme")
    for ours in (mask(8, 4), mask(16, 8)):
        white, black = await masks.white(ours, PICTURE), await masks.black(ours, PICTURE)
        transparent = await masks.transparent(ours, PICTURE)
        assert [pixel(white, x) for x in (1, 6)] == [255, 0]
        assert [pixel(black, x) for x in (1, 6)] == [0, 255]
        assert [pixel(transparent, x, channel=1) for x in (1, 6)] == [0, 255]
    await masks.close()


async def test_a_mask_that_is_as_it_should_be_is_left_alone() -> None:
    masks = Masks("acme")
    assert await masks.white(mask(8, 4), PICTURE) == mask(8, 4)
    await masks.close()


async def test_a_mask_that_cannot_be_read_is_refused_before_anything_is_bought() -> None:
    masks = Masks("acme")
    with pytest.raises(UpstreamFault) as caught:
        await masks.white(b"no picture", PICTURE)
    await masks.close()
    assert (caught.value.bought, caught.value.details["field"]) == (Bought.NO, "mask")


def test_all_that_is_asked_for_and_not_honoured_is_told() -> None:
    options = {"scheduler": "euler", "mask_blur": "4", "inpaint_mode": "fill", "user": "u_1", "raw": "true"}
    draw = pb.Draw(prompt="a fox", seed=0, style="vivid", quality="standard", options=options)
    order = Order("job_1/0", draw, "m", 1, {}, inputs=[b"1", b"2"])
    assert unsupported("acme", order, {"raw"}, most_inputs=1) == [
        "acme ignores style.",
        "acme ignores seed.",
        "acme ignores scheduler.",
        "acme uses the first 1 of 2 input pictures.",
    ]
    draw.options["inpaint_mode"] = "latent_noise"
    assert "acme ignores inpaint_mode." in unsupported("acme", order, {"raw"})
