"""The sky: its gradient, sun or moon, stars, clouds, aurora and rainbow."""

import numpy as np

from generator.engines.sketch.paint.light import is_true, most
from generator.engines.sketch.paint.noise import Field, curve, fractal, lowered
from generator.engines.sketch.paint.raster import tinted
from generator.engines.sketch.paint.stage import Stage, mix, ramp
from generator.engines.sketch.scene import Rgb


def paint_sky(stage: Stage, bottom: int) -> None:
    """Paints rows 0 to `bottom`."""
    bottom = max(1, min(bottom, stage.height))
    at = np.linspace(0, 1, bottom, dtype=np.float32) ** 0.85
    stage.pixels[:bottom] = ramp(stage.light.sky, at)[:, None, :]
    if stage.wants("stars"):
        paint_stars(stage, bottom, max(stage.light.stars, 0.8 * float("stars" in stage.scene.sky)))
    if "aurora" in stage.scene.sky:
        _aurora(stage, bottom)
    moonlit = bool({"moon", "crescent"} & set(stage.scene.sky))
    for part in (_clouds, _luminary) if moonlit else (_luminary, _clouds):
        part(stage, bottom)
    if "rainbow" in stage.scene.sky:
        _rainbow(stage, bottom)
    if "fireworks" in stage.scene.sky:
        _fireworks(stage, bottom)
    if is_true(stage.scene, "lightning"):
        _lightning(stage, bottom)


def paint_stars(stage: Stage, bottom: int, amount: float) -> None:
    """Stars of many sizes, thinner towards the horizon, a few with a cross of light."""
    if amount <= 0:
        return
    rng = stage.chance("stars")
    count = int(420 * amount * stage.width * bottom / 1e6) + 12
    x = rng.integers(0, stage.width, count)
    y = (rng.random(count) ** 1.3 * bottom * 0.96).astype(int)
    power = rng.random(count) ** 3
    hue = rng.random(count)
    size = max(1, round(stage.unit * 1.1))
    for px, py, light, warm in zip(x, y, power, hue, strict=True):
        color = mix((0.78, 0.86, 1.0), (1.0, 0.93, 0.8), float(warm))
        spot = stage.pixels[py : py + size, px : px + size]
        spot += np.asarray(color, np.float32) * np.float32((0.25 + 0.75 * light) * amount)
        if light > 0.8:
            stage.glow(
                float(px) + size / 2, float(py) + size / 2, stage.unit * (2 + 16 * (light - 0.75)), color, 0.75 * amount
            )


def _luminary(stage: Stage, bottom: int) -> None:
    """The sun or the moon, where the light comes from."""
    scene, light = stage.scene, stage.light
    if light.source is None:
        return
    moonish = {"moon", "crescent"} & set(scene.sky)
    x, y = light.source[0] * stage.width, light.source[1] * stage.height
    hidden = most(scene, "cloud") > 0.75
    size = min(stage.width, bottom * 1.3)
    if moonish or (scene.hour == "night" and stage.wants("moon") and not hidden):
        if not stage.wants("moon"):
            return
        radius = size * (0.105 if moonish else 0.045)
        y = max(y, radius * 1.25)
        if "crescent" in scene.sky:
            _crescent(stage, x, y, radius * 0.8)
        else:
            _moon(stage, x, y, radius)
    elif scene.hour not in ("night", "dusk") and stage.wants("sun") and not hidden:
        low = scene.hour in ("sunset", "dawn", "golden")
        if low or "sun" in scene.sky:
            _sun(stage, x, y, size * (0.075 if low or "sun" in scene.sky else 0.045), low)
        else:
            stage.glow(x, y, size * 0.55, light.color, 0.35)


def _disc(stage: Stage, x: float, y: float, radius: float) -> tuple[slice, slice, Field, Field, Field]:
    x0, x1 = max(0, int(x - radius - 2)), min(stage.width, int(x + radius + 3))
    y0, y1 = max(0, int(y - radius - 2)), min(stage.height, int(y + radius + 3))
    dx = (np.arange(x0, max(x1, x0), dtype=np.float32) - x)[None, :]
    dy = (np.arange(y0, max(y1, y0), dtype=np.float32) - y)[:, None]
    inside = np.clip(radius + 0.5 - np.sqrt(dx * dx + dy * dy), 0, 1)
    return slice(y0, y1), slice(x0, x1), inside, dx / radius, dy / radius


