"""The child that opens hostile bytes: libvips with the loaders of five formats, and nothing kept between two calls.

`Studio` runs it; nothing imports it. Each operation takes its pictures as the parts of its call and gives its results as the
parts of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyvips

from pictures.facts import DEFAULT, Flaw, NotAPicture
from pictures.opening import (
    WHITE,
    Call,
    Operation,
    answering,
    close_the_loaders,
    enlarged,
    opaque,
    resized,
    saved,
    shown_sides,
    whole,
)
from pictures.recolouring import recoloured, statistics
from pictures.repainting import grey_mask, repaint
from pictures.sniffing import sniff
from servicekit.frames import Message, serve

_FITS: Final = {
    "cover": ("both", "centre"),
    "contain": ("both", "none"),
    "fill": ("force", "none"),
    "shrink": ("down", "none"),
}


def verify(_call: Call, data: bytes) -> Message:
    """Decodes every pixel of the first frame, row by row, and keeps none; tells its sides as it is shown.

    libjpeg goes on after anything, and only warns of coded data that breaks off; other loaders warn of trifles.
    """
    strictness = "warning" if sniff(data) == "jpeg" else "error"
    image = pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on=strictness)
    image.avg()
    width, height = shown_sides(image)
    return Message({"width": width, "height": height})


def transcode(call: Call, data: bytes) -> Message:
    """The picture in another format, upright, in sRGB, without metadata; of another size or colour where one is given."""
    image = _fitted(data, call)
    if call.get("colours"):
        image = recoloured(image, data, call["colours"])
    return Message({}, [saved(image, call)])


def enlarge(call: Call, data: bytes) -> Message:
    """The picture so many times as wide and high, by bicubic interpolation; what is transparent bleeds no colour."""
    image, factor = whole(data), call["factor"]
    if image.width * image.height * factor**2 > DEFAULT.max_pixels:
        raise NotAPicture(Flaw.TOO_MANY_PIXELS, f"{factor} times {image.width}x{image.height}")
    width, height = image.width * factor, image.height * factor
    if image.hasalpha():
        colour = image.colourspace("srgb")
        larger = enlarged(colour.premultiply(), width, height, "bicubic").unpremultiply().cast("uchar")
        return Message({}, [saved(larger.copy(interpretation="srgb"), call)])
    return Message({}, [saved(enlarged(image, width, height, "bicubic"), call)])


def mask(call: Call, data: bytes) -> Message:
    """A grey picture of the call's size in which white is repainted."""
    grey = grey_mask(data, call["width"], call["height"], call["marks"])
    return Message({}, [grey.pngsave_buffer(compression=6, keep="none")])


def pixels(call: Call, data: bytes) -> Message:
    """Rows of red, green, blue, one byte each, transparency laid on white, no side longer than asked for."""
    image = opaque(resized(data, call["max_side"], call["max_side"], "down"), WHITE).colourspace("srgb")
    return Message({"width": image.width, "height": image.height}, [image.write_to_memory()])


_OPERATIONS: Final[Mapping[str, Operation]] = {
    "verify": verify,
    "transcode": transcode,
    "enlarge": enlarge,
    "mask": mask,
    "repaint": repaint,
    "statistics": statistics,
    "pixels": pixels,
}


def _fitted(data: bytes, call: Call) -> pyvips.Image:
    width, height = call["width"], call["height"]
    if width is None and height is None:
        return whole(data)
    if width is None or height is None:
        return resized(data, width, height, "both")
    image = resized(data, width, height, *_FITS[call["fit"]])
    return _padded(image, call) if call["fit"] == "contain" else image


def _padded(image: pyvips.Image, call: Call) -> pyvips.Image:
    """The whole picture in the middle of its new canvas: on the background, or on nothing if none is given."""
    colour = image.colourspace("srgb")
    if call["background"] is None:
        with_alpha = colour if colour.hasalpha() else colour.addalpha()
        return with_alpha.gravity("centre", call["width"], call["height"], extend="background", background=[0, 0, 0, 0])
    plain = opaque(colour, call["background"])
    return plain.gravity("centre", call["width"], call["height"], extend="background", background=call["background"])


if __name__ == "__main__":
    close_the_loaders()
    serve(answering(_OPERATIONS))
