"""Backdrops under a roof: a room with a window, a table top, a studio's seamless paper."""

from collections.abc import Callable

import numpy as np

from generator.engines.sketch.lexicon import table
from generator.engines.sketch.paint.ground import paint_ground
from generator.engines.sketch.paint.noise import fractal
from generator.engines.sketch.paint.raster import blur
from generator.engines.sketch.paint.sky import paint_sky
from generator.engines.sketch.paint.stage import Stage, hexed, mix, ramp, scaled, times
from generator.engines.sketch.scene import Rgb

_WALLS: tuple[Rgb, ...] = (
    (0.86, 0.79, 0.68),
    (0.66, 0.74, 0.72),
    (0.78, 0.7, 0.66),
    (0.7, 0.73, 0.8),
    (0.85, 0.74, 0.62),
)


def _wall_color(stage: Stage) -> Rgb:
    if stage.scene.ground_color or stage.scene.palette:
        return mix((0.8, 0.78, 0.75), stage.scene.ground_color or stage.scene.palette[0], 0.6)
    return _WALLS[int(stage.chance("wall").integers(len(_WALLS)))]


def _indoor_light(stage: Stage) -> Rgb:
    """Lamps keep a room warm after dark."""
    return (
        mix(stage.light.ambient, (0.95, 0.76, 0.55), 0.55)
        if stage.scene.hour in ("night", "dusk")
        else mix(stage.light.ambient, (1, 1, 1), 0.4)
    )


def _room(stage: Stage) -> None:
    """A wall with a window onto the hour, a picture, a skirting board, a floor of boards and a rug."""
    wall = times(_wall_color(stage), _indoor_light(stage))
    size = stage.horizon
    stage.pixels[:size] = ramp(
        (scaled(wall, 0.84), wall, scaled(wall, 0.94)), np.linspace(0, 1, size, dtype=np.float32)
    )[:, None, :]
    grain = fractal(stage.chance("plaster"), size, stage.width, cells=6, octaves=5) - 0.5
    stage.pixels[:size] *= (1 + grain * 0.1)[..., None]
    side = 1.0 if stage.light.direction[0] < 0 else -1.0
    _window(stage, stage.width * (0.5 + side * 0.27), size * 0.44, min(stage.width * 0.3, size * 0.55))
    paint_ground(stage, table("grounds")["floor"], size)
    _furnish(stage, wall, side)


def _window(stage: Stage, x: float, y: float, w: float) -> None:
    """A window with the sky of the hour behind its bars, and the light that it throws across the room."""
    h = w * 1.15
    left, top = max(0, int(x - w / 2)), max(0, int(y - h / 2))
    right, bottom = min(stage.width, int(x + w / 2)), int(y + h / 2)
    if right - left < 4 or bottom - top < 4:
        return
    outside = Stage(stage.scene, stage.light, stage.seed, right - left, bottom - top, horizon=bottom - top)
    paint_sky(outside, bottom - top)
    stage.pixels[top:bottom, left:right] = outside.pixels
    stage.lay(_casement(stage, x, y, w) + _curtains(stage, x, y, w))
    stage.glow(x, y, w * 2.2, stage.light.color, 0.1 if stage.light.is_dark else 0.3)


def _casement(stage: Stage, x: float, y: float, w: float) -> str:
    h, bar = w * 1.15, w * 0.035
    color = hexed(times((0.97, 0.95, 0.9), _indoor_light(stage)))
    edge = f"M{x - w / 2:.1f} {y - h / 2:.1f}h{w:.1f}v{h:.1f}h{-w:.1f}z"
    bars = f"M{x:.1f} {y - h / 2:.1f}v{h:.1f}M{x - w / 2:.1f} {y - h * 0.08:.1f}h{w:.1f}"
    sill = f"M{x - w * 0.6:.1f} {y + h / 2:.1f}h{w * 1.2:.1f}v{bar * 2.2:.1f}h{-w * 1.2:.1f}z"
    return (
        f'<g fill="none" stroke="{color}"><path stroke-width="{bar * 2:.1f}" d="{edge}"/>'
        f'<path stroke-width="{bar:.1f}" d="{bars}"/></g><path fill="{color}" d="{sill}"/>'
    )