def _sun(stage: Stage, x: float, y: float, radius: float, low: bool) -> None:
    color = (1.0, 0.86, 0.55) if low else (1.0, 0.97, 0.85)
    stage.glow(x, y, radius * 9, stage.light.color, 0.45)
    stage.glow(x, y, radius * 3.4, color, 0.7)
    rows, columns, inside, _, _ = _disc(stage, x, y, radius)
    target = stage.pixels[rows, columns]
    target += (np.asarray(mix(color, (1, 1, 0.94), 0.5), np.float32) - target) * inside[..., None]


def _moon(stage: Stage, x: float, y: float, radius: float) -> None:
    """A full moon with maria, a soft edge of shade and a halo."""
    stage.glow(x, y, radius * 6, (0.62, 0.72, 1.0), 0.34)
    stage.glow(x, y, radius * 2.3, (0.9, 0.93, 1.0), 0.5)
    rows, columns, inside, dx, dy = _disc(stage, x, y, radius)
    if inside.size == 0:
        return
    maria = fractal(stage.chance("maria"), inside.shape[0], inside.shape[1], cells=4, octaves=4)
    dark = np.clip((maria - 0.5) * 5, 0, 1) * 0.17
    rim = np.clip(dx * dx + dy * dy, 0, 1) ** 3 * 0.1
    tone = tinted(np.clip(1.0 - dark - rim, 0, 1), (1.0, 0.98, 0.91))
    target = stage.pixels[rows, columns]
    target += (tone - target) * inside[..., None]


def _crescent(stage: Stage, x: float, y: float, radius: float) -> None:
    stage.glow(x, y, radius * 5, (0.62, 0.72, 1.0), 0.32)
    rows, columns, inside, dx, dy = _disc(stage, x, y, radius)
    bite = np.clip((0.92 - np.sqrt((dx - 0.42) ** 2 + (dy + 0.16) ** 2)) * radius, 0, 1)
    target = stage.pixels[rows, columns]
    target += (np.asarray((1.0, 0.97, 0.86), np.float32) - target) * (inside * (1 - bite))[..., None]


def _clouds(stage: Stage, bottom: int) -> None:
    """Clouds as a thresholded fractal, lit from above on their near side and darker beneath."""
    cover = most(stage.scene, "cloud")
    if "clouds" in stage.scene.sky:
        cover = max(cover, 0.5)
    if not stage.wants("clouds") or "cloudless" in stage.scene.excluded or cover < 0.05:
        return
    rng = stage.chance("clouds")
    density = fractal(rng, bottom, stage.width, cells=5, octaves=6, stretch=1.9)
    edges = np.percentile(density[::16, ::16], [100 - 100 * min(0.97, cover * 0.85 + 0.1), 99.5])
    low, high = float(edges[0]), float(edges[1])
    body = np.clip((density - low) * (1 / (high - low + 1e-6)), 0, 1)
    lower = lowered(body, max(1, int(bottom * 0.025)))
    opacity = np.clip(body * 2.2, 0, 1)
    fade = np.linspace(1.0, 0.35, bottom, dtype=np.float32)[:, None]
    shade = np.clip(0.62 + 0.5 * (body - lower) * 2.4 - 0.22 * body, 0, 1)
    light = stage.light
    bright = mix(
        light.sky[2], (1.0, 1.0, 1.0) if light.ambient[2] > 0.85 else light.color, 0.35 if light.is_dark else 0.78
    )
    if light.is_dark:
        bright = mix(light.sky[2], light.color, 0.12)
    dark = mix(light.sky[0], light.sky[1], 0.7)
    if stage.scene.hour in ("sunset", "dawn"):
        dark = mix(dark, light.sky[0], 0.4)
    tone = tinted(shade, np.asarray(bright, np.float32) - np.asarray(dark, np.float32))
    tone += np.asarray(dark, np.float32)
    strength = opacity * fade * np.float32(0.55 if light.is_dark else 0.9)
    stage.blend(tone, strength)


