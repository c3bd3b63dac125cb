"""Backdrops that are no landscape: the open sky, space, the moon's ground, under water, an isometric tile, and the abstract."""

from collections.abc import Callable

import numpy as np

from generator.engines.sketch.lexicon import table
from generator.engines.sketch.paint.blocks import build_on_tile
from generator.engines.sketch.paint.far import FAR
from generator.engines.sketch.paint.ground import ground_colors, ground_row, paint_ground
from generator.engines.sketch.paint.light import most
from generator.engines.sketch.paint.noise import fractal, lowered, smooth
from generator.engines.sketch.paint.plants import ISO_GROWTHS, paint_growth, plant_at
from generator.engines.sketch.paint.raster import remap, tinted
from generator.engines.sketch.paint.sky import paint_sky, paint_stars
from generator.engines.sketch.paint.stage import Stage, hexed, mix, ramp, scaled
from generator.engines.sketch.scene import Rgb


def _open_sky(stage: Stage) -> None:
    """Sky all the way down, with a sea of cloud at the foot."""
    paint_sky(stage, stage.height)
    if not stage.wants("clouds"):
        return
    rng = stage.chance("cloud sea")
    field = fractal(rng, stage.height, stage.width, cells=6, octaves=6, stretch=2.2)
    rows = np.linspace(0, 1, stage.height, dtype=np.float32)[:, None]
    body = np.clip((field - 0.62 + 0.6 * np.clip(rows - 0.55, 0, 1)) * 5.5, 0, 1)
    lower = lowered(body, int(12 * stage.unit))
    shade = np.clip(0.72 + (body - lower) * 0.7, 0, 1)
    bright = mix(stage.light.sky[2], (1, 1, 1), 0.18 if stage.light.is_dark else 0.75)
    color = ramp((mix(stage.light.sky[1], stage.light.sky[2], 0.35), bright), shade)
    stage.blend(color, body * np.float32(0.92 - 0.2 * most(stage.scene, "dim")))


_NEBULAE: tuple[tuple[Rgb, ...], ...] = (
    ((0.42, 0.2, 0.7), (0.1, 0.42, 0.7)),
    ((0.72, 0.2, 0.45), (0.25, 0.25, 0.75)),
    ((0.1, 0.5, 0.55), (0.5, 0.25, 0.6)),
)


def _space(stage: Stage) -> None:
    """Nebulae in two hues, dust before them, stars, and a far planet's limb."""
    rng = stage.chance("nebula")
    hues = stage.scene.palette or _NEBULAE[int(rng.integers(len(_NEBULAE)))]
    base = np.asarray((0.012, 0.016, 0.045), np.float32)
    stage.pixels[:] = base
    warp = fractal(rng, stage.height, stage.width, cells=3, octaves=3) - 0.5
    for number in range(2):
        cloud = fractal(rng, stage.height, stage.width, cells=3, octaves=6)
        cloud = remap(cloud, warp * stage.width * 0.3, -warp * stage.height * 0.2)
        strength = np.clip((cloud - 0.44) * 3.4, 0, 1) ** 1.5
        stage.pixels += tinted(strength, np.asarray(hues[number % len(hues)], np.float32) * 0.8)
    dust = np.clip((fractal(rng, stage.height, stage.width, cells=5, octaves=5) - 0.52) * 4, 0, 0.75)
    stage.pixels *= (1 - dust)[..., None]
    paint_stars(stage, stage.height, 1.5)


