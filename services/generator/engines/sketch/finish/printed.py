"""Finishes that cut the picture into areas: pixels, halftones, flat shapes, facets, glass, woodblock."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from generator.engines.sketch.finish.light import contrast, luma, saturate
from generator.engines.sketch.paint.noise import Field, fractal
from generator.engines.sketch.paint.raster import Pixels, blur, fetched, resize, tinted
from generator.engines.sketch.paint.stage import Stage

_TABLE_COLORS = 300_000
_LEVELS = 32
_BAYER = np.asarray([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 - 0.47


def _palette(pixels: Pixels, count: int, rng: np.random.Generator) -> Pixels:
    """`count` colours that stand for all: k-means on a sample, started from well spread pixels."""
    count_all = pixels.shape[0] * pixels.shape[1]
    chosen_places = rng.integers(0, count_all, min(count_all, 3000))
    sample = pixels[chosen_places // pixels.shape[1], chosen_places % pixels.shape[1]]
    centers = [sample[0]]
    distance = ((sample - centers[0]) ** 2).sum(1)
    for _ in range(count - 1):
        centers.append(sample[int(distance.argmax())])
        distance = np.minimum(distance, ((sample - centers[-1]) ** 2).sum(1))
    chosen = np.asarray(centers, np.float32)
    for _ in range(5):
        nearest = _nearest(sample, chosen)
        for index in range(count):
            members = sample[nearest == index]
            if len(members):
                chosen[index] = members.mean(0)
    return chosen


def _nearest(colors: Pixels, palette: Pixels) -> npt.NDArray[np.int64]:
    """The palette's nearest colour for each; many colours are looked up in a table of 32 levels a band."""
    if colors.size > 3 * _TABLE_COLORS:
        bits = np.clip(colors * np.float32(_LEVELS - 1) + np.float32(0.5), 0, _LEVELS - 1).astype(np.uint16)
        code = bits[..., 0] * np.uint16(_LEVELS**2) + bits[..., 1] * np.uint16(_LEVELS) + bits[..., 2]
        looked_up: npt.NDArray[np.int64] = _scored(_levels(), palette)[code]
        return looked_up
    return _scored(colors.reshape(-1, 3), palette).reshape(colors.shape[:-1])


@cache
def _levels() -> Pixels:
    """Every colour of the table, of shape (`_LEVELS` cubed, 3)."""
    levels: Pixels = np.indices((_LEVELS,) * 3, np.float32).reshape(3, -1).T / (_LEVELS - 1)
    return levels


def _scored(flat: Pixels, palette: Pixels) -> npt.NDArray[np.int64]:
    nearest: npt.NDArray[np.int64] = (flat @ (palette.T * -2) + (palette**2).sum(1)).argmin(1)
    return nearest


