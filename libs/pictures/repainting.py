"""Masks say where a picture is repainted: read by one of two customs, and made into grey pictures in which white is repainted.

A mask that is opaque throughout is taken by its brightness. Where it has transparency the customs differ:

- `transparency` (OpenAI's): what is transparent is repainted, whatever is seen elsewhere.
- `white` (contract.md, imagegen "white is repainted"): what is seen white is repainted, and nothing is seen where it is
  transparent. Where nothing white is seen at all the transparency itself is the mark, as in the other custom.
"""

from __future__ import annotations

from typing import Final

import pyvips

from pictures.opening import SAVERS, Call, enlarged, shown_sides, whole
from pictures.sniffing import sniff
from servicekit.frames import Message

_HALF_WHITE: Final = 128
_SURROUNDINGS_SIGMA: Final = 24.0
"""How far around the mask its surroundings reach, in pixels."""
_DIRECT_SIGMA: Final = 4.0
"""Above this a blur is made on a smaller picture: the result is as smooth, and the work does not grow with the radius."""
_FILLED_QUALITY: Final = 95


def grey_mask(data: bytes, width: int, height: int, marks: str) -> pyvips.Image:
    """The mask in that size, one band of eight bits, white where it marks; `marks` is one of the two customs."""
    return scaled(_marked(whole(data).copy_memory(), marks), width, height)


def _marked(image: pyvips.Image, marks: str) -> pyvips.Image:
    alpha = image[image.bands - 1] if image.hasalpha() else None
    if alpha is None or alpha.min() == 255:
        return image.colourspace("b-w")[0]
    if marks == "white":
        seen = image.colourspace("srgb").flatten(background=[0, 0, 0]).colourspace("b-w")[0].copy_memory()
        if seen.max() >= _HALF_WHITE:
            return seen
    return alpha.invert()


def scaled(grey: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """The picture in that size."""
    fewer = grey.resize(min(1.0, width / grey.width), vscale=min(1.0, height / grey.height), kernel="linear")
    return fewer if (fewer.width, fewer.height) == (width, height) else enlarged(fewer, width, height, "bilinear")


def repaint(call: Call, picture: bytes, mask: bytes) -> Message:
    """The mask as large as the picture when upright, white where it is repainted; and the picture, if it had to be changed.

    It is changed where it was stored on its side, so that the mask lies as it was drawn, and where `fill` asks for it: what is
    to be repainted then has the average colour of what surrounds it.
    """
    header = pyvips.Image.new_from_buffer(picture, "", access="sequential")
    orientation = header.get("orientation") if header.get_typeof("orientation") else 1
    width, height = shown_sides(header)
    white = grey_mask(mask, width, height, call["marks"])
    white = blurred(white.invert() if call["inverted"] else white, call["blur"]).copy_memory()
    parts = [white.pngsave_buffer(compression=6, keep="none")]
    if call["fill"] or orientation > 1:
        upright = whole(picture)
        shown = _filled(upright.copy_memory(), white) if call["fill"] else upright
        parts.append(_saved_alike(shown, picture))
    return Message({}, parts)


def blurred(grey: pyvips.Image, sigma: float) -> pyvips.Image:
    """The picture after a Gaussian of this deviation in pixels."""
    if sigma <= 0:
        return grey
    factor = max(1, int(sigma / _DIRECT_SIGMA))
    small = grey.resize(1 / factor, kernel="linear") if factor > 1 else grey
    return scaled(small.gaussblur(sigma / factor, min_ampl=0.01), grey.width, grey.height)


def _filled(image: pyvips.Image, white: pyvips.Image) -> pyvips.Image:
    colour = image.colourspace("srgb")
    bands = colour.extract_band(0, n=3)
    weight = blurred(white, _SURROUNDINGS_SIGMA) * (255 - white)
    total = weight.avg()
    means = [(band * weight).avg() / total if total else band.avg() for band in bands.bandsplit()]
    filled = white.ifthenelse(means, bands, blend=True).cast("uchar").copy(interpretation="srgb")
    return filled.bandjoin(colour[3]) if colour.hasalpha() else filled


def _saved_alike(image: pyvips.Image, original: bytes) -> bytes:
    """In the original's format where that is small and every vendor takes it, else as PNG."""
    known = sniff(original)
    return SAVERS[known if known in ("jpeg", "webp") else "png"](image, _FILLED_QUALITY)
