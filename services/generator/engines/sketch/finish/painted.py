"""Painters' finishes: watercolour, oil, points of pure colour, pastel."""

import numpy as np

from generator.engines.sketch.finish.light import contrast, luma, saturate
from generator.engines.sketch.paint.noise import Field, bump, fractal
from generator.engines.sketch.paint.raster import Pixels, blur, remap
from generator.engines.sketch.paint.stage import Stage, largest

_PAPER = np.asarray((0.985, 0.972, 0.94), np.float32)


def paper(stage: Stage) -> Field:
    """The tooth of rough paper, about 0, seldom beyond 0.3 either way."""
    speckle = stage.chance("paper").standard_normal((stage.height, stage.width), dtype=np.float32)
    fine, coarse = blur(speckle, 1.1 * stage.unit), blur(speckle, 3.2 * stage.unit)
    tooth: Field = fine * np.float32(0.22 * max(1.0, stage.unit)) + coarse * np.float32(0.9 * max(1.0, stage.unit))
    return tooth


def _quietened(pixels: Pixels, unit: float) -> Pixels:
    """Details smoothed away while strong edges stay: the blurred picture, except near edges."""
    soft = blur(pixels, 3.2 * unit)
    edge = largest(np.abs(pixels - soft))
    keep = np.clip(blur(edge, 2 * unit) * 7, 0, 1)[..., None]
    quiet: Pixels = soft + (pixels - soft) * keep
    return quiet


def watercolor(stage: Stage) -> None:
    """Washes on white paper: wandering edges where the pigment gathers, blooms, granulation, a ragged unpainted border."""
    rng = stage.chance("watercolor")
    height, width, unit = stage.height, stage.width, stage.unit
    dx, dy = ((fractal(rng, height, width, cells=30, octaves=3) - 0.5) * 13 * unit for _ in range(2))
    wash = remap(_quietened(np.clip(stage.pixels, 0, 1), unit), dx, dy)
    wash = _stepped(np.sqrt(wash) * np.float32(0.5) + wash * np.float32(0.5), 7, 0.45)
    tone = luma(wash)
    gathered = (
        np.clip(blur(tone, 4 * unit) - tone, 0, 0.3) + np.clip(np.abs(tone - blur(tone, 1.6 * unit)), 0, 0.12) * 1.4
    )
    flow = fractal(rng, height, width, cells=5, octaves=5) - 0.5
    grains = paper(stage)
    density = (1 - wash) * (0.9 + flow * 0.62 + grains * 0.34)[..., None]
    density += gathered[..., None] * (0.3 + density) * np.float32(0.9)
    stage.pixels = _PAPER * (1 - np.clip(density, 0, 0.96))
    saturate(stage, 1.28)
    stage.pixels *= (1 + grains * 0.09)[..., None]
    _border(stage, rng, grains)


def _stepped(pixels: Pixels, steps: int, share: float) -> Pixels:
    """Tones drawn together into washes."""
    tone = luma(pixels)
    place = tone * steps
    level = np.floor(place)
    rest = place - level
    flat = (level + rest * rest * rest * (rest * (6 * rest - 15) + 10)) / steps
    stepped: Pixels = np.clip(pixels * (1 + share * (flat / np.maximum(tone, 0.02) - 1)[..., None]), 0, 1)
    return stepped


def _border(stage: Stage, rng: np.random.Generator, grains: Field) -> None:
    """The picture stops in a ragged brush edge before the paper does."""
    x = np.minimum(np.arange(stage.width), np.arange(stage.width)[::-1]).astype(np.float32)[None, :]
    y = np.minimum(np.arange(stage.height), np.arange(stage.height)[::-1]).astype(np.float32)[:, None]
    ragged = fractal(rng, stage.height, stage.width, cells=14, octaves=4) * 62 * stage.unit
    inside = np.minimum(x, y) - ragged - 2 * stage.unit
    bare = np.clip(1 - inside / (5 * stage.unit), 0, 1)
    rim = bump((inside - 7 * stage.unit) / (4.5 * stage.unit)) * np.float32(0.16)
    stage.pixels *= (1 - rim)[..., None]
    stage.blend(_PAPER * (1 + grains * 0.07)[..., None], bare)


def _strokes(stage: Stage, source: Pixels, rng: np.random.Generator, size: float, long: float) -> tuple[Pixels, Field]:
    """The picture as strokes: each pixel takes the colour at its stroke's middle. Returns colours and each stroke's relief.

    Strokes are the cells of a jittered lattice that is bent along a slowly turning direction, so that they flow.
    """
    height, width = stage.height, stage.width
    bend = fractal(rng, height, width, cells=3, octaves=2) - 0.5
    tone = blur(luma(source), 8 * stage.unit)
    x = np.arange(width, dtype=np.float32)[None, :] + bend * 420 * stage.unit
    y = np.arange(height, dtype=np.float32)[:, None] + tone * 130 * stage.unit - bend * 200 * stage.unit
    u, v = (x * 0.86 + y * 0.5) / (size * long), (y * 0.86 - x * 0.5) / size
    v_floor = np.floor(v)
    row = v_floor.astype(np.int32)
    slip = rng.random(4096, dtype=np.float32)
    u = u + np.take(slip, row & 4095) * 7
    u_floor = np.floor(u)
    column = u_floor.astype(np.int32)
    fu, fv = u - u_floor, v - v_floor
    du, dv = (0.5 - fu) * size * long, (0.5 - fv) * size
    code = (row * 7919 + column * 104729) & 4095
    color = remap(source, du * 0.86 - dv * 0.5, du * 0.5 + dv * 0.86)
    vary = (np.take(rng.random(4096, dtype=np.float32), code) - 0.5)[..., None]
    color = np.clip(color * (1 + vary * 0.16), 0, 1)
    bristle = np.sin(fv * 15 + np.take(slip, code) * 6.3) * 0.22
    relief = 4 * fv * (1 - fv) + bristle * fv * (1 - fv) * 2 + np.take(slip, code) * 0.5
    return color, relief.astype(np.float32)


