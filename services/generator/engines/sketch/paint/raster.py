"""Turning SVG into pixels, and the few pixel operations that are faster in libvips."""

import re
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyvips

# float32 by convention; numpy's stubs widen most operations, so the type promises an array and no more.
Pixels = npt.NDArray[Any]
_MAX_CACHED = 96
_SVG_LOADER = "VipsForeignLoadSvgBuffer"

pyvips.cache_set_max(0)


def planes(height: int, width: int, bands: int = 3) -> Pixels:
    """An array of shape (height, width, bands), not yet filled, whose bands lie one after the other in memory.

    numpy then works along whole rows instead of along three numbers at a time, which is four times as fast; what it computes
    from such arrays has this layout again.
    """
    return np.empty((bands, height, width), np.float32).transpose(1, 2, 0)


def in_planes(pixels: Pixels) -> Pixels:
    """The pixels in the layout of `planes`, as float32."""
    result = planes(*pixels.shape)
    result[:] = pixels
    return result


def tinted(field: Pixels, color: Any) -> Pixels:
    """One colour, as strong as `field` (height, width) says: shape (height, width, 3)."""
    tones = np.asarray(color, np.float32)[:, None, None]
    result: Pixels = (tones * field).transpose(1, 2, 0)
    return result


def render(svg: str, width: int, height: int) -> Pixels:
    """An SVG of that size in pixels as premultiplied RGBA, 0 to 1, of shape (height, width, 4).

    libvips' SVG loader is open for our own drawings only: at all other times it stays blocked to whatever a caller hands in.
    """
    pyvips.operation_block_set(_SVG_LOADER, False)
    try:
        image = pyvips.Image.svgload_buffer(svg.encode())
    finally:
        pyvips.operation_block_set(_SVG_LOADER, True)
    assert (image.width, image.height) == (width, height), (image.width, image.height)
    straight = image.numpy()
    pixels = planes(height, width, 4)
    alpha = np.multiply(straight[..., 3], np.float32(1 / 255), out=pixels[..., 3])
    share = alpha * np.float32(1 / 255)
    for band in range(3):
        np.multiply(straight[..., band], share, out=pixels[..., band])
    return pixels


@lru_cache(maxsize=_MAX_CACHED)
def _bounds(body: str) -> tuple[float, float, float, float]:
    """Where the ink of a drawing on the 128 grid lies, as shares of the grid: left, top, right, bottom."""
    alpha = render(_document(body, (-16, -16, 160, 240), 160, 240), 160, 240)[..., 3] > 0.1
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    if not rows.size:
        return 0.0, 0.0, 128.0, 128.0
    return float(columns[0] - 17), float(rows[0] - 17), float(columns[-1] - 14), float(rows[-1] - 14)


_ALIAS = re.compile(r'<use href="#(\w+)" id="(\w+)"/>')
_LOST_TRANSFORM = re.compile(r'(<radialGradient id="\w+" cy="([\d.]+)" fy="\2")( href="#\w+"/>)')


@lru_cache(maxsize=_MAX_CACHED)
def _mended(body: str) -> str:
    """The drawing without what its packer broke: clips by the alias of a shape, which librsvg does not follow, and gradients
    that lost the transform that undid the one they inherit.
    """
    for target, alias in _ALIAS.findall(body):
        body = body.replace(f'#{alias}"', f'#{target}"').replace(f"#{alias})", f"#{target})")
    return _LOST_TRANSFORM.sub(r'\1 gradientTransform="translate(0)"\3', body)


def _document(body: str, view: tuple[float, float, float, float], width: int, height: int) -> str:
    box = " ".join(f"{part:g}" for part in view)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box}" width="{width}" height="{height}" preserveAspectRatio="none">{_mended(body)}</svg>'
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
    width = max(2, round(height * box[2] / box[3]))
    return render(_document(body, box, width, height), width, height)


_COARSE_PIXELS = 300_000
_WIDE_SIGMA = 10.0


def blur(pixels: Pixels, sigma: float, *, exact: bool = False) -> Pixels:
    """Gaussian blur of an array of any number of bands.

    A wide blur, and any of a small array, such as a drawing whose blurred outline is differentiated, is made by matrix
    products. A narrow one of a large array is made in 256 steps between its extremes, which takes a fifth of the time, unless
    it must be `exact`.
    """
    if sigma < 0.3:
        return pixels
    height, width = pixels.shape[:2]
    is_large = height * width > _COARSE_PIXELS
    if sigma >= (_WIDE_SIGMA if is_large else 1.0) and min(height, width) > 4 * sigma:
        return _blurred_by_products(pixels, sigma)
    if is_large and not exact:
        return _blurred_in_steps(pixels, sigma)
    result: Pixels = (
        _image(np.ascontiguousarray(pixels)).gaussblur(sigma, precision="approximate").cast("float").numpy()
    )
    return in_planes(result) if pixels.ndim == 3 else result.reshape(pixels.shape)