def _lunar(stage: Stage) -> None:
    """The moon's plain under a black sky with the earth in it."""
    stage.pixels[:] = (0.008, 0.01, 0.022)
    paint_stars(stage, stage.horizon, 1.2)
    side = 0.22 if stage.light.direction[0] > 0 else 0.78
    x, y, radius = stage.width * side, stage.horizon * 0.3, min(stage.width, stage.height) * 0.1
    stage.glow(x, y, radius * 2.4, (0.35, 0.6, 1.0), 0.4)
    gx = np.arange(stage.width, dtype=np.float32)[None, :] - x
    gy = np.arange(stage.horizon, dtype=np.float32)[:, None] - y
    inside = np.clip(radius - np.sqrt(gx * gx + gy * gy), 0, 1)
    lands = fractal(stage.chance("earth"), stage.horizon, stage.width, cells=22, octaves=4)
    color = ramp(
        ((0.1, 0.32, 0.72), (0.16, 0.42, 0.78), (0.3, 0.55, 0.35), (0.95, 0.97, 1.0)),
        np.clip((lands - 0.3) * 2.5, 0, 1),
    )
    night = np.clip(0.55 - (gx * stage.light.direction[0] + gy * 0.4) / radius * 0.8, 0.06, 1)
    stage.blend(color * night[..., None], inside)
    FAR["craters"](stage)
    paint_ground(stage, table("grounds")["moon"], stage.horizon)
    _pits(stage)


def _pits(stage: Stage) -> None:
    rng = stage.chance("pits")
    parts = []
    for near in np.sort(rng.random(16)):
        x, y = rng.random() * stage.width, stage.horizon + (stage.height - stage.horizon) * (0.04 + 0.9 * near**1.4)
        r = stage.width * (0.012 + 0.07 * near) * rng.uniform(0.5, 1.2)
        parts.append(
            f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{r:.1f}" ry="{r * 0.3:.1f}" '
            f'fill="#3f3f45" fill-opacity=".75"/><ellipse cx="{x:.1f}" cy="{y + r * 0.07:.1f}" '
            f'rx="{r * 0.93:.1f}" ry="{r * 0.23:.1f}" fill="#85858a" fill-opacity=".8"/>'
        )
    stage.lay("".join(parts))


def _underwater(stage: Stage) -> None:
    """Blue that deepens downwards, shafts of light from the surface, a bed of sand, corals, bubbles and a distant shoal."""
    tint = stage.scene.palette[0] if stage.scene.palette else stage.scene.ground_color
    bright = (0.06, 0.1, 0.3) if stage.light.is_dark else (0.32, 0.78, 0.86)
    stops = (bright, mix(bright, (0.04, 0.3, 0.52), 0.65), (0.02, 0.17, 0.36))
    if tint is not None:
        stops = tuple(mix(stop, scaled(tint, 0.3 + sum(stop) / 3), 0.5) for stop in stops)  # type: ignore[assignment]
    stage.pixels[:] = ramp(stops, np.linspace(0, 1, stage.height, dtype=np.float32))[:, None, :]
    paint_ground(stage, table("grounds")["seabed"], stage.horizon)
    deep = np.asarray(stops[1], np.float32)
    floor = stage.pixels[stage.horizon :]
    reach = np.linspace(0.95, 0.45, floor.shape[0], dtype=np.float32)[:, None, None]
    floor += (deep - floor) * reach
    rng = stage.chance("shafts")
    x = np.linspace(-1, 1, stage.width, dtype=np.float32)[None, :] * max(1.0, stage.width / stage.height)
    y = np.linspace(0, 1, stage.height, dtype=np.float32)[:, None]
    angle = np.arctan2(x + 0.25, y + 0.5)
    fan = sum(
        np.clip(np.sin(angle * rate + phase), 0, 1) ** 4
        for rate, phase in zip((11, 19, 31), rng.uniform(0, 6, 3).tolist(), strict=True)
    )
    stage.blend(
        mix(bright, (1, 1, 1), 0.5), np.asarray(fan, np.float32) * np.clip(1 - y * 1.15, 0, 1) * np.float32(0.2)
    )
    if stage.wants("corals"):
        paint_growth(stage, "corals", stage.height * 1.0)
    _bubbles(stage, rng)


def _bubbles(stage: Stage, rng: np.random.Generator) -> None:
    parts = []
    for _ in range(34):
        x, y, r = rng.random() * stage.width, rng.random() * stage.height, stage.unit * rng.uniform(2, 9)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="#dff6ff" fill-opacity=".12" '
            f'stroke="#e8faff" stroke-opacity=".6" stroke-width="{r * 0.16:.1f}"/><circle cx="{x - r * 0.35:.1f}'
            f'" cy="{y - r * 0.35:.1f}" r="{r * 0.2:.1f}" fill="#fff" fill-opacity=".8"/>'
        )
    stage.lay("".join(parts))


