"""Water: a mirror of what is above its line, broken by waves, tinted by its depth, with a shore where there is land."""

import math

import numpy as np

from generator.engines.sketch.paint.light import lit, most
from generator.engines.sketch.paint.noise import Field, bump, curve, fractal
from generator.engines.sketch.paint.raster import fetched, planes
from generator.engines.sketch.paint.stage import Stage, hexed, mix

_DEEP = {"sea": (0.05, 0.28, 0.44), "lake": (0.09, 0.3, 0.36)}


def paint_water(stage: Stage, kind: str, top: int) -> None:
    """Paints the rows from `top` down as water of `kind`, sea or lake."""
    rows = stage.height - top
    if rows <= 0:
        return
    rng = stage.chance("water")
    calm = kind == "lake"
    away = np.linspace(0, 1, rows, dtype=np.float32)[:, None]  # 0 at the horizon, 1 near
    waves = _waves(rng, rows, stage.width, calm)
    swing = (waves - 0.5) * (4 + 60 * away) * stage.unit * (0.7 if calm else 1.5)
    source = np.clip(top - 1 - np.arange(rows, dtype=np.float32)[:, None] * 0.92 + swing * 1.2, 0, max(0, top - 1))
    columns = np.clip(np.arange(stage.width, dtype=np.float32)[None, :] + swing * 0.5, 0, stage.width - 1)
    if stage.wants("reflections") and top > 0:
        index = source.astype(np.intp) * stage.width + columns.astype(np.intp)
        color = fetched(stage.pixels[:top], index)
    else:
        color = planes(rows, stage.width)
        color[:] = np.asarray(stage.light.sky[2], np.float32)
    tint = stage.scene.ground_color or (
        mix(_DEEP[kind], stage.scene.palette[0], 0.5) if stage.scene.palette else _DEEP[kind]
    )
    deep = np.asarray(mix(lit(tint, stage.light), stage.light.sky[1], 0.22), np.float32)
    mirror = (0.8 - 0.3 * away if calm else 0.62 - 0.38 * away)[..., None]
    mirror = mirror * np.float32(max(0.2, 1 - 1.7 * most(stage.scene, "dim")))
    color -= deep
    color *= mirror
    color += deep
    crest = np.clip((waves - 0.56) * (5 if calm else 6), 0, 1) * (0.25 + 0.75 * away)
    foam = 0.1 if calm else 0.22 + 0.3 * most(stage.scene, "dim")
    color += (np.asarray(mix(stage.light.sky[2], (1, 1, 1), 0.3), np.float32) - color) * (crest * np.float32(foam))[
        ..., None
    ]
    trough = np.clip((0.46 - waves) * 4, 0, 1) * (0.2 + 0.8 * away)
    np.multiply(color, (1 - trough * (0.16 if calm else 0.26))[..., None], out=stage.pixels[top:])
    _glitter(stage, top, waves)


def _waves(rng: np.random.Generator, rows: int, width: int, calm: bool) -> Field:
    """Waves in perspective: the rows of a stretched noise are crowded towards the horizon."""
    field = fractal(rng, rows, width, cells=26 if calm else 22, octaves=4, stretch=7.0 if calm else 4.5)
    near = (np.linspace(0, 1, rows) ** 0.5 * (rows - 1)).astype(int)
    fine = fractal(rng, rows, width, cells=90, octaves=2, stretch=6.0)
    share = np.linspace(0.75, 0.25, rows, dtype=np.float32)[:, None]
    waves: Field = field[near]
    waves *= 1 - share
    fine *= share
    waves += fine
    return waves


def _glitter(stage: Stage, top: int, waves: Field) -> None:
    """The path of light under the sun or moon."""
    light = stage.light
    if light.source is None or light.shadow < 0.06:
        return
    rows = stage.height - top
    x = np.linspace(0, 1, stage.width, dtype=np.float32)[None, :]
    away = np.linspace(0, 1, rows, dtype=np.float32)[:, None]
    path = bump((x - light.source[0]) / (0.025 + 0.13 * away))
    spark = np.clip((waves - 0.5) * 9, 0, 1) * path * (1.05 - 0.6 * away)
    strength = 0.9 if light.is_dark or stage.scene.hour in ("sunset", "dawn", "golden", "dusk") else 0.4
    stage.blend(mix(light.color, (1, 1, 1), 0.25), spark * np.float32(strength), top)


def paint_islet(stage: Stage, x: float, foot: float, width: float) -> None:
    """A hump of rock in the water for what cannot swim, with foam where the waves meet it."""
    rng = stage.chance("islet")
    parts = []
    for tone, spread, high in ((0.24, 1.0, 0.13), (0.36, 0.84, 0.11), (0.47, 0.62, 0.07)):
        points = []
        for step in np.linspace(-1, 1, 15):
            bump = (1 - step * step) ** 0.5 * rng.uniform(0.72, 1.12)
            points.append(f"{x + step * width * 0.72 * spread:.1f} {foot + width * (0.12 - high * bump * 1.7):.1f}")
        color = hexed(lit((tone * 1.02, tone, tone * 0.98), stage.light))
        parts.append(f'<path fill="{color}" d="M{"L".join(points)}z"/>')
    foam = hexed(mix(lit((1, 1, 1), stage.light), stage.light.sky[2], 0.3))
    for number in range(9):
        fx = x + (number - 4) / 4 * width * 0.74
        parts.append(
            f'<ellipse cx="{fx:.1f}" cy="{foot + width * 0.125:.1f}" rx="{width * rng.uniform(0.06, 0.14):.1f}'
            f'" ry="{width * 0.018:.1f}" fill="{foam}" fill-opacity=".75"/>'
        )
    stage.lay("".join(parts))


def shore(stage: Stage, at: float, wander: float) -> Field:
    """The row of the near shore for each column."""
    line = curve(stage.chance("shore"), stage.width, 2.2, 4, 0.42)
    result: Field = (at + wander * (line - 0.5)) * stage.height
    return result


def paint_shore(stage: Stage, line: Field, land: Field, foam: bool) -> None:
    """Lays `land` (a whole picture) below the line, wet at its edge, with a lip of foam at the sea."""
    first, last = max(0, int(line.min()) - 2), int(line.max())
    depth = np.arange(first, stage.height, dtype=np.float32)[:, None] - line[None, :]
    mask = np.clip(depth / 2 + 0.5, 0, 1)
    wet = np.clip(1 - depth / (0.05 * stage.height), 0, 1) * 0.26
    ground = land[first:] * (1 - wet)[..., None]
    stage.blend(ground, mask, first)
    if foam:
        width = 0.012 * stage.height
        reach = math.ceil(5 * width)
        top, bottom = max(0, first - reach), min(stage.height, last + reach)
        depth = np.arange(top, bottom, dtype=np.float32)[:, None] - line[None, :]
        ragged = fractal(stage.chance("foam"), *depth.shape, cells=40, octaves=3, stretch=2.0)
        lip = bump((depth + (ragged - 0.5) * width * 5) / width) * np.float32(0.85)
        stage.blend(mix(lit((1, 1, 1), stage.light), (1, 1, 1), 0.2), lip, top)