def _aurora(stage: Stage, bottom: int) -> None:
    """Curtains of green and violet light that hang from wandering curves."""
    rng = stage.chance("aurora")
    rows = np.arange(bottom, dtype=np.float32)[:, None]
    for color, base in (((0.2, 1.0, 0.55), 0.62), ((0.25, 0.85, 0.8), 0.5), ((0.62, 0.35, 0.95), 0.4)):
        foot = (base + 0.3 * (curve(rng, stage.width, 2.2, 3) - 0.5)) * bottom
        reach = bottom * (0.2 + 0.5 * curve(rng, stage.width, 5, 3))
        rays = 0.45 + 0.9 * curve(rng, stage.width, 42, 3)
        above = (foot[None, :] - rows) / reach[None, :]
        strength = (
            np.where(above > 0, np.exp(-np.clip(above, 0, 9) * 2.6), np.clip(1 + above * 13, 0, 1) ** 2)
            * (rays * 0.62)[None, :]
        )
        stage.pixels[:bottom] += tinted(strength, np.asarray(color, np.float32) * 0.72)


_BOW: tuple[Rgb, ...] = (
    (0.5, 0.25, 0.8),
    (0.2, 0.4, 0.95),
    (0.2, 0.8, 0.45),
    (0.98, 0.9, 0.25),
    (1.0, 0.6, 0.15),
    (0.95, 0.2, 0.2),
)


def _rainbow(stage: Stage, bottom: int) -> None:
    x, y, radius = stage.width * 0.5, bottom * 1.05, min(stage.width * 0.46, bottom * 0.85)
    dx = (np.arange(stage.width, dtype=np.float32) - x)[None, :]
    dy = (np.arange(bottom, dtype=np.float32) - y)[:, None]
    at = (np.sqrt(dx * dx + dy * dy) - radius) / (radius * 0.16)
    mask = np.clip(np.minimum(at, 1 - at) * 7, 0, 1) * np.float32(0.62)
    stage.blend(ramp(_BOW, np.clip(at, 0, 1)), mask)


_BURSTS: tuple[Rgb, ...] = ((1.0, 0.45, 0.35), (1.0, 0.85, 0.4), (0.45, 0.85, 1.0), (0.8, 0.55, 1.0), (0.5, 1.0, 0.6))


def _fireworks(stage: Stage, bottom: int) -> None:
    """Bursts of sparks that fall a little as they fly apart."""
    rng = stage.chance("fireworks")
    for number in range(6):
        x, y = stage.width * rng.uniform(0.1, 0.9), bottom * rng.uniform(0.14, 0.5)
        radius = min(stage.width, bottom) * rng.uniform(0.17, 0.32)
        color = _BURSTS[number % len(_BURSTS)]
        stage.glow(x, y, radius * 1.9, color, 0.4)
        for angle in np.linspace(0, 6.2832, 26, endpoint=False):
            reach = radius * rng.uniform(0.75, 1.05)
            for step in np.linspace(0.25, 1.0, 9):
                sx, sy = x + np.cos(angle) * reach * step, y + np.sin(angle) * reach * step + radius * 0.22 * step**2
                stage.glow(
                    float(sx),
                    float(sy),
                    stage.unit * (2.5 + 7 * step),
                    mix(color, (1, 1, 1), 0.35),
                    float(0.25 + 0.75 * step),
                )


def _lightning(stage: Stage, bottom: int) -> None:
    rng = stage.chance("lightning")
    x = stage.width * rng.uniform(0.15, 0.85)
    y = 0.0
    width = max(1.0, stage.unit * 3)
    stage.glow(x, bottom * 0.3, stage.width * 0.5, (0.75, 0.8, 1.0), 0.5)
    while y < bottom:
        step = bottom * rng.uniform(0.02, 0.05)
        slope = rng.uniform(-1.1, 1.1)
        for offset in range(int(step)):
            row = int(y + offset)
            left = int(x + slope * offset - width / 2)
            if row < bottom:
                stage.pixels[row, max(0, left) : max(0, left + round(width))] = (0.95, 0.96, 1.0)
        stage.glow(x, y, stage.unit * 42, (0.7, 0.76, 1.0), 0.35)
        x += slope * step
        y += step