def oil(stage: Stage) -> None:
    """Thick strokes that follow the forms, broad ones beneath and fine ones where there is detail, lit across their ridges."""
    rng = stage.chance("oil")
    unit = stage.unit
    saturate(stage, 1.2)
    contrast(stage, 0.16)
    source = np.clip(stage.pixels, 0, 1)
    broad, deep = _strokes(stage, blur(source, 2.2 * unit), rng, 13 * unit, 3.2)
    fine, thin = _strokes(stage, source, rng, 4.6 * unit, 2.2)
    detail = largest(np.abs(source - blur(source, 5 * unit)))
    share = np.clip(blur(detail, 4 * unit) * 9 - 0.1 + stage.focus * 0.9, 0, 1)[..., None]
    color = broad + (fine - broad) * share
    color += (source - color) * (stage.focus * np.float32(0.6))[..., None]
    relief = deep + (thin - deep) * share[..., 0]
    lit = (
        np.roll(relief, (1, 1), (0, 1)) - relief
        if stage.light.direction[0] > 0
        else np.roll(relief, (1, -1), (0, 1)) - relief
    )
    weave = paper(stage)
    stage.pixels = (
        color
        * (1 - np.clip(lit * min(2.2, 1.2 / max(unit, 0.3)), -1, 1) * (0.15 - 0.09 * stage.focus) + weave * 0.07)[
            ..., None
        ]
    )


def pointillism(stage: Stage) -> None:
    """Round dabs of pure colour in two sizes, on a primed ground."""
    rng = stage.chance("points")
    saturate(stage, 1.45)
    source = np.clip(blur(stage.pixels, 1.6 * stage.unit), 0, 1)
    ground = blur(source, 9 * stage.unit) * 0.75 + np.asarray((0.93, 0.89, 0.78), np.float32) * 0.25
    picture = ground
    for size in (11.0, 8.0, 6.0):
        picture = _dabs(stage, picture, source, rng, size * stage.unit)
    stage.pixels = picture


def _dabs(stage: Stage, under: Pixels, source: Pixels, rng: np.random.Generator, size: float) -> Pixels:
    """One layer of dabs on a jittered lattice, each with a hue of its own."""
    size = max(size, 3.0)
    rows, columns = int(stage.height / size) + 2, int(stage.width / size) + 2
    x, y = (
        np.arange(stage.width, dtype=np.float32)[None, :] / size,
        np.arange(stage.height, dtype=np.float32)[:, None] / size,
    )
    y_floor, x_floor = np.floor(y), np.floor(x)
    row, column = y_floor.astype(np.int32), x_floor.astype(np.int32)
    jitter = rng.uniform(0.3, 0.7, (2, rows, columns)).astype(np.float32)
    index = row * columns + column
    du = np.take(jitter[0], index) - (x - x_floor)
    dv = np.take(jitter[1], index) - (y - y_floor)
    hue = np.take(rng.uniform(-0.13, 0.13, (rows * columns, 3)).astype(np.float32), index, axis=0)
    color = remap(source, du * size, dv * size) + hue
    mask = np.clip((0.47 - np.sqrt(du * du + dv * dv)) * size, 0, 1) * np.float32(0.93)
    dabbed: Pixels = under + (color - under) * mask[..., None]
    return dabbed


def pastel(stage: Stage) -> None:
    """Soft chalk on toned paper: smudged colour, slanting hatches that leave the paper's tooth bare, paler towards the edges."""
    rng = stage.chance("pastel")
    unit = stage.unit
    source = np.clip(_quietened(stage.pixels, unit), 0, 1)
    tooth = paper(stage)
    x, y = np.arange(stage.width, dtype=np.float32)[None, :], np.arange(stage.height, dtype=np.float32)[:, None]
    wave = fractal(rng, stage.height, stage.width, cells=9, octaves=3)
    hatch = np.sin((x * 0.8 + y * 0.6) / (1.5 * unit) + wave * 26) * 0.5
    dx, dy = tooth * 16 * unit, tooth * -12 * unit
    color = remap(source, dx, dy)
    color = color + (np.asarray((1.0, 0.97, 0.92), np.float32) - color) * np.float32(0.2)
    bare = np.clip(0.13 + hatch * 0.16 + tooth * 0.75, 0, 0.4) * (1 - 0.55 * stage.focus)
    ground = blur(color, 24 * unit) * 0.4 + np.asarray((0.94, 0.89, 0.8), np.float32) * 0.6
    stage.pixels = color + (ground - color) * bare[..., None]
    saturate(stage, 1.15)
