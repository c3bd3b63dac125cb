"""The size of a picture: how it is written, which size a draw asks for, and how an aspect ratio becomes pixels."""

import math
import re
from dataclasses import dataclass
from functools import lru_cache

from gesso.generator.v1.generator_pb2 import Draw
from servicekit.faults import InvalidField

_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_RATIO = re.compile(r"([1-9][0-9]{0,3}):([1-9][0-9]{0,3})")
# Vendors say the side of the square with as many pixels: their 2K at 16:9 is 2752x1536, the area of 2048x2048.
RESOLUTION_SIDES = {"512": 512, "0.5K": 512, "1K": 1024, "2K": 2048, "4K": 4096}
_GRID = 16


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in pixels, both at least 1."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def pixel_count(self) -> int:
        """The area."""
        return self.width * self.height


@lru_cache(maxsize=1024)
def parse_size(text: str) -> Size:
    """Read `1024x1536`. Raises ValueError for anything else."""
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no size; write width and height as 1024x1536")
    return Size(int(match[1]), int(match[2]))


def requested_size(draw: Draw) -> Size | None:
    """The size that a draw asks for, None where it leaves it to the model.

    Width and height go first; else an aspect ratio and a resolution (either may be absent: 1:1, 1K) give the size of that
    shape and area, in multiples of 16. Raises InvalidField for `size`, `aspect_ratio` or `resolution`.
    """
    if draw.width or draw.height:
        if draw.width < 1 or draw.height < 1:
            raise InvalidField("size", "A size has a width and a height of at least 1 pixel.")
        return Size(draw.width, draw.height)
    if not draw.aspect_ratio and not draw.resolution:
        return None
    return shaped(_ratio(draw.aspect_ratio or "1:1"), _side(draw.resolution or "1K") ** 2)


def shaped(ratio: float, pixel_count: int) -> Size:
    """The size of the shape `ratio` (width over height) with at most so many pixels, in multiples of 16."""
    width = math.sqrt(pixel_count * ratio)
    return Size(_on_grid(width), _on_grid(width / ratio))


def _on_grid(side: float) -> int:
    return max(_GRID, int(side / _GRID + 1e-6) * _GRID)


def _ratio(text: str) -> float:
    match = _RATIO.fullmatch(text)
    if match is None:
        raise InvalidField("aspect_ratio", "An aspect ratio is written as 16:9.")
    return int(match[1]) / int(match[2])


def _side(text: str) -> int:
    if text not in RESOLUTION_SIDES:
        raise InvalidField("resolution", f"The resolution must be one of {', '.join(RESOLUTION_SIDES)}.")
    return RESOLUTION_SIDES[text]