def _isometric(stage: Stage) -> None:
    """A square tile of ground seen from above a corner, floating before plain paper."""
    paper = stage.scene.palette[0] if stage.scene.palette else stage.light.sky[1]
    paper = mix(paper, (0.96, 0.94, 0.9), 0.62 if not stage.light.is_dark else 0.0)
    rows = np.linspace(0, 1, stage.height, dtype=np.float32)
    stage.pixels[:] = ramp((mix(paper, (1, 1, 1), 0.15), paper, scaled(paper, 0.86)), rows)[:, None, :]
    setting = stage.scene.settings[0]
    water = table("settings")[setting].get("water")
    near, far = ground_colors(stage, ground_row(stage, setting))
    top = mix(near, far, 0.5) if not (water and "ground" not in table("settings")[setting]) else (0.2, 0.55, 0.75)
    cx, cy, half = stage.width / 2, stage.height * 0.6, min(stage.width * 0.44, stage.height * 0.56)
    deep = half * 0.26
    soil = mix(scaled(top, 0.6), (0.4, 0.28, 0.2), 0.6)
    stage.glow(cx, cy + half * 0.8, half * 1.3, scaled(paper, 0.1), 0.0)
    svg = (
        f'<ellipse cx="{cx:.1f}" cy="{cy + half * 0.62 + deep:.1f}" rx="{half * 0.9:.1f}" '
        f'ry="{half * 0.28:.1f}" fill="#000" fill-opacity=".16"/>'
        f'<path fill="{hexed(soil)}" d="M{cx - half:.1f} {cy:.1f}L{cx:.1f} {cy + half / 2:.1f}'
        f'v{deep:.1f}L{cx - half:.1f} {cy + deep:.1f}z"/>'
        f'<path fill="{hexed(scaled(soil, 0.74))}" d="M{cx + half:.1f} {cy:.1f}L{cx:.1f} {cy + half / 2:.1f}'
        f'v{deep:.1f}L{cx + half:.1f} {cy + deep:.1f}z"/>'
        f'<path fill="{hexed(top)}" d="M{cx:.1f} {cy - half / 2:.1f}l{half:.1f} {half / 2:.1f}'
        f'l{-half:.1f} {half / 2:.1f}l{-half:.1f} {-half / 2:.1f}z"/>'
        f'<path fill="{hexed(scaled(top, 0.82))}" d="M{cx - half:.1f} {cy:.1f}L{cx:.1f} {cy + half / 2:.1f}'
        f'v{deep * 0.22:.1f}L{cx - half:.1f} {cy + deep * 0.22:.1f}z"/><path fill="{hexed(scaled(top, 0.66))}'
        f'" d="M{cx + half:.1f} {cy:.1f}L{cx:.1f} {cy + half / 2:.1f}v{deep * 0.22:.1f}L{cx + half:.1f}'
        f' {cy + deep * 0.22:.1f}z"/>'
    )
    stage.lay(svg)
    _grow_on_tile(stage, cx, cy, half)


def _grow_on_tile(stage: Stage, cx: float, cy: float, half: float) -> None:
    """Trees along the far edges of the tile, from back to front."""
    if any("towers" in table("settings")[setting]["mid"] for setting in stage.scene.settings):
        build_on_tile(stage, cx, cy, half)
        return
    names = [
        name
        for setting in stage.scene.settings
        for name in table("settings")[setting]["mid"]
        if name in ISO_GROWTHS and stage.wants(name)
    ]
    if not names:
        return
    rng = stage.chance("tile")
    places = [(side * (0.12 + 0.74 * along), along) for along in (0.05, 0.3, 0.55, 0.8) for side in (-1, 1)]
    spots = []
    for across, along in places:
        x = cx + across * half + rng.uniform(-0.04, 0.04) * half
        y = cy - half * 0.5 + half * 0.5 * abs(across) + half * rng.uniform(0.08, 0.15)
        spots.append((float(x), float(y), float(half * rng.uniform(0.3, 0.46) * (1 + 0.2 * along))))
    plant_at(stage, names[0], sorted(spots, key=lambda spot: spot[1]), rng)


