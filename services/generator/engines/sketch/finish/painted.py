"""Painters' finishes: watercolour, oil, points of pure colour, pastel."""

import math

import numpy as np

from generator.engines.sketch.finish.light import contrast, luma, saturate
from generator.engines.sketch.paint.noise import Field, bump, fractal
from generator.engines.sketch.paint.raster import Pixels, blur, fetched, remap, shrunk, tinted
from generator.engines.sketch.paint.stage import Stage, largest

_PAPER = np.asarray((0.985, 0.972, 0.94), np.float32)


def paper(stage: Stage) -> Field:
    """The tooth of rough paper, about 0, seldom beyond 0.3 either way."""
    speckle = stage.chance("paper").integers(0, 256, (stage.height, stage.width), dtype=np.uint8)
    gain = max(1.0, stage.unit) / _SPECKLE_DEVIATION
    tooth: Field = blur(speckle, 1.1 * stage.unit) * np.float32(0.22 * gain)
    tooth += blur(speckle, 3.2 * stage.unit) * np.float32(0.9 * gain)
    tooth -= np.float32(127.5 * 1.12 * gain)
    return tooth


_SPECKLE_DEVIATION = 73.9  # of a uniform byte


def _quietened(pixels: Pixels, unit: float) -> Pixels:
    """Details smoothed away while strong edges stay: the blurred picture, except near edges."""
    soft = blur(pixels, 3.2 * unit)
    detail = pixels - soft
    detail *= np.clip(blur(largest(np.abs(detail)), 2 * unit) * 7, 0, 1)[..., None]
    detail += soft
    return detail


def watercolor(stage: Stage) -> None:
    """Washes on white paper: wandering edges where the pigment gathers, blooms, granulation, a ragged unpainted border."""
    rng = stage.chance("watercolor")
    height, width, unit = stage.height, stage.width, stage.unit
    dx, dy = ((fractal(rng, height, width, cells=30, octaves=3) - 0.5) * 13 * unit for _ in range(2))
    wash = remap(_quietened(np.clip(stage.pixels, 0, 1), unit), dx, dy)
    wash += np.sqrt(wash)
    wash *= np.float32(0.5)
    _step(wash, 7, 0.45)
    tone = luma(wash)
    gathered = (
        np.clip(blur(tone, 4 * unit) - tone, 0, 0.3) + np.clip(np.abs(tone - blur(tone, 1.6 * unit)), 0, 0.12) * 1.4
    )
    flow = fractal(rng, height, width, cells=5, octaves=5) - 0.5
    grains = paper(stage)
    density = np.subtract(1, wash, out=wash)
    density *= (0.9 + flow * 0.62 + grains * 0.34)[..., None]
    gathered *= np.float32(0.9)
    density *= (1 + gathered)[..., None]
    density += (gathered * np.float32(0.3))[..., None]
    np.clip(density, 0, 0.96, out=density)
    stage.pixels = np.subtract(1, density, out=density)
    stage.pixels *= _PAPER
    saturate(stage, 1.28)
    stage.pixels *= (1 + grains * 0.09)[..., None]
    _border(stage, rng, grains)


def _step(pixels: Pixels, steps: int, share: float) -> None:
    """Draws the tones together into washes, in place."""
    tone = luma(pixels)
    place = tone * steps
    level = np.floor(place)
    rest = place - level
    flat = (level + rest * rest * rest * (rest * (6 * rest - 15) + 10)) / steps
    pixels *= (1 + share * (flat / np.maximum(tone, 0.02) - 1))[..., None]
    np.clip(pixels, 0, 1, out=pixels)


def _border(stage: Stage, rng: np.random.Generator, grains: Field) -> None:
    """The picture stops in a ragged brush edge before the paper does."""
    x = np.minimum(np.arange(stage.width), np.arange(stage.width)[::-1]).astype(np.float32)[None, :]
    y = np.minimum(np.arange(stage.height), np.arange(stage.height)[::-1]).astype(np.float32)[:, None]
    ragged = fractal(rng, stage.height, stage.width, cells=14, octaves=4) * 62 * stage.unit
    inside = np.minimum(x, y) - ragged - 2 * stage.unit
    for part in _margins(stage, math.ceil(100 * stage.unit)):
        near = inside[part]
        rim = bump((near - 7 * stage.unit) / (4.5 * stage.unit)) * np.float32(0.16)
        pixels = stage.pixels[part]
        pixels *= (1 - rim)[..., None]
        bare = np.clip(1 - near / (5 * stage.unit), 0, 1)
        pixels *= (1 - bare)[..., None]
        pixels += tinted(bare * (1 + grains[part] * 0.07), _PAPER)


def _margins(stage: Stage, reach: int) -> list[tuple[slice, slice]]:
    """The parts of the picture within `reach` of an edge; all of it as one part where little else would be left."""
    height, width = stage.height, stage.width
    if min(height, width) < 3 * reach:
        return [(slice(0, height), slice(0, width))]
    between = slice(reach, height - reach)
    lower = (slice(height - reach, height), slice(0, width))
    return [
        (slice(0, reach), slice(0, width)),
        (between, slice(0, reach)),
        (between, slice(width - reach, width)),
        lower,
    ]


