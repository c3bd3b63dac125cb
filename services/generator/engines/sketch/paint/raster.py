"""Turning SVG into pixels, and the few pixel operations that are faster in libvips."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips
import resvg_py

# float32 by convention; numpy's stubs widen most operations, so the type promises an array and no more.
Pixels = npt.NDArray[Any]
_MAX_CACHED = 96

pyvips.cache_set_max(0)


def render(svg: str, width: int, height: int) -> Pixels:
    """The SVG as premultiplied RGBA, 0 to 1, of shape (height, width, 4)."""
    png = resvg_py.svg_to_bytes(svg_string=svg, width=width, height=height, skip_system_fonts=True)
    pixels: Pixels = pyvips.Image.pngload_buffer(png).premultiply().numpy()
    pixels *= np.float32(1 / 255)
    return pixels


@lru_cache(maxsize=_MAX_CACHED)
def _bounds(body: str) -> tuple[float, float, float, float]:
    """Where the ink of a drawing on the 128 grid lies, as shares of the grid: left, top, right, bottom."""
    alpha = render(_document(body, (-16, -16, 160, 240)), 160, 240)[..., 3] > 0.1
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    if not rows.size:
        return 0.0, 0.0, 128.0, 128.0
    return float(columns[0] - 17), float(rows[0] - 17), float(columns[-1] - 14), float(rows[-1] - 14)


def _document(body: str, view: tuple[float, float, float, float]) -> str:
    box = " ".join(f"{part:g}" for part in view)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box}" width="{view[2]:g}" height="{view[3]:g}" preserveAspectRatio="none">{body}</svg>'
    )


def aspect(body: str) -> float:
    """Width over height of a drawing's ink."""
    left, top, right, bottom = _bounds(body)
    return (right - left) / max(bottom - top, 1.0)


def sprite(body: str, height: int) -> Pixels:
    """A drawing cut to its ink, `height` pixels high, as premultiplied RGBA."""
    left, top, right, bottom = _bounds(body)
    box = (left, top, right - left, bottom - top)
    height = max(2, height)
    return render(_document(body, box), max(2, round(height * box[2] / box[3])), height)


_COARSE_PIXELS = 300_000


def blur(pixels: Pixels, sigma: float, *, exact: bool = False) -> Pixels:
    """Gaussian blur of an array of any number of bands.

    A large array is blurred in 256 steps between its extremes, which takes a fifth of the time. A small one, such as a
    drawing whose blurred outline is differentiated, and one that must be `exact` are blurred in full precision. A wide
    blur works on a shrunk copy.
    """
    if sigma < 0.3:
        return pixels
    source = np.ascontiguousarray(pixels)
    if not exact and sigma < 16 and source.shape[0] * source.shape[1] > _COARSE_PIXELS:
        return _blurred_in_steps(source, sigma)
    image = _image(source)
    shrink = max(1, int(sigma / 4))
    if shrink > 1 and min(source.shape[:2]) > 8 * shrink:
        small = image.shrink(shrink, shrink).gaussblur(sigma / shrink, precision="approximate")
        image = small.resize(source.shape[1] / small.width, vscale=source.shape[0] / small.height, kernel="cubic")
    else:
        image = image.gaussblur(sigma, precision="approximate")
    result: Pixels = image.cast("float").numpy()
    return result[: source.shape[0], : source.shape[1]].reshape(source.shape)


def _blurred_in_steps(source: Pixels, sigma: float) -> Pixels:
    low, high = float(source.min()), float(source.max())
    scale = 255 / max(high - low, 1e-6)
    steps = (source - np.float32(low)) * np.float32(scale)
    steps += np.float32(0.5)
    result: Pixels = _image(steps.astype(np.uint8)).gaussblur(sigma).numpy().astype(np.float32)
    result *= np.float32(1 / scale)
    result += np.float32(low)
    return result.reshape(source.shape)


def _image(array: Pixels) -> pyvips.Image:
    return (
        pyvips.Image.new_from_array(array)
        if array.ndim == 2
        else pyvips.Image.new_from_array(array, interpretation="multiband")
    )


def resize(pixels: Pixels, width: int, height: int, kernel: str = "linear") -> Pixels:
    """The array scaled to width by height."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels))
    scaled = image.resize(width / image.width, vscale=height / image.height, kernel=kernel)
    result: Pixels = scaled.cast("float").numpy()[:height, :width]
    return result.reshape(height, width, *pixels.shape[2:])


def remap(pixels: Pixels, dx: Pixels, dy: Pixels) -> Pixels:
    """Each pixel fetched from (x + dx, y + dy), clamped to the picture."""
    height, width = dx.shape
    columns = np.clip(np.arange(width, dtype=np.float32)[None, :] + dx, 0, width - 1).astype(np.int32)
    rows = np.clip(np.arange(height, dtype=np.float32)[:, None] + dy, 0, height - 1).astype(np.int32)
    moved: Pixels = np.take(pixels.reshape(height * width, -1), rows * width + columns, axis=0)
    return moved.reshape(pixels.shape)