def pixel(stage: Stage) -> None:
    """Big square pixels, two dozen colours, ordered dithering."""
    rng = stage.chance("pixel")
    cells = 128 if max(stage.width, stage.height) >= 256 else 48
    long = max(stage.width, stage.height)
    columns, rows = max(8, round(cells * stage.width / long)), max(8, round(cells * stage.height / long))
    contrast(stage, 0.25)
    saturate(stage, 1.25)
    small = resize(np.clip(stage.pixels, 0, 1), columns, rows)
    sharp = np.clip(small + (small - blur(small, 1.0)) * 0.9, 0, 1)
    palette = _palette(sharp, 26, rng)
    pattern = np.tile(_BAYER, (rows // 4 + 1, columns // 4 + 1))[:rows, :columns, None]
    chosen = palette[_nearest(np.clip(sharp + pattern * 0.07, 0, 1), palette)]
    y = np.arange(stage.height) * rows // stage.height
    x = np.arange(stage.width) * columns // stage.width
    stage.pixels = fetched(chosen, y[:, None] * columns + x)


def _ink(stage: Stage, width: float, strength: float) -> Field:
    """Dark contour lines, 0 to 1, by the difference of two blurs."""
    tone = luma(stage.pixels)
    fine, wide = (blur(tone, sigma * stage.unit, exact=True) for sigma in (width, width * 2.4))
    ink: Field = np.clip((wide - fine) * strength - 0.25, 0, 1)
    return ink


def comic(stage: Stage) -> None:
    """Flat inks, black contours, halftone dots in the shadows."""
    contrast(stage, 0.35)
    saturate(stage, 1.5)
    ink = _ink(stage, 1.5, 24)
    smooth = blur(stage.pixels, 2.0 * stage.unit)
    palette = _palette(smooth, 14, stage.chance("inks"))
    color = fetched(palette[:, None], _nearest(smooth, palette))
    pitch = max(4.0, 8.5 * stage.unit)
    x, y = np.arange(stage.width, dtype=np.float32)[None, :], np.arange(stage.height, dtype=np.float32)[:, None]
    screen = np.cos(x * 4.44 / pitch) * np.cos(y * 4.44 / pitch) * 0.5 + 0.5
    dots = np.clip((screen - luma(smooth) * 1.25 + 0.02) * pitch * 0.5, 0, 1)
    color *= ((1 - 0.34 * dots) * (1 - ink))[..., None]
    color += tinted(ink, (0.06, 0.05, 0.09))
    stage.pixels = color


def flat(stage: Stage) -> None:
    """A poster: few colours in clean shapes, each casting a thin paper shadow."""
    saturate(stage, 1.15)
    rng = stage.chance("poster")
    near, wide = blur(stage.pixels, 1.2 * stage.unit), blur(stage.pixels, 26 * stage.unit)
    scenery = _palette(wide, 6, rng)
    things = _palette(near[stage.focus > 0.5].reshape(-1, 1, 3), 12, rng) if (stage.focus > 0.5).any() else scenery
    tones = blur(stage.pixels, 5 * stage.unit)
    both = np.concatenate((things, scenery))[:, None]
    index = np.where(stage.focus > 0.5, _nearest(near, things), _nearest(tones, scenery) + len(things))
    chosen = fetched(both, index)
    tone = luma(chosen)
    lower = blur(tone, 3.5 * stage.unit) - tone
    chosen *= (1 - np.clip(lower * 0.5, -0.05, 0.14))[..., None]
    stage.pixels = blur(chosen, 0.6)


@dataclass(frozen=True)
class _Cells:
    """Voronoi cells of a jittered lattice: the cell of each pixel, and its squared distances to the nearest two middles.

    Distances are in units of the lattice, of which a cell is one square on the average.
    """

    count: int
    cell: npt.NDArray[np.int64]
    nearest: Field
    second: Field


_BAND_ROWS = 64  # what is worked on at once stays in the processor's cache


def _cells(stage: Stage, pitch: float, rng: np.random.Generator) -> _Cells:
    height, width = stage.height, stage.width
    rows, columns = int(height / pitch) + 3, int(width / pitch) + 3
    jitter = rng.uniform(0.08, 0.92, (2, rows * columns)).astype(np.float32)
    x = (np.arange(width, dtype=np.float32) / pitch + 1)[None, :]
    y = (np.arange(height, dtype=np.float32) / pitch + 1)[:, None]
    column, row = x.astype(np.int64), y.astype(np.int64)
    place = x - column.astype(np.float32), y - row.astype(np.float32)
    found = _Cells(
        rows * columns,
        row * columns + column,
        np.full((height, width), 9.0, np.float32),
        np.empty((height, width), np.float32),
    )
    for top in range(0, height, _BAND_ROWS):
        band = slice(top, top + _BAND_ROWS)
        _find_cells(found, band, (place[0], place[1][band]), jitter, columns)
    return found


def _find_cells(found: _Cells, band: slice, at: tuple[Field, Field], jitter: Field, columns: int) -> None:
    """Compares the nine middles about each pixel of some rows; `at` is the pixel's place in its square of the lattice."""
    home, nearest, second = found.cell[band], found.nearest[band], found.second[band]
    second[:] = nearest
    choice = np.zeros(home.shape, np.uint8)
    steps = np.asarray([down * columns + right for down in (-1, 0, 1) for right in (-1, 0, 1)])
    first = home + steps[0]
    for number, step in enumerate(steps - steps[0]):
        away = np.take(jitter[0, step:], first, mode="clip")
        away -= at[0] - np.float32(number % 3 - 1)
        away *= away
        rise = np.take(jitter[1, step:], first, mode="clip")
        rise -= at[1] - np.float32(number // 3 - 1)
        rise *= rise
        away += rise
        np.copyto(choice, np.uint8(number), where=away < nearest)
        np.minimum(second, np.maximum(nearest, away), out=second)
        np.minimum(nearest, away, out=nearest)
    home += np.take(steps, choice)


def _means(source: Pixels, cells: _Cells, pitch: float) -> Pixels:
    """Each cell's mean colour, of shape (cells, 1, 3); of large cells a quarter of the pixels is asked."""
    step = 2 if pitch > 9 else 1
    flat = cells.cell[::step, ::step].ravel()
    count = np.bincount(flat, minlength=cells.count)
    sums = [np.bincount(flat, source[::step, ::step, band].ravel(), cells.count) for band in range(3)]
    means: Pixels = (np.stack(sums, axis=-1) / np.maximum(count, 1)[:, None]).astype(np.float32)
    return means[:, None]


def lowpoly(stage: Stage) -> None:
    """Facets, each of one colour with a slight turn to the light, smaller where there is detail."""
    rng = stage.chance("facets")
    saturate(stage, 1.15)
    contrast(stage, 0.2)
    source = np.clip(stage.pixels, 0, 1)
    large, small = _cells(stage, 58 * stage.unit, rng), _cells(stage, 11 * stage.unit, rng)
    tone = luma(source)
    detail = blur(np.abs(tone - blur(tone, 9 * stage.unit)), 12 * stage.unit)
    use = (detail > np.percentile(detail[::8, ::8], 70)) | (stage.focus > 0.3)
    turn = rng.uniform(-0.11, 0.11, max(large.count, small.count)).astype(np.float32)
    coarse, fine = _means(source, large, 58 * stage.unit), _means(source, small, 11 * stage.unit)
    coarse *= 1 + turn[: large.count, None, None]
    fine *= 1 + turn[: small.count, None, None] * np.float32(0.6)
    stage.pixels = fetched(np.concatenate([coarse, fine]), np.where(use, small.cell + large.count, large.cell))


def glass(stage: Stage) -> None:
    """Panes of luminous colour in lead."""
    rng = stage.chance("glass")
    saturate(stage, 1.6)
    source = np.clip(stage.pixels, 0, 1)
    cells = _cells(stage, 26 * stage.unit, rng)
    color = fetched(_means(source, cells, 26 * stage.unit), cells.cell)
    edge = (np.sqrt(cells.second) - np.sqrt(cells.nearest)) * np.float32(26 * stage.unit)
    color += (blur(source, 1.5 * stage.unit) - color) * (stage.focus * np.float32(0.72))[..., None]
    lead = np.clip(1.6 - edge / (1.9 * stage.unit), 0, 1)
    ripple = fractal(rng, stage.height, stage.width, cells=46, octaves=3) - 0.5
    color *= np.float32(1.14)
    color += np.float32(0.03)
    np.clip(color, 0, 1, out=color)
    dark = np.maximum(lead, _ink(stage, 2.2, 26))
    color *= ((1 + ripple * 0.5) * (1 - dark))[..., None]
    color += tinted(dark, (0.06, 0.06, 0.07))
    stage.pixels = color


def woodblock(stage: Stage) -> None:
    """A Japanese print: a few muted colours, a dark key line, the grain of the block, cream paper."""
    rng = stage.chance("block")
    saturate(stage, 0.86)
    ink = _ink(stage, 1.3, 26)
    smooth = blur(stage.pixels, 2.4 * stage.unit)
    palette = _palette(smooth, 12, rng)
    inks = _nearest(smooth, palette)
    palette = palette * np.asarray((0.95, 0.9, 0.78), np.float32) + np.asarray((0.05, 0.045, 0.03), np.float32)
    color = fetched(palette[:, None], inks)
    wood = fractal(rng, stage.height, stage.width, cells=60, octaves=3, stretch=16) - 0.5
    ink *= np.float32(0.92)
    color *= ((1 + wood * 0.2) * (1 - ink))[..., None]
    color += tinted(ink, (0.1, 0.13, 0.22))
    stage.pixels = color