def _flow(stage: Stage, tone: Field, rng: np.random.Generator) -> tuple[Field, Field]:
    """Places (x, y) bent along a slowly turning direction and by the tones, so that strokes laid along them flow."""
    height, width = stage.height, stage.width
    bend = fractal(rng, height, width, cells=3, octaves=2)
    bend -= np.float32(0.5)
    soft = blur(tone, 8 * stage.unit)
    x = np.arange(width, dtype=np.float32)[None, :] + bend * (420 * stage.unit)
    y = np.arange(height, dtype=np.float32)[:, None] + soft * (130 * stage.unit) - bend * (200 * stage.unit)
    return x, y


def _strokes(
    source: Pixels, flow: tuple[Field, Field], rng: np.random.Generator, size: float, long: float, factor: int = 1
) -> tuple[Pixels, Field]:
    """The picture as strokes: each pixel takes the colour at its stroke's middle. Returns colours and each stroke's relief.

    Strokes are the cells of a jittered lattice on the bent places of `flow`; the source may have been shrunk by `factor`.
    """
    x, y = flow
    u, v = (x * 0.86 + y * 0.5) / (size * long), (y * 0.86 - x * 0.5) / size
    v_floor = np.floor(v)
    row = v_floor.astype(np.intp)
    slip = rng.random(4096, dtype=np.float32)
    u += np.take(slip, row & 4095) * 7
    u_floor = np.floor(u)
    column = u_floor.astype(np.intp)
    fv = v - v_floor
    du, dv = (0.5 + u_floor - u) * np.float32(size * long), (0.5 - fv) * np.float32(size)
    row *= 7919
    column *= 104729
    row += column
    row &= 4095
    color = remap(source, du * 0.86 - dv * 0.5, du * 0.5 + dv * 0.86, factor)
    vary = rng.random(4096, dtype=np.float32) * np.float32(0.16) + np.float32(0.92)
    color *= np.take(vary, row)[..., None]
    np.clip(color, 0, 1, out=color)
    lot = np.take(slip, row)
    arch = fv * (1 - fv)
    relief: Field = arch * (4 + np.sin(fv * 15 + lot * 6.3) * 0.44) + lot * 0.5
    return color, relief


def oil(stage: Stage) -> None:
    """Thick strokes that follow the forms, broad ones beneath and fine ones where there is detail, lit across their ridges."""
    rng = stage.chance("oil")
    unit = stage.unit
    saturate(stage, 1.2)
    contrast(stage, 0.16)
    source = np.clip(stage.pixels, 0, 1)
    tone = luma(source)
    flow = _flow(stage, tone, rng)
    factor = max(1, round(4 * unit))
    broad, deep = _strokes(shrunk(source, factor), flow, rng, 13 * unit, 3.2, factor)
    fine, thin = _strokes(source, flow, rng, 4.6 * unit, 2.2)
    detail = np.abs(tone - blur(tone, 5 * unit)) * np.float32(1.2)
    share = np.clip(blur(detail, 4 * unit) * 9 - 0.1 + stage.focus * 0.9, 0, 1)
    color = _mixed(_mixed(broad, fine, share), source, stage.focus * np.float32(0.6))
    relief = deep + (thin - deep) * share
    lit = (
        np.roll(relief, (1, 1), (0, 1)) - relief
        if stage.light.direction[0] > 0
        else np.roll(relief, (1, -1), (0, 1)) - relief
    )
    weave = paper(stage)
    ridges = np.clip(lit * min(2.2, 1.2 / max(unit, 0.3)), -1, 1) * (0.15 - 0.09 * stage.focus)
    color *= (1 - ridges + weave * 0.07)[..., None]
    stage.pixels = color


def _mixed(first: Pixels, second: Pixels, share: Field) -> Pixels:
    """`share` 0 is the first picture, which is overwritten, 1 the second."""
    change = second - first
    change *= share[..., None]
    first += change
    return first


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
    row, column = y_floor.astype(np.intp), x_floor.astype(np.intp)
    jitter = rng.uniform(0.3, 0.7, (2, rows, columns)).astype(np.float32)
    index = row * columns + column
    du = np.take(jitter[0], index) - (x - x_floor)
    dv = np.take(jitter[1], index) - (y - y_floor)
    hue = rng.uniform(-0.13, 0.13, (rows * columns, 3)).astype(np.float32)
    color = remap(source, du * size, dv * size)
    color += fetched(hue[:, None], index)
    mask = np.clip((0.47 - np.sqrt(du * du + dv * dv)) * size, 0, 1) * np.float32(0.93)
    return _mixed(under, color, mask)


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
    color *= np.float32(0.8)
    color += np.asarray((1.0, 0.97, 0.92), np.float32) * np.float32(0.2)
    bare = np.clip(0.13 + hatch * 0.16 + tooth * 0.75, 0, 0.4) * (1 - 0.55 * stage.focus)
    ground = blur(color, 24 * unit) * 0.4
    ground += np.asarray((0.94, 0.89, 0.8), np.float32) * 0.6
    stage.pixels = _mixed(color, ground, bare)
    saturate(stage, 1.15)
