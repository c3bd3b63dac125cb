"""Vendors draw few shapes or sizes: here is the nearest that they do, and what to say of the difference.

Sizes themselves, and what a draw asks for, stand in generator/sizes.py.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from generator.sizes import Size, requested_size
from gesso.generator.v1.generator_pb2 import Draw

_SAME_SHAPE = 0.02
"""Shapes less than two hundredths apart (of their logarithm) are told as the same: rounding to a grid moves them so far."""


def shape(text: str) -> float:
    """Width over height of `16:9`, `16x9` or `1024x1024`. Raises ValueError for anything else."""
    width, _, height = text.replace("x", ":").partition(":")
    return int(width) / int(height)


def nearest_ratio(size: Size, ratios: Sequence[str]) -> str:
    """The ratio (as the vendor writes it) of the nearest shape, the first of equals."""
    return min(ratios, key=lambda ratio: _apart(shape(ratio), size.width / size.height))


def nearest_size(size: Size, sizes: Sequence[Size]) -> Size:
    """The size of the nearest shape; among equals the nearest area, the smallest that holds the asked one first."""
    asked = size.width / size.height

    def distance(one: Size) -> tuple[float, bool, float]:
        apart = round(_apart(one.width / one.height, asked), 3)
        return apart, one.pixel_count < size.pixel_count, abs(one.pixel_count - size.pixel_count)

    return min(sizes, key=distance)


def asked_ratio(draw: Draw, ratios: Sequence[str]) -> str | None:
    """The vendor's ratio that is nearest to what a draw asks for; None where it leaves its shape to the model.

    A ratio that the vendor knows goes through as it is, with `:` for `x`.
    """
    if not (draw.width or draw.height) and draw.aspect_ratio in ratios:
        return draw.aspect_ratio
    size = requested_size(draw) if draw.width or draw.aspect_ratio else None
    return None if size is None else nearest_ratio(size, ratios)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The sizes that a vendor takes: each side a multiple of `step` between two sides, the area between two areas (0 for any).

    `max_ratio` is the longest side over the shortest, 0 for any.
    """

    min_side: int = 64
    max_side: int = 4096
    step: int = 8
    min_pixels: int = 0
    max_pixels: int = 0
    max_ratio: int = 0

    def nearest(self, size: Size) -> Size:
        """The nearest legal size of the same shape, rounded up to the grid; a side beyond the bounds is cut to them."""
        size = self._widened(size)
        area = min(max(size.pixel_count, self.min_pixels), self.max_pixels or math.inf)
        scale = math.sqrt(area / size.pixel_count)
        longest, shortest = max(size.width, size.height) * scale, min(size.width, size.height) * scale
        scale *= min(1.0, self.max_side / longest) * max(1.0, self.min_side / shortest)
        # Rounded up, so that it holds what was asked for, unless the area forbids it.
        larger = self._rounded(size, scale, math.ceil)
        return larger if larger.pixel_count <= (self.max_pixels or math.inf) else self._rounded(size, scale, math.floor)

    def _rounded(self, size: Size, scale: float, rounded: Callable[[float], int]) -> Size:
        steps = (rounded(round(side * scale / self.step, 6)) for side in (size.width, size.height))
        width, height = map(self._legal, steps)
        # Rounding alone can have left the ratio.
        longest = min(width, height) * (self.max_ratio or math.inf)
        return Size(int(min(width, longest)), int(min(height, longest)))

    def _widened(self, size: Size) -> Size:
        """The size with a shorter side that is long enough for the ratio."""
        shortest = math.ceil(max(size.width, size.height) / (self.max_ratio or math.inf))
        return Size(max(size.width, shortest), max(size.height, shortest))

    def _legal(self, steps: int) -> int:
        low, high = math.ceil(self.min_side / self.step), self.max_side // self.step
        return min(max(steps, low), high) * self.step


def shape_warnings(provider: str, draw: Draw, drawn: str | Size | None) -> Sequence[str]:
    """What to say where the shape that the vendor was asked for (a ratio or a size; None for its own choice) is not the asked one.

    A size of the same shape is no warning: the picture is resized, which is said by who does it.
    """
    asked = requested_size(draw) if draw.width or draw.aspect_ratio else None
    if asked is None:
        return ()
    wanted = str(asked) if draw.width else draw.aspect_ratio
    if drawn is None:
        return (f"{provider} chooses the shape itself; {wanted} was asked for.",)
    if _apart(shape(str(drawn)), asked.width / asked.height) < _SAME_SHAPE:
        return ()
    return (f"{provider} was asked for {drawn}, the nearest to {wanted} that it draws.",)


def _apart(one: float, other: float) -> float:
    return abs(math.log(one) - math.log(other))