def _blurred_by_products(pixels: Pixels, sigma: float) -> Pixels:
    """Each row and column of the result as a weighted sum of the means of blocks a little smaller than the deviation."""
    height, width = pixels.shape[:2]
    block = max(1, int(sigma * 0.7))
    down, across = _bells(height, block, sigma), _bells(width, block, sigma)
    bands = [pixels] if pixels.ndim == 2 else [pixels[..., band] for band in range(pixels.shape[2])]
    result = planes(height, width, len(bands))
    for number, band in enumerate(bands):
        np.matmul(down @ _block_sums(band, block), across.T, out=result[..., number])
    return result if pixels.ndim == 3 else result[..., 0]


def _block_sums(band: Pixels, block: int) -> Pixels:
    """The sums of square blocks of a (height, width) array; those at the lower and right edge may be smaller."""
    height, width = band.shape
    whole = height // block * block
    sums = band[:whole].reshape(-1, block, width).sum(1)
    if whole < height:
        sums = np.concatenate([sums, band[whole:].sum(0, keepdims=True)])
    result: Pixels = np.add.reduceat(sums, np.arange(0, width, block), axis=1)
    return result


def shrunk(pixels: Pixels, factor: int) -> Pixels:
    """The means of square blocks of an array with bands, which is sampled from then on as if it were as large as before."""
    height, width = (-(-side // factor) for side in pixels.shape[:2])
    areas = _block_sums(np.ones(pixels.shape[:2], np.float32), factor)
    result = planes(height, width, pixels.shape[2])
    for band in range(pixels.shape[2]):
        np.divide(_block_sums(pixels[..., band], factor), areas, out=result[..., band])
    return result


@lru_cache(maxsize=16)
def _bells(length: int, block: int, sigma: float) -> Pixels:
    """Gaussian weights, for each of `length` places, of the sums of blocks of the places; each place's weights add up to one."""
    starts = np.arange(0, length, block)
    ends = np.minimum(starts + block, length)
    at = np.arange(length, dtype=np.float32)[:, None] + np.float32(0.5)
    middle, size = ((starts + ends) / 2).astype(np.float32), (ends - starts).astype(np.float32)
    weights: Pixels = np.exp((at - middle) ** 2 * np.float32(-0.5 / (sigma * sigma - (block * block - 1) / 12)))
    weights[weights < 1e-5] = 0  # the tails would become denormal numbers, on which processors crawl
    weights /= (weights * size).sum(1, keepdims=True)
    return weights


def _blurred_in_steps(pixels: Pixels, sigma: float) -> Pixels:
    low, high = float(pixels.min()), float(pixels.max())
    scale = 255 / max(high - low, 1e-6)
    steps = np.empty(pixels.shape, np.uint8)
    for band in range(1 if pixels.ndim == 2 else pixels.shape[2]):
        source, target = (pixels, steps) if pixels.ndim == 2 else (pixels[..., band], steps[..., band])
        np.add(source * np.float32(scale), np.float32(0.5 - low * scale), out=target, casting="unsafe")
    blurred = _image(steps).gaussblur(sigma).numpy().reshape(pixels.shape)
    result = planes(*pixels.shape) if pixels.ndim == 3 else np.empty(pixels.shape, np.float32)
    np.multiply(blurred, np.float32(1 / scale), out=result)
    result += np.float32(low)
    return result


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
    return result if pixels.ndim == 2 else in_planes(result.reshape(height, width, pixels.shape[2]))


def remap(pixels: Pixels, dx: Pixels, dy: Pixels, factor: int = 1) -> Pixels:
    """Each pixel fetched from (x + dx, y + dy), clamped to the picture; of shape (height, width) or with bands.

    `factor` is that by which the pixels were shrunk; the result is as large as `dx` and `dy`.
    """
    height, width = dx.shape
    columns = np.clip(np.arange(width, dtype=np.float32)[None, :] + dx, 0, width - 1)
    rows = np.clip(np.arange(height, dtype=np.float32)[:, None] + dy, 0, height - 1)
    if factor > 1:
        rows *= np.float32(1 / factor)
        columns *= np.float32(1 / factor)
    span = pixels.shape[1]
    index = rows.astype(np.intp)
    index *= span + _ODD
    index += columns.astype(np.intp)
    result = planes(height, width, 1 if pixels.ndim == 2 else pixels.shape[2])
    spaced = np.empty((pixels.shape[0], span + _ODD), np.float32)
    for band in range(result.shape[2]):
        spaced[:, :span] = pixels if pixels.ndim == 2 else pixels[..., band]
        np.take(spaced.ravel(), index, mode="clip", out=result[..., band])
    return result if pixels.ndim == 3 else result[..., 0]


_ODD = 24  # added to each row, because rows whose length is a power of two would fight for the same lines of the cache


def taken_rows(pixels: Pixels, rows: Pixels) -> Pixels:
    """The rows of that number, in that order."""
    result = planes(len(rows), *pixels.shape[1:])
    np.take(pixels.transpose(2, 0, 1), rows, axis=1, out=result.transpose(2, 0, 1), mode="clip")
    return result


def fetched(pixels: Pixels, index: Pixels) -> Pixels:
    """The pixels at flat places, an array of intp: of the shape of `index`, with the bands of `pixels`."""
    if pixels.ndim == 2:
        return np.take(pixels.ravel(), index, mode="clip")
    result = planes(index.shape[0], index.shape[1], pixels.shape[2])
    for band in range(pixels.shape[2]):
        np.take(pixels[..., band].ravel(), index, mode="clip", out=result[..., band])
    return result
