"""Buildings: a skyline on the horizon, towers along a street, cottages of a village; their windows shine after dark."""

from collections.abc import Callable

import numpy as np

from generator.engines.sketch.paint.far import hazed
from generator.engines.sketch.paint.light import is_true, lit
from generator.engines.sketch.paint.stage import Stage, hexed, mix, scaled
from generator.engines.sketch.scene import Rgb

_WALLS: tuple[Rgb, ...] = (
    (0.5, 0.53, 0.6),
    (0.62, 0.55, 0.5),
    (0.42, 0.47, 0.56),
    (0.66, 0.63, 0.6),
    (0.36, 0.4, 0.5),
    (0.58, 0.44, 0.4),
)
_NEON: tuple[Rgb, ...] = ((1.0, 0.16, 0.6), (0.1, 0.9, 1.0), (0.65, 0.3, 1.0), (1.0, 0.75, 0.2))
_BRICK: tuple[Rgb, ...] = ((0.92, 0.86, 0.76), (0.85, 0.66, 0.5), (0.75, 0.78, 0.76), (0.9, 0.77, 0.6))
_ROOFS: tuple[Rgb, ...] = ((0.62, 0.27, 0.2), (0.45, 0.3, 0.26), (0.36, 0.4, 0.48), (0.7, 0.38, 0.22))


def _is_neon(stage: Stage) -> bool:
    return bool({"neon", "vaporwave"} & set(stage.scene.styles))


def _window_light(stage: Stage, rng: np.random.Generator) -> str:
    if _is_neon(stage):
        return hexed(_NEON[int(rng.integers(len(_NEON)))])
    return hexed(mix((1.0, 0.83, 0.5), (1.0, 0.93, 0.75), float(rng.random())))


def _dark(stage: Stage) -> bool:
    return stage.scene.hour in ("night", "dusk") or stage.light.ambient[1] < 0.62


def _front(
    stage: Stage, box: tuple[float, float, float, float], color: Rgb, rng: np.random.Generator, cell: float
) -> str:
    """One house front: a wall in two tones and a grid of windows, some lit."""
    x, y, w, h = box
    wall, side = hexed(color), hexed(scaled(color, 0.78))
    parts = [f'<path fill="{wall}" d="M{x:.1f} {y:.1f}h{w:.1f}v{h:.1f}h{-w:.1f}z"/>']
    columns, rows = max(2, int(w / cell)), max(3, int(h / (cell * 1.25)))
    glass = hexed(mix(scaled(color, 0.6), stage.light.sky[1], 0.45))
    lights: list[str] = []
    panes: list[str] = []
    share = (0.2 if _is_neon(stage) else 0.42) if _dark(stage) else 0.0
    for row in range(rows):
        for column in range(columns):
            px, py = x + (column + 0.22) * w / columns, y + (row + 0.3) * h / rows
            pane = f"M{px:.1f} {py:.1f}h{w / columns * 0.56:.1f}v{h / rows * 0.5:.1f}h{-w / columns * 0.56:.1f}z"
            (lights if rng.random() < share else panes).append(pane)
    parts.append(f'<path fill="{glass}" d="{"".join(panes)}"/>')
    if lights:
        parts.append(f'<path fill="{_window_light(stage, rng)}" fill-opacity=".9" d="{"".join(lights)}"/>')
    parts.append(
        f'<path fill="{side}" fill-opacity=".55" d="M{x + w * 0.72:.1f} {y:.1f}h{w * 0.28:.1f}v{h:.1f}h{-w * 0.28:.1f}z"/>'
    )
    return "".join(parts)