def _curtains(stage: Stage, x: float, y: float, w: float) -> str:
    h, bar = w * 1.15, w * 0.035
    cloth = hexed(times((0.72, 0.3, 0.28), _indoor_light(stage)))
    fold = hexed(times((0.56, 0.22, 0.21), _indoor_light(stage)))
    top = y - h * 0.6
    parts = [f'<path stroke="{fold}" stroke-width="{bar:.1f}" d="M{x - w * 0.8:.1f} {top:.1f}h{w * 1.6:.1f}"/>']
    for hang in (-1, 1):
        edge = x + hang * w * 0.72
        hem = f"q{hang * w * 0.02:.1f} {h * 0.6:.1f} {hang * w * 0.2:.1f} {h * 1.22:.1f}h{hang * w * 0.16:.1f}z"
        parts.append(f'<path fill="{cloth}" d="M{edge:.1f} {top:.1f}h{-hang * w * 0.34:.1f}{hem}"/>')
        creases = "".join(
            f"M{edge - hang * w * crease:.1f} {top:.1f}q0 {h * 0.6:.1f} {hang * w * 0.05:.1f} {h * 1.2:.1f}"
            for crease in (0.08, 0.17)
        )
        parts.append(f'<path stroke="{fold}" fill="none" stroke-width="{bar * 0.5:.1f}" d="{creases}"/>')
    return "".join(parts)


def _furnish(stage: Stage, wall: Rgb, side: float) -> None:
    """A skirting board, a picture and a rug: enough to be a room, too little to draw the eye."""
    w, y = stage.width, stage.horizon
    px, py, pw = w * (0.5 - side * 0.3), y * 0.4, min(w * 0.17, y * 0.26)
    light = _indoor_light(stage)
    rug = hexed(times(stage.scene.palette[0] if stage.scene.palette else (0.62, 0.3, 0.26), light))
    inner = hexed(times((0.85, 0.72, 0.52), light))
    cy = y + (stage.height - y) * 0.56
    svg = (
        f'<path fill="{hexed(times((0.95, 0.93, 0.88), light))}" d="M0 {y - y * 0.035:.1f}h{w}v{y * 0.035:.1f}H0z"/>'
        f'<path fill="{hexed(scaled(wall, 0.6))}" d="M{px - pw / 2:.1f} {py - pw * 0.6:.1f}'
        f'h{pw:.1f}v{pw * 1.2:.1f}h{-pw:.1f}z"/><path fill="{hexed(mix(wall, (1, 1, 1), 0.5))}'
        f'" d="M{px - pw * 0.42:.1f} {py - pw * 0.52:.1f}h{pw * 0.84:.1f}v{pw * 1.04:.1f}h{-pw * 0.84:.1f}'
        'z"/>'
        f'<path fill="{hexed(mix(wall, (0.3, 0.45, 0.5), 0.5))}" d="M{px - pw * 0.42:.1f} {py + pw * 0.52:.1f}'
        f"v{-pw * 0.3:.1f}l{pw * 0.3:.1f} {-pw * 0.35:.1f}l{pw * 0.24:.1f} {pw * 0.3:.1f}l{pw * 0.3:.1f}"
        f' {-pw * 0.2:.1f}v{pw * 0.55:.1f}z"/>'
        f'<ellipse cx="{w / 2:.1f}" cy="{cy:.1f}" rx="{w * 0.4:.1f}" ry="{(stage.height - y) * 0.34:.1f}'
        f'" fill="{rug}" fill-opacity=".92"/>'
        f'<ellipse cx="{w / 2:.1f}" cy="{cy:.1f}" rx="{w * 0.365:.1f}" ry="{(stage.height - y) * 0.3:.1f}'
        f'" fill="none" stroke="{inner}" stroke-width="{stage.unit * 5:.1f}"/>'
    )
    stage.lay(svg)


