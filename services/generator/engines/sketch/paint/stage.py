"""The stage is the picture in the making: its pixels, its horizon, its light, and its seeded chance."""

import zlib
from dataclasses import dataclass, field

import numpy as np

from generator.engines.sketch.paint.raster import Pixels, planes, render, tinted
from generator.engines.sketch.scene import Rgb, Scene


@dataclass(frozen=True)
class Light:
    """The light of a scene. Colours are 0 to 1; `direction` points from the light, x to the right, y down.

    `sky` is the sky from the zenith to the horizon; `ambient` multiplies whatever it falls on; `haze` is the colour that distance
    takes, `haziness` how soon; `shadow` how dark a cast shadow is.
    """

    sky: tuple[Rgb, Rgb, Rgb]
    color: Rgb
    ambient: Rgb
    haze: Rgb
    haziness: float
    shadow: float
    stars: float
    direction: tuple[float, float]
    source: tuple[float, float] | None
    is_dark: bool


@dataclass
class Stage:
    """`pixels` is (height, width, 3), sRGB 0 to 1; `focus` is 1 where a subject is, "
    "for finishes to spare its detail. `unit` is one thousandth of the picture's "
    "size, for line widths and grain."""

    scene: Scene
    light: Light
    seed: int
    width: int
    height: int
    horizon: int
    has_bank: bool = field(default=True, init=False)
    pixels: Pixels = field(init=False)
    focus: Pixels = field(init=False)

    def __post_init__(self) -> None:
        self.pixels = planes(self.height, self.width)
        self.pixels[:] = 0
        self.focus = np.zeros((self.height, self.width), np.float32)

    @property
    def unit(self) -> float:
        return float(np.sqrt(self.width * self.height)) / 1000

    def chance(self, what: str) -> np.random.Generator:
        """Randomness of its own for each feature, so that one feature's change leaves the others as they were."""
        return np.random.default_rng([self.seed & 0xFFFFFFFFFFFFFFFF, zlib.crc32(what.encode())])

    def wants(self, feature: str) -> bool:
        return feature not in self.scene.excluded

    def over(self, sprite: Pixels, left: int, top: int, opacity: float = 1.0) -> None:
        """Lays premultiplied RGBA over the picture, cut at its edges."""
        height, width = sprite.shape[:2]
        y0, y1 = max(top, 0), min(top + height, self.height)
        x0, x1 = max(left, 0), min(left + width, self.width)
        if y0 >= y1 or x0 >= x1:
            return
        part = sprite[y0 - top : y1 - top, x0 - left : x1 - left]
        if opacity != 1.0:
            part = part * np.float32(opacity)
        target = self.pixels[y0:y1, x0:x1]
        target *= 1 - part[..., 3:]
        target += part[..., :3]

    def lay(self, content: str, top: int = 0, rows: int | None = None) -> None:
        """Draws SVG content, in the picture's own coordinates, over the rows from `top` on."""
        rows = min(self.height - top, self.height if rows is None else rows)
        if rows > 0 and content:
            box = f'viewBox="0 {top} {self.width} {rows}" width="{self.width}" height="{rows}"'
            self.over(
                render(f'<svg xmlns="http://www.w3.org/2000/svg" {box}>{content}</svg>', self.width, rows), 0, top
            )

    def mark(self, alpha: Pixels, left: int, top: int) -> None:
        """Remembers that a subject is where `alpha` is."""
        height, width = alpha.shape
        y0, y1 = max(top, 0), min(top + height, self.height)
        x0, x1 = max(left, 0), min(left + width, self.width)
        if y0 < y1 and x0 < x1:
            part = self.focus[y0:y1, x0:x1]
            np.maximum(part, alpha[y0 - top : y1 - top, x0 - left : x1 - left], out=part)

    def blend(self, color: Rgb | Pixels, mask: Pixels, top: int = 0) -> None:
        """Mixes a colour in by a mask of full width that starts at row `top`."""
        target = self.pixels[top : top + mask.shape[0]]
        change = np.asarray(color, np.float32) - target
        change *= mask[..., None]
        target += change

    def shade(self, mask: Pixels, left: int, top: int) -> None:
        """Darkens: multiplies by 1 - mask, cut at the edges."""
        height, width = mask.shape
        y0, y1 = max(top, 0), min(top + height, self.height)
        x0, x1 = max(left, 0), min(left + width, self.width)
        if y0 < y1 and x0 < x1:
            self.pixels[y0:y1, x0:x1] *= 1 - mask[y0 - top : y1 - top, x0 - left : x1 - left, None]

    def glow(self, x: float, y: float, radius: float, color: Rgb, strength: float) -> None:
        """Adds a soft round light (screen), which falls off to nothing at `radius`."""
        x0, x1 = max(0, int(x - radius)), min(self.width, int(x + radius) + 1)
        y0, y1 = max(0, int(y - radius)), min(self.height, int(y + radius) + 1)
        if x0 >= x1 or y0 >= y1:
            return
        dx = (np.arange(x0, x1, dtype=np.float32) - x) / radius
        dy = (np.arange(y0, y1, dtype=np.float32) - y) / radius
        fall = np.clip(1 - np.sqrt(dx[None, :] ** 2 + dy[:, None] ** 2), 0, 1)
        fall *= fall
        fall *= np.float32(strength)
        target = self.pixels[y0:y1, x0:x1]
        light = 1 - np.clip(target, 0, 1)
        light *= tinted(fall, color)
        target += light


def mix(first: Rgb, second: Rgb, share: float) -> Rgb:
    """`share` 0 is the first colour, 1 the second."""
    return (
        first[0] + (second[0] - first[0]) * share,
        first[1] + (second[1] - first[1]) * share,
        first[2] + (second[2] - first[2]) * share,
    )


def times(first: Rgb, second: Rgb) -> Rgb:
    return first[0] * second[0], first[1] * second[1], first[2] * second[2]


def scaled(color: Rgb, factor: float) -> Rgb:
    return color[0] * factor, color[1] * factor, color[2] * factor


def luminance(color: Rgb) -> float:
    return 0.299 * color[0] + 0.587 * color[1] + 0.114 * color[2]


def hexed(color: Rgb) -> str:
    """The colour as SVG writes it."""
    return "#" + "".join(f"{round(min(max(part, 0.0), 1.0) * 255):02x}" for part in color)


_RAMP_STEPS = 1023


def ramp(stops: tuple[Rgb, ...], at: Pixels) -> Pixels:
    """The colour at places 0 to 1 along evenly spaced stops, by a table of fine steps; adds a last axis of 3."""
    knots, steps = np.linspace(0, 1, len(stops)), np.linspace(0, 1, _RAMP_STEPS + 1)
    fine = np.stack([np.interp(steps, knots, [stop[band] for stop in stops]) for band in range(3)]).astype(np.float32).T
    index = np.asarray(at * _RAMP_STEPS, np.intp)
    if at.ndim == 1:
        return np.take(fine, index, axis=0, mode="clip")
    colors = planes(*at.shape)
    for band in range(3):
        np.take(fine[:, band], index, mode="clip", out=colors[..., band])
    return colors


def largest(pixels: Pixels) -> Pixels:
    """The largest of the three bands of each pixel; much faster than a reduction over a short axis."""
    return np.maximum(np.maximum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])