def _skyline(stage: Stage) -> None:
    """Two ranks of towers on the horizon; some with spires."""
    rng = stage.chance("skyline")
    parts = []
    for distance, reach, widest in ((0.85, 0.6, 0.07), (0.5, 0.44, 0.09)):
        x = -0.02 * stage.width
        while x < stage.width * 1.02:
            w = stage.width * rng.uniform(0.4, 1.0) * widest
            middle = 1 - 0.55 * abs(x / stage.width - 0.5) * 2
            h = stage.horizon * reach * rng.uniform(0.35, 1.0) * middle + 4
            color = hazed(stage, lit(_tone(stage, rng), stage.light), distance)
            y = stage.horizon - h
            parts.append(_front(stage, (x, y, w, h + 3), color, rng, max(5 * stage.unit, w / 7)))
            if rng.random() < 0.22:
                parts.append(
                    f'<path fill="{hexed(color)}" d="M{x + w * 0.3:.1f} {y:.1f}L{x + w / 2:.1f} {y - h * 0.28:.1f}'
                    f'L{x + w * 0.7:.1f} {y:.1f}z"/>'
                )
            x += w * rng.uniform(0.9, 1.25)
    stage.lay("".join(parts), rows=stage.horizon + 4)


def _tone(stage: Stage, rng: np.random.Generator) -> Rgb:
    if stage.scene.palette:
        return mix(
            _WALLS[int(rng.integers(len(_WALLS)))],
            stage.scene.palette[int(rng.integers(len(stage.scene.palette)))],
            0.6,
        )
    return _WALLS[int(rng.integers(len(_WALLS)))]


def _towers(stage: Stage) -> None:
    """House fronts on both sides of the street, in perspective, growing towards the viewer; signs and lamps after dark."""
    rng = stage.chance("towers")
    parts = []
    for side in (-1.0, 1.0):
        depths = [1.0, 0.74, 0.55, 0.41, 0.31, 0.24]
        for far, near in reversed(list(zip(depths[1:], depths, strict=False))):
            parts.append(_tower(stage, side, near, far, rng))
    stage.lay("".join(parts))
    if _dark(stage):
        _street_glow(stage, rng)


def _tower(stage: Stage, side: float, near: float, far: float, rng: np.random.Generator) -> str:
    """The wall between two depths, as a quadrilateral with rows of windows that converge."""
    vx, vy = stage.width / 2, float(stage.horizon)
    reach = stage.width * 0.62
    x0, x1 = vx + side * reach * near, vx + side * reach * far
    tall = stage.height * rng.uniform(0.75, 1.35)
    base = (stage.height - stage.horizon) * 0.72
    color = lit(_tone(stage, rng), stage.light)
    color = hazed(stage, scaled(color, 0.9 if side * stage.light.direction[0] < 0 else 0.68), (1 - near) * 0.75)

    def point(t: float, v: float) -> str:
        """`t` 0 near to 1 far, `v` 0 top to 1 foot."""
        x = x0 + (x1 - x0) * t
        depth = near + (far - near) * t
        return f"{x:.1f} {vy - tall * depth + (tall + base) * depth * v:.1f}"

    parts = [f'<path fill="{hexed(color)}" d="M{point(0, 0)}L{point(1, 0)}L{point(1, 1)}L{point(0, 1)}z"/>']
    panes: list[str] = []
    lights: list[str] = []
    share = (0.22 if _is_neon(stage) else 0.45) if _dark(stage) else 0.0
    rows, columns = 11, 4
    for row in range(rows):
        for column in range(columns):
            t0, t1 = (column + 0.2) / columns, (column + 0.75) / columns
            v0, v1 = (row + 0.25) / (rows + 1), (row + 0.8) / (rows + 1)
            (lights if rng.random() < share else panes).append(
                f"M{point(t0, v0)}L{point(t1, v0)}L{point(t1, v1)}L{point(t0, v1)}z"
            )
    parts.append(f'<path fill="{hexed(mix(scaled(color, 0.55), stage.light.sky[1], 0.3))}" d="{"".join(panes)}"/>')
    if lights:
        parts.append(f'<path fill="{_window_light(stage, rng)}" fill-opacity=".92" d="{"".join(lights)}"/>')
    shop = hexed(mix(scaled(color, 0.5), _shop_color(stage, rng), 0.6))
    parts.append(
        f'<path fill="{shop}" d="M{point(0.05, 0.945)}L{point(0.95, 0.945)}L{point(0.95, 0.99)}L{point(0.05, 0.99)}z"/>'
    )
    return "".join(parts)


