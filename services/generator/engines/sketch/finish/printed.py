"""Finishes that cut the picture into areas: pixels, halftones, flat shapes, facets, glass, woodblock."""

import numpy as np
import numpy.typing as npt

from generator.engines.sketch.finish.light import contrast, luma, saturate
from generator.engines.sketch.paint.noise import Field, fractal
from generator.engines.sketch.paint.raster import Pixels, blur, resize
from generator.engines.sketch.paint.stage import Stage, largest

_TABLE_COLORS = 300_000
_BAYER = np.asarray([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]], np.float32) / 16 - 0.47


def _palette(pixels: Pixels, count: int, rng: np.random.Generator) -> Pixels:
    """`count` colours that stand for all: k-means on a sample, started from well spread pixels."""
    flat = pixels.reshape(-1, 3)
    sample = flat[rng.integers(0, len(flat), min(len(flat), 3000))]
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
    """The palette's nearest colour for each; many colours are looked up in a table of 6 bits a band."""
    flat = colors.reshape(-1, 3)
    if len(flat) > _TABLE_COLORS:
        levels = np.indices((64, 64, 64), np.float32).reshape(3, -1).T / 63
        bits = np.clip(flat * 63 + 0.5, 0, 63).astype(np.int32)
        code = bits[:, 0] * 4096 + bits[:, 1] * 64 + bits[:, 2]
        return np.take(_scored(levels, palette), code).reshape(colors.shape[:-1])
    return _scored(flat, palette).reshape(colors.shape[:-1])


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
    stage.pixels = chosen[y][:, x]


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
    color = palette[_nearest(smooth, palette)]
    pitch = max(4.0, 8.5 * stage.unit)
    x, y = np.arange(stage.width, dtype=np.float32)[None, :], np.arange(stage.height, dtype=np.float32)[:, None]
    screen = np.cos(x * 4.44 / pitch) * np.cos(y * 4.44 / pitch) * 0.5 + 0.5
    dots = np.clip((screen - luma(smooth) * 1.25 + 0.02) * pitch * 0.5, 0, 1)
    color = color * (1 - 0.34 * dots)[..., None]
    stage.pixels = color * (1 - ink)[..., None] + ink[..., None] * np.asarray((0.06, 0.05, 0.09), np.float32)


def flat(stage: Stage) -> None:
    """A poster: few colours in clean shapes, each casting a thin paper shadow."""
    saturate(stage, 1.15)
    rng = stage.chance("poster")
    near, wide = blur(stage.pixels, 1.2 * stage.unit), blur(stage.pixels, 26 * stage.unit)
    scenery = _palette(wide, 6, rng)
    things = _palette(near[stage.focus > 0.5].reshape(-1, 1, 3), 12, rng) if (stage.focus > 0.5).any() else scenery
    tones = blur(stage.pixels, 5 * stage.unit)
    chosen = np.where(stage.focus[..., None] > 0.5, things[_nearest(near, things)], scenery[_nearest(tones, scenery)])
    lower = blur(luma(chosen), 3.5 * stage.unit) - luma(chosen)
    chosen = chosen * (1 - np.clip(lower * 0.5, -0.05, 0.14))[..., None]
    stage.pixels = blur(chosen, 0.6)


