"""Blocks of a city seen from above a corner: boxes of flats along the far edges of an isometric tile, and roads between."""

import numpy as np

from generator.engines.sketch.paint.light import lit
from generator.engines.sketch.paint.stage import Stage, hexed, mix, scaled
from generator.engines.sketch.scene import Rgb

_WALLS: tuple[Rgb, ...] = (
    (0.86, 0.72, 0.56),
    (0.6, 0.68, 0.78),
    (0.82, 0.5, 0.42),
    (0.72, 0.76, 0.68),
    (0.9, 0.84, 0.7),
    (0.56, 0.58, 0.68),
)
_CELLS = 5  # blocks along each edge of the tile


def build_on_tile(stage: Stage, cx: float, cy: float, half: float) -> None:
    """Builds on the tile whose middle and half width are given in pixels, from back to front."""
    rng = stage.chance("blocks")
    parts = [_roads(stage, cx, cy, half)]
    cell = half / _CELLS
    for row in range(_CELLS):
        for column in range(_CELLS):
            if row + column > _CELLS - 2 and min(row, column) > 0:
                continue  # the near part is left to the things that the prompt names
            x, y = cx + (column - row) * cell, cy - half / 2 + (row + column + 1) * cell / 2
            tall = half * rng.uniform(0.26, 0.62) * (1.15 - 0.12 * (row + column))
            parts.append(_block(stage, (x, y, cell * 0.74, tall), rng))
    stage.lay("".join(parts))


def _roads(stage: Stage, cx: float, cy: float, half: float) -> str:
    """A crossing in the near half, with its white middle lines."""
    asphalt, line = hexed(lit((0.3, 0.31, 0.35), stage.light)), hexed(lit((0.95, 0.93, 0.85), stage.light))
    a, b = (cx - half * 0.5, cy + half * 0.25), (cx + half * 0.5, cy - half * 0.25)
    c, d = (cx - half * 0.5, cy - half * 0.25), (cx + half * 0.5, cy + half * 0.25)
    paths = "".join(f"M{p[0]:.1f} {p[1]:.1f}L{q[0]:.1f} {q[1]:.1f}" for p, q in ((a, b), (c, d)))
    return (
        f'<g fill="none" stroke-linecap="butt"><path stroke="{asphalt}" stroke-width="{half * 0.13:.1f}" d="{paths}"/>'
        f'<path stroke="{line}" stroke-width="{half * 0.012:.1f}" stroke-dasharray="{half * 0.05:.1f}" d="{paths}"/></g>'
    )


def _block(stage: Stage, box: tuple[float, float, float, float], rng: np.random.Generator) -> str:
    """One house: two lit walls with rows of windows, and its flat roof; x and y are the middle of its ground."""
    x, y, w, tall = box
    wall = _WALLS[int(rng.integers(len(_WALLS)))]
    if stage.scene.palette:
        wall = mix(wall, stage.scene.palette[int(rng.integers(len(stage.scene.palette)))], 0.6)
    wall = lit(wall, stage.light)
    low = y + w / 2
    left = f"M{x - w:.1f} {y:.1f}L{x:.1f} {low:.1f}v{-tall:.1f}L{x - w:.1f} {y - tall:.1f}z"
    right = f"M{x + w:.1f} {y:.1f}L{x:.1f} {low:.1f}v{-tall:.1f}L{x + w:.1f} {y - tall:.1f}z"
    roof = f"M{x:.1f} {y - w / 2 - tall:.1f}l{w:.1f} {w / 2:.1f}l{-w:.1f} {w / 2:.1f}l{-w:.1f} {-w / 2:.1f}z"
    return (
        f'<path fill="{hexed(wall)}" d="{left}"/><path fill="{hexed(scaled(wall, 0.72))}" d="{right}"/>'
        f'<path fill="{hexed(mix(wall, (1, 1, 1), 0.3))}" d="{roof}"/>{_panes(stage, box, wall, rng)}'
    )


def _panes(stage: Stage, box: tuple[float, float, float, float], wall: Rgb, rng: np.random.Generator) -> str:
    """Windows on both walls, three abreast; at night some are lit."""
    x, y, w, tall = box
    glass, lamp = hexed(mix(scaled(wall, 0.45), stage.light.sky[1], 0.35)), "#ffd87a"
    share = 0.5 if stage.light.is_dark or stage.scene.hour == "dusk" else 0.0
    floors = max(2, int(tall / (w * 0.42)))
    panes: dict[str, list[str]] = {glass: [], lamp: []}
    for floor in range(floors):
        for column in range(3):
            for side in (-1, 1):
                at = (column + 0.3) / 3
                px, py = x + side * w * at, y + w / 2 - w / 2 * at - tall * (floor + 0.75) / floors
                step, drop, high = side * w * 0.16, -w * 0.08, tall / floors * 0.5
                pane = f"M{px:.1f} {py:.1f}l{step:.1f} {drop:.1f}v{high:.1f}l{-step:.1f} {-drop:.1f}z"
                panes[lamp if rng.random() < share else glass].append(pane)
    return "".join(f'<path fill="{tone}" d="{"".join(found)}"/>' for tone, found in panes.items() if found)