def _tabletop(stage: Stage) -> None:
    """A table of wood before a wall out of focus."""
    wall = times(_wall_color(stage), _indoor_light(stage))
    wall = scaled(mix(wall, (0.42, 0.44, 0.46), 0.45), 0.82)
    size = stage.horizon
    stage.pixels[:size] = ramp(
        (scaled(wall, 0.7), wall, scaled(wall, 0.82)), np.linspace(0, 1, size, dtype=np.float32)
    )[:, None, :]
    cloth = fractal(stage.chance("wall"), size, stage.width, cells=3, octaves=3) - 0.5
    stage.pixels[:size] *= (1 + cloth * 0.34)[..., None]
    source = 0.22 if stage.light.direction[0] > 0 else 0.78
    stage.glow(stage.width * source, size * 0.1, stage.width * 0.75, mix(stage.light.color, (1, 0.9, 0.75), 0.4), 0.34)
    rng = stage.chance("bokeh")
    for _ in range(9):
        x, y, r = rng.random() * stage.width, rng.random() * size * 0.9, stage.width * rng.uniform(0.04, 0.11)
        stage.glow(x, y, r, mix(wall, (1.0, 0.9, 0.7), 0.7), 0.22)
    stage.pixels[:size] = blur(stage.pixels[:size], 6 * stage.unit)
    paint_ground(stage, table("grounds")["wood"], size)
    edge = np.clip(1 - np.abs(np.arange(stage.height, dtype=np.float32) - size) / (3.5 * stage.unit), 0, 1)[:, None]
    stage.blend(scaled(wall, 0.42), np.repeat(edge * np.float32(0.7), stage.width, axis=1))


def _studio(stage: Stage) -> None:
    """Seamless paper: one soft colour, a pool of light behind, a floor that curves into the wall."""
    choices: tuple[Rgb, ...] = (
        (0.62, 0.75, 0.82),
        (0.85, 0.72, 0.62),
        (0.72, 0.78, 0.66),
        (0.78, 0.72, 0.84),
        (0.9, 0.82, 0.66),
    )
    color = choices[int(stage.chance("paper").integers(len(choices)))]
    if stage.scene.ground_color or stage.scene.palette:
        color = mix(stage.scene.ground_color or stage.scene.palette[0], (0.95, 0.95, 0.95), 0.15)
    color = times(color, mix(stage.light.ambient, (1, 1, 1), 0.5))
    rows = np.linspace(0, 1, stage.height, dtype=np.float32)
    stage.pixels[:] = ramp(
        (scaled(color, 0.82), scaled(color, 0.98), mix(color, (1, 1, 1), 0.22), scaled(color, 0.9)), rows
    )[:, None, :]
    stage.glow(stage.width * 0.5, stage.height * 0.45, max(stage.width, stage.height) * 0.62, (1, 1, 1), 0.32)


def _wall(stage: Stage) -> None:
    """A wall of bricks in bond, each of its own tone, over a strip of pavement."""
    size, rng = stage.horizon, stage.chance("bricks")
    color = mix((0.62, 0.3, 0.22), stage.scene.ground_color or (0.62, 0.3, 0.22), 0.7)
    if stage.scene.hour in ("night", "dusk"):
        color = mix(color, times(color, stage.light.ambient), 0.6)
    long, high = max(8, int(62 * stage.unit)), max(4, int(25 * stage.unit))
    y, x = np.arange(size)[:, None], np.arange(stage.width)[None, :]
    course = y // high
    along = x + (course % 2) * (long // 2)
    tones = rng.uniform(0.8, 1.12, (size // high + 1, stage.width // long + 2)).astype(np.float32)
    tone = tones[course, along // long]
    joint = ((y % high) < max(1, high // 9)) | ((along % long) < max(1, high // 9))
    tone *= 1 + (fractal(rng, size, stage.width, cells=40, octaves=3) - 0.5) * np.float32(0.35)
    stage.pixels[:size] = tone[..., None] * np.asarray(color, np.float32)
    stage.blend(scaled(mix(color, (0.7, 0.68, 0.64), 0.75), 0.85), joint * np.float32(0.8))
    stage.glow(stage.width * 0.5, size * 0.4, stage.width * 0.7, mix(stage.light.color, (1, 0.9, 0.75), 0.4), 0.22)
    paint_ground(stage, table("grounds")["pavement"], size)


INTERIORS: dict[str, Callable[[Stage], None]] = {"room": _room, "tabletop": _tabletop, "studio": _studio, "wall": _wall}
