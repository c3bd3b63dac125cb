"""What stands on the horizon: mountains, hills, dunes, mesas, craters, lines of trees, a skyline; each paler the farther it is."""

from collections.abc import Callable

import numpy as np

from generator.engines.sketch.paint.ground import ground_colors, ground_row
from generator.engines.sketch.paint.light import is_true, lit
from generator.engines.sketch.paint.noise import Field, curve, fractal, peaks
from generator.engines.sketch.paint.stage import Stage, mix, ramp, scaled
from generator.engines.sketch.scene import Rgb


def hazed(stage: Stage, color: Rgb, distance: float) -> Rgb:
    """A lit colour seen through `distance` (0 here, 1 at the horizon) of air."""
    amount = min(0.94, distance * (0.62 + 0.5 * stage.light.haziness) + 0.3 * stage.light.haziness * distance)
    return mix(color, stage.light.haze, amount)


def ridge(stage: Stage, top: Field, base: int, upper: Rgb, lower: Rgb) -> None:
    """Fills from the curve `top` (a row for each column) down to `base`."""
    first = max(0, int(top.min()) - 1)
    if first >= base:
        return
    rows = np.arange(first, base, dtype=np.float32)[:, None]
    mask = np.clip(rows - top[None, :] + 0.5, 0, 1)
    shade = ramp((upper, lower), np.linspace(0, 1, base - first, dtype=np.float32))[:, None, :]
    stage.blend(shade, mask, first)


def _mountains(stage: Stage) -> None:
    rng = stage.chance("mountains")
    reach = stage.horizon
    snow = is_true(stage.scene, "snowy")
    for distance, height, bumps in ((0.8, 0.5, 5.0), (0.5, 0.62, 3.2)):
        line = peaks(rng, stage.width, bumps * stage.width / max(stage.width, stage.height) + 0.8, 8, 0.46)
        top = (stage.horizon - reach * height * (0.18 + 0.82 * line)).astype(np.float32)
        _massif(stage, top, distance, rng, snow)