def _cells(
    stage: Stage, source: Pixels, pitch: float, rng: np.random.Generator
) -> tuple[Pixels, Field, npt.NDArray[np.int32]]:
    """The picture as Voronoi cells of a jittered lattice: each pixel's cell colour, its distance to the cell's edge, the cell."""
    rows, columns = int(stage.height / pitch) + 3, int(stage.width / pitch) + 3
    middle_x = (np.arange(columns) + rng.uniform(0.08, 0.92, (rows, columns))).astype(np.float32)
    middle_y = (np.arange(rows)[:, None] + rng.uniform(0.08, 0.92, (rows, columns))).astype(np.float32)
    x = (np.arange(stage.width, dtype=np.float32) / pitch + 1)[None, :]
    y = (np.arange(stage.height, dtype=np.float32) / pitch + 1)[:, None]
    column, row = np.floor(x).astype(np.int32), np.floor(y).astype(np.int32)
    best = np.full((stage.height, stage.width), 81.0, np.float32)
    second, cell = best.copy(), np.zeros((stage.height, stage.width), np.int32)
    for dr in (-1, 0, 1):
        for dc in (-1, 0, 1):
            index = np.clip(row + dr, 0, rows - 1) * columns + np.clip(column + dc, 0, columns - 1)
            away = (np.take(middle_x, index) - x) ** 2
            away += (np.take(middle_y, index) - y) ** 2
            nearer = away < best
            np.minimum(second, np.maximum(best, away), out=second)
            np.minimum(best, away, out=best)
            np.copyto(cell, index, where=nearer)
    count = np.bincount(cell.ravel(), minlength=rows * columns).astype(np.float32)
    means = np.stack([np.bincount(cell.ravel(), source[..., band].ravel(), rows * columns) for band in range(3)], -1)
    colors = (means / np.maximum(count, 1)[:, None]).astype(np.float32)
    return np.take(colors, cell, axis=0), (np.sqrt(second) - np.sqrt(best)) * np.float32(pitch), cell


def lowpoly(stage: Stage) -> None:
    """Facets, each of one colour with a slight turn to the light, smaller where there is detail."""
    rng = stage.chance("facets")
    saturate(stage, 1.15)
    contrast(stage, 0.2)
    source = np.clip(stage.pixels, 0, 1)
    coarse, _, cell = _cells(stage, source, 58 * stage.unit, rng)
    fine, _, small = _cells(stage, source, 11 * stage.unit, rng)
    detail = blur(largest(np.abs(source - blur(source, 9 * stage.unit))), 12 * stage.unit)
    use = np.maximum(detail > np.percentile(detail[::8, ::8], 70), stage.focus > 0.3).astype(np.float32)[..., None]
    turn = rng.uniform(-0.11, 0.11, 1 << 16).astype(np.float32)
    coarse = coarse * (1 + np.take(turn, cell & 0xFFFF))[..., None]
    fine = fine * (1 + np.take(turn, small & 0xFFFF) * 0.6)[..., None]
    stage.pixels = coarse + (fine - coarse) * use


def glass(stage: Stage) -> None:
    """Panes of luminous colour in lead."""
    rng = stage.chance("glass")
    saturate(stage, 1.6)
    source = np.clip(stage.pixels, 0, 1)
    color, edge, _ = _cells(stage, source, 26 * stage.unit, rng)
    color += (blur(source, 1.5 * stage.unit) - color) * (stage.focus * np.float32(0.72))[..., None]
    lead = np.clip(1.6 - edge / (1.9 * stage.unit), 0, 1)[..., None]
    ripple = fractal(rng, stage.height, stage.width, cells=46, octaves=3) - 0.5
    color = np.clip(color * 1.14 + 0.03, 0, 1) * (1 + ripple * 0.5)[..., None]
    outline = _ink(stage, 2.2, 26)[..., None]
    stage.pixels = color * (1 - np.maximum(lead, outline)) + np.asarray((0.06, 0.06, 0.07), np.float32) * np.maximum(
        lead, outline
    )


def woodblock(stage: Stage) -> None:
    """A Japanese print: a few muted colours, a dark key line, the grain of the block, cream paper."""
    rng = stage.chance("block")
    saturate(stage, 0.86)
    ink = _ink(stage, 1.3, 26)
    smooth = blur(stage.pixels, 2.4 * stage.unit)
    palette = _palette(smooth, 12, rng)
    color = palette[_nearest(smooth, palette)] * np.asarray((0.95, 0.9, 0.78), np.float32) + np.asarray(
        (0.05, 0.045, 0.03), np.float32
    )
    wood = fractal(rng, stage.height, stage.width, cells=60, octaves=3, stretch=16) - 0.5
    color = color * (1 + wood * 0.2)[..., None]
    stage.pixels = color + (np.asarray((0.1, 0.13, 0.22), np.float32) - color) * (ink * np.float32(0.92))[..., None]