_ABSTRACT: tuple[tuple[Rgb, ...], ...] = (
    ((0.06, 0.13, 0.29), (0.13, 0.42, 0.55), (0.93, 0.75, 0.45), (0.87, 0.35, 0.27), (0.97, 0.93, 0.85)),
    ((0.16, 0.1, 0.28), (0.5, 0.2, 0.5), (0.93, 0.42, 0.44), (0.99, 0.75, 0.48), (0.99, 0.95, 0.85)),
    ((0.05, 0.2, 0.2), (0.1, 0.45, 0.4), (0.55, 0.72, 0.5), (0.95, 0.83, 0.5), (0.95, 0.94, 0.88)),
)


def _abstract_palette(stage: Stage, rng: np.random.Generator) -> tuple[Rgb, ...]:
    """The prompt's colours with darker and lighter companions, or one of three sets."""
    palette = stage.scene.palette
    if not palette:
        return _ABSTRACT[int(rng.integers(len(_ABSTRACT)))]
    if len(palette) == 1:
        main = palette[0]
        return scaled(main, 0.3), scaled(main, 0.7), main, mix(main, (1, 1, 1), 0.55), mix(main, (1, 0.95, 0.85), 0.85)
    if len(palette) < 4:
        return (*(scaled(color, 0.55) for color in palette), *palette, mix(palette[-1], (1, 1, 1), 0.6))
    return palette


def _abstract(stage: Stage) -> None:
    """Flowing bands of colour folded by noise, with a few calm discs that sit on the thirds."""
    rng = stage.chance("abstract")
    palette = _abstract_palette(stage, rng)
    height, width = stage.height, stage.width
    warp_x = fractal(rng, height, width, cells=2.2, octaves=3) - 0.5
    warp_y = fractal(rng, height, width, cells=2.2, octaves=3) - 0.5
    field = fractal(rng, height, width, cells=2, octaves=2)
    field = remap(field, warp_x * width * 1.1, warp_y * height * 1.1)
    bands = field * 7 + warp_x * 2.2
    at = np.clip((field - 0.2) * 1.6, 0, 1) * 0.55 + (np.abs((bands % 2) - 1)) * 0.45
    stage.pixels[:] = ramp(palette, at)
    down, right = np.gradient(bands, axis=0), np.gradient(bands, axis=1)
    relief = np.clip((right * stage.light.direction[0] - down * 0.6) * 22 * stage.unit, -0.5, 0.5)
    stage.pixels *= (1 + relief * 0.36)[..., None]
    spots = ((0.33, 0.36), (0.68, 0.62), (0.72, 0.25), (0.25, 0.72))
    for number, (px, py) in enumerate(spots[: int(rng.integers(2, 5))]):
        radius = min(width, height) * rng.uniform(0.05, 0.17)
        x, y = (px + rng.uniform(-0.06, 0.06)) * width, (py + rng.uniform(-0.06, 0.06)) * height
        gx, gy = np.arange(width, dtype=np.float32)[None, :] - x, np.arange(height, dtype=np.float32)[:, None] - y
        distance = np.sqrt(gx * gx + gy * gy)
        inside = np.clip(radius - distance, 0, 1)
        tone = np.asarray(palette[(number * 2 + 1) % len(palette)], np.float32)
        shading = np.clip(1.05 - (gx * -stage.light.direction[0] * -1 + gy) / radius * 0.22, 0.6, 1.3)
        stage.shade(
            np.clip(1 - (distance - radius) / (radius * 0.5), 0, 1) * (1 - inside) * np.float32(0.22),
            int(radius * 0.08),
            int(radius * 0.12),
        )
        stage.blend(tinted(shading, tone), inside * np.float32(0.94))
    stage.pixels *= (0.96 + 0.08 * smooth(rng, height, width, 60, 60))[..., None]


VIEWS: dict[str, Callable[[Stage], None]] = {
    "sky": _open_sky,
    "space": _space,
    "lunar": _lunar,
    "underwater": _underwater,
    "isometric": _isometric,
    "abstract": _abstract,
}