def _massif(stage: Stage, top: Field, distance: float, rng: np.random.Generator, snow: bool) -> None:
    """One range: facets turn to the light or away, snow lies on the heights, mist at the foot."""
    base, first = stage.horizon, max(0, int(top.min()) - 1)
    rows = base - first
    if rows <= 0:
        return
    y = np.arange(first, base, dtype=np.float32)[:, None]
    depth = y - top[None, :]
    rough = fractal(rng, rows, stage.width, cells=14, octaves=5)
    slope = np.gradient(_smoothed(top, max(5, stage.width // 50)))
    lean = depth * np.where(rough > 0.5, 0.55, -0.55) * 0.5
    at = np.arange(stage.width, dtype=np.float32)[None, :] + (rough - 0.5) * stage.width * 0.05 + lean
    facing = np.take(slope, np.clip(at, 0, stage.width - 1).astype(np.int32)) * -stage.light.direction[0]
    ribs = fractal(rng, rows, stage.width, cells=34, octaves=4) - 0.5
    lightness = np.clip(0.5 - facing * 0.55 + ribs * 0.75 + (rough - 0.5) * 0.4, 0, 1)
    rock = (0.4, 0.42, 0.5) if snow else (0.44, 0.42, 0.46)
    if stage.scene.ground_color is not None and "mountains" in stage.scene.settings:
        rock = mix(rock, stage.scene.ground_color, 0.6)
    dark, bright = (
        hazed(stage, lit(scaled(rock, 0.55), stage.light), distance),
        hazed(stage, lit(scaled(rock, 1.35), stage.light), distance),
    )
    color = ramp((dark, bright), lightness)
    height = (base - y) / (base - float(top.min()) + 1)
    line = (0.28 if snow else 0.6) + (rough - 0.5) * 0.3 - (ribs * 0.16) - lightness * 0.04
    white = ramp(
        (
            hazed(stage, lit((0.62, 0.7, 0.85), stage.light), distance),
            hazed(stage, lit((1, 1, 1), stage.light), distance * 0.7),
        ),
        lightness,
    )
    cap = np.clip((height - line) * 22, 0, 1)[..., None]
    color += (white - color) * cap
    mist = np.clip(1 - height * 2.6, 0, 1)[..., None] * np.float32(0.55)
    color += (np.asarray(stage.light.haze, np.float32) - color) * mist
    stage.blend(color, np.clip(depth + 0.5, 0, 1), first)


def _smoothed(line: Field, width: int) -> Field:
    kernel = np.ones(width, np.float32) / width
    result: Field = np.convolve(np.pad(line, width, mode="edge"), kernel, "same")[width:-width]
    return result


def _waves_of_land(stage: Stage, local: Rgb, height: float, bumps: float, layers: int = 3) -> None:
    """Rolling land in a few layers, nearer ones lower, darker and more saturated."""
    rng = stage.chance("hills")
    for layer in range(layers):
        near = (layer + 1) / layers
        line = curve(rng, stage.width, bumps * (1.2 - 0.3 * near), 4, 0.36)
        top = stage.horizon - stage.horizon * height * (1.15 - 0.85 * near) * (0.25 + 1.1 * line) + 2
        color = hazed(stage, local, 0.95 - 0.62 * near)
        ridge(
            stage,
            top.astype(np.float32),
            stage.horizon + 2,
            mix(color, stage.light.color, 0.06),
            mix(color, stage.light.haze, 0.3),
        )


def _hills(stage: Stage) -> None:
    row = ground_row(stage, stage.scene.settings[0])
    _, far = ground_colors(stage, row)
    _waves_of_land(stage, scaled(far, 0.8), 0.3, 2.4)
    if is_true(stage.scene, "snowy") or not stage.wants("treeline"):
        return
    rng = stage.chance("copses")
    line = curve(rng, stage.width, 9, 3, 0.5)
    tufts = curve(rng, stage.width, 90, 2, 0.6)
    top = stage.horizon + 3 - stage.horizon * 0.055 * np.clip(line - 0.45, 0, 1) * 3 * (0.5 + tufts)
    color = hazed(stage, lit((0.24, 0.38, 0.2), stage.light), 0.35)
    ridge(stage, top.astype(np.float32), stage.horizon + 3, color, color)


def _dunes(stage: Stage) -> None:
    """Dunes with a lit and a shaded flank along a winding crest."""
    rng = stage.chance("dunes")
    near_color, far_color = ground_colors(stage, ground_row(stage, "desert"))
    for distance, height in ((0.75, 0.26), (0.45, 0.17), (0.2, 0.08)):
        line = curve(rng, stage.width, 2.4, 2, 0.3)
        top = (stage.horizon + 4 - stage.horizon * height * (0.1 + 1.2 * line)).astype(np.float32)
        bright = hazed(stage, mix(far_color, stage.light.color, 0.12), distance)
        ridge(stage, top, stage.horizon + 4, bright, hazed(stage, far_color, distance * 0.8))
        first = max(0, int(top.min()) - 1)
        rows = np.arange(first, stage.horizon + 4, dtype=np.float32)[:, None]
        slope = np.gradient(_smoothed(top, max(3, stage.width // 40)))
        lee = np.clip(slope * 5 * np.sign(stage.light.direction[0]), 0, 1)[None, :]
        depth = np.clip(1 - (rows - top[None, :]) / (stage.horizon * height * 0.9), 0, 1)
        mask = np.clip(rows - top[None, :] + 0.5, 0, 1) * lee * depth * np.float32(0.55)
        stage.blend(hazed(stage, scaled(near_color, 0.62), distance), mask, first)


def _mesas(stage: Stage) -> None:
    rng = stage.chance("mesas")
    for distance, height in ((0.8, 0.34), (0.5, 0.22)):
        line = curve(rng, stage.width, 4, 5, 0.45)
        flat = np.clip((line - 0.46) * 9, 0, 1) * (0.8 + 0.2 * curve(rng, stage.width, 9, 3))
        top = (stage.horizon + 3 - stage.horizon * height * (0.12 + flat * 0.8)).astype(np.float32)
        color = hazed(stage, lit((0.62, 0.3, 0.19), stage.light), distance)
        ridge(stage, top, stage.horizon + 3, mix(color, stage.light.color, 0.15), color)


def _craters(stage: Stage) -> None:
    rng = stage.chance("craters")
    line = curve(rng, stage.width, 3.5, 5, 0.4)
    top = (stage.horizon + 3 - stage.horizon * 0.14 * line).astype(np.float32)
    ridge(stage, top, stage.horizon + 3, (0.6, 0.6, 0.62), (0.46, 0.46, 0.48))


def _treeline(stage: Stage) -> None:
    """Three ranks of conifers, as a curve of many pointed crowns."""
    rng = stage.chance("treeline")
    snow = is_true(stage.scene, "snowy")
    for near, height in ((0.25, 0.34), (0.55, 0.28), (0.85, 0.2)):
        count = int(stage.width / (stage.unit * (9 + 14 * near)))
        top = np.full(stage.width, float(stage.horizon), np.float32)
        columns = np.arange(stage.width, dtype=np.float32)
        for x, tall in zip(rng.random(count) * stage.width, rng.uniform(0.55, 1.0, count), strict=True):
            high = stage.horizon * height * tall
            left, right = max(0, int(x - high * 0.24)), min(stage.width, int(x + high * 0.24) + 1)
            off = np.abs(columns[left:right] - x) / (high * 0.24)
            crown = 1 - off + 0.1 * np.sin(off * 20)
            top[left:right] = np.minimum(top[left:right], stage.horizon - high * np.clip(crown, 0, 1))
        local = (0.4, 0.47, 0.5) if snow else (0.15, 0.28, 0.19)
        color = hazed(stage, lit(local, stage.light), 1.0 - 0.55 * near)
        ridge(stage, top, stage.horizon + 4, color, mix(color, stage.light.haze, 0.45))


def _roundline(stage: Stage) -> None:
    """Three ranks of leafy crowns."""
    rng = stage.chance("roundline")
    tones = [(0.24, 0.4, 0.2)]
    if stage.scene.palette:
        tones = list(stage.scene.palette)
    elif "birchwood" in stage.scene.settings or is_true(stage.scene, "autumn"):
        tones = [(0.72, 0.42, 0.12), (0.6, 0.3, 0.1), (0.78, 0.56, 0.18)]
    columns = np.arange(stage.width, dtype=np.float32)
    for layer, (near, height) in enumerate(((0.25, 0.3), (0.55, 0.24), (0.85, 0.16))):
        top = np.full(stage.width, stage.horizon - stage.horizon * height * 0.25, np.float32)
        for x in np.arange(-0.02, 1.04, 0.028) * stage.width:
            radius = stage.unit * rng.uniform(22, 48)
            middle = stage.horizon - stage.horizon * height * rng.uniform(0.25, 0.75)
            off = np.clip(np.abs(columns - x - rng.uniform(-9, 9) * stage.unit) / radius, 0, 1)
            top = np.where(off < 1, np.minimum(top, middle - radius * np.sqrt(1 - off * off)), top)
        color = hazed(stage, lit(tones[layer % len(tones)], stage.light), 0.95 - 0.55 * near)
        crown, foot = mix(color, stage.light.color, 0.1), mix(color, stage.light.haze, 0.3)
        ridge(stage, top.astype(np.float32), stage.horizon + 4, crown, foot)


FAR: dict[str, Callable[[Stage], None]] = {
    "mountains": _mountains,
    "hills": _hills,
    "dunes": _dunes,
    "mesas": _mesas,
    "craters": _craters,
    "treeline": _treeline,
    "roundline": _roundline,
}
