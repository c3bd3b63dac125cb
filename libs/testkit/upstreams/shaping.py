"""The sides of pictures as vendors make them of a ratio."""

import math


def shaped(ratio: str, *, side: int = 1024, step: int = 16) -> tuple[int, int]:
    """Return the sides of a picture of the ratio ``16:9`` (or ``16x9``) with the area of a square of that side."""
    width, _, height = ratio.replace("x", ":").partition(":")
    shape = math.sqrt(int(width) / int(height))
    return round(side * shape / step) * step, round(side / shape / step) * step