def _shop_color(stage: Stage, rng: np.random.Generator) -> Rgb:
    """A shop front's colour: lit after dark."""
    if _is_neon(stage):
        return _NEON[int(rng.integers(len(_NEON)))]
    return (1.0, 0.85, 0.55) if _dark(stage) else (0.45, 0.32, 0.28)


def _street_glow(stage: Stage, rng: np.random.Generator) -> None:
    """Lamps, or neon signs, along the street."""
    for side in (-1, 1):
        for depth in (0.8, 0.55, 0.38, 0.27):
            x = stage.width / 2 + side * stage.width * 0.5 * depth
            y = stage.horizon - stage.height * 0.24 * depth
            color = _NEON[int(rng.integers(len(_NEON)))] if _is_neon(stage) else (1.0, 0.8, 0.45)
            stage.glow(x, y, stage.height * 0.26 * depth, color, 0.6)
            stage.glow(x, y, stage.height * 0.03 * depth + 2, (1, 0.97, 0.9), 1.0)


def _cottages(stage: Stage) -> None:
    """A row of gabled houses on both sides of the middle."""
    rng = stage.chance("cottages")
    parts = []
    for number, near in enumerate(np.linspace(0.02, 1, 9)):
        side = -1.0 if number % 2 else 1.0
        x = stage.width * (0.5 + side * (0.1 + 0.32 * near + 0.07 * rng.random()))
        foot = stage.horizon + (stage.height - stage.horizon) * (0.03 + 0.36 * near + 0.05 * rng.random())
        parts.append(_cottage(stage, (float(x), float(foot)), stage.height * (0.1 + 0.13 * near), float(near), rng))
    stage.lay("".join(parts))


def _cottage(stage: Stage, at: tuple[float, float], size: float, near: float, rng: np.random.Generator) -> str:
    x, foot = at
    snow = is_true(stage.scene, "snowy")
    distance = 0.6 * (1 - near)
    wall = hazed(stage, lit(_BRICK[int(rng.integers(len(_BRICK)))], stage.light), distance)
    roof = (0.95, 0.97, 1.0) if snow else _ROOFS[int(rng.integers(len(_ROOFS)))]
    roof = hazed(stage, lit(roof, stage.light), distance)
    w, h = size * 1.2, size * 0.62
    top = foot - h
    pane = _window_light(stage, rng) if _dark(stage) else hexed(scaled(wall, 0.5))
    door = hexed(scaled(roof, 0.6))
    return (
        f'<path fill="{hexed(wall)}" d="M{x - w / 2:.1f} {top:.1f}h{w:.1f}v{h:.1f}h{-w:.1f}'
        f'z"/><path fill="{hexed(scaled(wall, 0.8))}" d="M{x + w * 0.18:.1f} {top:.1f}h{w * 0.32:.1f}'
        f'v{h:.1f}h{-w * 0.32:.1f}z"/>'
        f'<path fill="{hexed(scaled(roof, 0.7))}" d="M{x + w * 0.2:.1f} {top - size * 0.55:.1f}'
        f'h{w * 0.1:.1f}v{size * 0.3:.1f}h{-w * 0.1:.1f}z"/>'
        f'<path fill="{hexed(roof)}" d="M{x - w * 0.58:.1f} {top + 1:.1f}L{x - w * 0.3:.1f}'
        f' {top - size * 0.5:.1f}H{x + w * 0.34:.1f}L{x + w * 0.58:.1f} {top + 1:.1f}z"/>'
        f'<path fill="{pane}" d="M{x - w * 0.36:.1f} {top + h * 0.25:.1f}h{w * 0.16:.1f}v{h * 0.32:.1f}'
        f"h{-w * 0.16:.1f}zM{x + w * 0.26:.1f} {top + h * 0.25:.1f}h{w * 0.16:.1f}v{h * 0.32:.1f}"
        f'h{-w * 0.16:.1f}z"/>'
        f'<path fill="{door}" d="M{x - w * 0.07:.1f} {top + h * 0.35:.1f}h{w * 0.16:.1f}V{foot:.1f}h{-w * 0.16:.1f}z"/>'
    )


CITY: dict[str, Callable[[Stage], None]] = {"skyline": _skyline, "towers": _towers, "cottages": _cottages}
