"""The child that measures pictures: with arrays beside libvips, which the decoder's children need not carry.

`Studio` runs it; nothing imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pictures.opening import Call, Operation, answering, close_the_loaders, resized
from pictures.palette import dominant
from pictures.regions import regions
from pictures.repainting import grey_mask
from servicekit.frames import Message, serve

_SAMPLE_SIDE: Final = 160
_HALF: Final = 128
"""At least 50 % of 255."""


def colours(_call: Call, data: bytes) -> Message:
    """The dominant colours of what is seen, each as red, green and blue."""
    image = resized(data, _SAMPLE_SIDE, _SAMPLE_SIDE, "down").colourspace("srgb").copy_memory()
    seen = image[3].numpy().reshape(-1) >= _HALF if image.hasalpha() else slice(None)
    colour = image.extract_band(0, n=3)
    perceived = colour.colourspace("oklab").numpy().reshape(-1, 3)
    return Message({"colours": dominant(colour.numpy().reshape(-1, 3)[seen], perceived[seen])})


def mask(call: Call, data: bytes) -> Message:
    """How much of a mask is at least half white, in per cent, and the boxes of its regions."""
    white = grey_mask(data, call["width"], call["height"], "white").numpy() >= _HALF
    white = white.reshape(call["height"], call["width"])
    marked = ~white if call["inverted"] else white
    return Message({"area_percent": float(marked.mean() * 100), "regions": regions(marked)})


_OPERATIONS: Final[Mapping[str, Operation]] = {"colours": colours, "mask": mask}


if __name__ == "__main__":
    close_the_loaders()
    serve(answering(_OPERATIONS))
