"""Finishes of light and lens: the plain one, neon, photograph, old print, black and white."""

import numpy as np

from generator.engines.sketch.paint.noise import Field, fractal
from generator.engines.sketch.paint.raster import Pixels, blur, tinted
from generator.engines.sketch.paint.stage import Stage, largest, ramp

_LUMA = np.asarray((0.299, 0.587, 0.114), np.float32)


def luma(pixels: Pixels) -> Field:
    """How light each pixel is, 0 to 1."""
    tone: Field = pixels[..., 0] * _LUMA[0] + pixels[..., 1] * _LUMA[1] + pixels[..., 2] * _LUMA[2]
    return tone


def vignette(stage: Stage, strength: float) -> None:
    """Darkens the corners."""
    if not stage.wants("vignette"):
        return
    x = np.linspace(-1, 1, stage.width, dtype=np.float32)[None, :] ** 2
    y = np.linspace(-1, 1, stage.height, dtype=np.float32)[:, None] ** 2
    stage.pixels *= (1 - np.float32(strength) * np.clip((x + y) * 0.62 - 0.25, 0, 1) ** 1.4)[..., None]


def grain(stage: Stage, strength: float) -> None:
    """Fine noise of a standard deviation of `strength`, from sums of two random bytes, which cost a tenth of normal deviates."""
    if not stage.wants("grain"):
        return
    size = (stage.height, stage.width)
    rng = stage.chance("grain")
    noise = rng.integers(0, 256, size, dtype=np.uint8).astype(np.float32)
    noise += rng.integers(0, 256, size, dtype=np.uint8)
    noise -= np.float32(255)
    noise *= np.float32(strength / _BYTES_DEVIATION)
    stage.pixels += noise[..., None]


_BYTES_DEVIATION = 104.5  # of the sum of two uniform bytes


def saturate(stage: Stage, factor: float) -> None:
    """Draws colours apart (above 1) or towards grey."""
    tone = luma(stage.pixels)
    stage.pixels *= np.float32(factor)
    tone *= np.float32(1 - factor)
    stage.pixels += tone[..., None]


def contrast(stage: Stage, amount: float) -> None:
    """An S-curve about the middle."""
    bend = 1 - stage.pixels
    bend *= stage.pixels
    bend *= stage.pixels - 0.5
    bend *= np.float32(amount * 4)
    stage.pixels += bend


def bloom(stage: Stage, threshold: float, strength: float, radius: float) -> None:
    """Light that spills over the edges of bright places."""
    spilled = stage.pixels - np.float32(threshold)
    np.clip(spilled, 0, 1, out=spilled)
    spilled = blur(spilled, radius * stage.unit)
    spilled *= np.float32(strength)
    spilled *= 1 - np.clip(stage.pixels, 0, 1)
    stage.pixels += spilled


def plain(stage: Stage) -> None:
    """An illustrator's finish: gentle contrast, a soft bloom, a hint of canvas."""
    bloom(stage, 0.72, 0.55, 14)
    contrast(stage, 0.12)
    saturate(stage, 1.08)
    vignette(stage, 0.3)
    grain(stage, 0.008)


def photo(stage: Stage) -> None:
    """A lens: the distance is out of focus, film's contrast and grain, falling light at the corners."""
    soft = blur(stage.pixels, 7 * stage.unit)
    rows = np.abs(np.linspace(0, 1, stage.height, dtype=np.float32) - 0.72)[:, None]
    away = np.clip((rows - 0.12) * 3.4, 0, 1) * (1 - np.clip(blur(stage.focus, 2 * stage.unit) * 1.4, 0, 1))
    soft -= stage.pixels
    soft *= away[..., None]
    stage.pixels += soft
    bloom(stage, 0.68, 0.7, 18)
    contrast(stage, 0.3)
    saturate(stage, 0.92)
    stage.pixels *= np.asarray((1.02, 1.0, 0.96), np.float32)
    vignette(stage, 0.5)
    grain(stage, 0.02)


def _edges(stage: Stage, width: float) -> Field:
    """How strong an outline runs through each pixel, 0 to 1."""
    tone = blur(stage.pixels, width * stage.unit)
    down = largest(np.abs(np.diff(tone, axis=0, append=tone[-1:])))
    right = largest(np.abs(np.diff(tone, axis=1, append=tone[:, -1:])))
    strength: Field = np.clip((down + right) * 9 * width * stage.unit - 0.12, 0, 1)
    return strength


def neon(stage: Stage) -> None:
    """Darkness graded to violet and teal, with glowing tubes along the outlines, strongest on the subjects."""
    unit = stage.unit
    source = np.clip(stage.pixels, 0, 1)
    source *= np.float32(min(1.0, 0.3 / max(float(source[::8, ::8].mean()), 0.05)))
    lines = _edges(stage, 2.0) * np.clip(0.3 + blur(stage.focus, 2 * unit) * 1.2, 0, 1)
    place = fractal(stage.chance("tubes"), stage.height, stage.width, cells=3, octaves=2)
    place = np.clip(place + np.linspace(-0.3, 0.3, stage.width, dtype=np.float32)[None, :], 0, 1)
    hue = ramp(((0.05, 0.9, 1.0), (0.3, 0.4, 1.0), (0.8, 0.25, 1.0), (1.0, 0.15, 0.6)), place)
    tone = luma(source)
    grade = ramp(
        ((0.02, 0.012, 0.06), (0.09, 0.06, 0.26), (0.3, 0.16, 0.5), (0.62, 0.5, 0.85), (0.95, 0.95, 1.0)), tone
    )
    vivid = source
    vivid *= np.float32(1.7)
    vivid -= (tone * np.float32(0.7))[..., None]
    grade *= np.float32(0.52)
    grade += np.clip(vivid, 0, 1) * np.float32(0.5)
    tubes = np.multiply(lines[..., None], hue, out=hue)
    shining = np.clip(vivid - np.float32(0.55), 0, 1, out=vivid)
    shining *= np.float32(0.8)
    shining += tubes
    for light, strength in ((blur(shining, 6 * unit), 1.1), (blur(shining, 28 * unit), 1.3), (tubes, 0.75)):
        grade += light * np.float32(strength)
    stage.pixels = grade
    vignette(stage, 0.5)


def vaporwave(stage: Stage) -> None:
    """Pink and turquoise, scan lines, a little bloom."""
    tone = luma(stage.pixels)
    grade = ramp(((0.14, 0.05, 0.3), (0.5, 0.2, 0.65), (0.98, 0.45, 0.7), (0.55, 0.92, 0.95), (1.0, 0.98, 0.9)), tone)
    grade *= np.float32(0.68)
    grade += stage.pixels * np.float32(0.36)
    stage.pixels = grade
    bloom(stage, 0.6, 0.8, 16)
    lines = 0.94 + 0.06 * np.cos(np.arange(stage.height, dtype=np.float32) * 6.2832 / max(3.0, 4 * stage.unit))
    stage.pixels *= lines[:, None, None]
    vignette(stage, 0.3)


def vintage(stage: Stage) -> None:
    """An old print: sepia, lifted blacks, blotches, scratches, a pale border."""
    tone = luma(stage.pixels)
    sepia = ramp(((0.2, 0.13, 0.09), (0.55, 0.41, 0.28), (0.86, 0.74, 0.55), (0.98, 0.93, 0.8)), tone)
    sepia *= np.float32(0.82)
    sepia += stage.pixels * np.float32(0.18)
    stage.pixels = sepia
    blotch = fractal(stage.chance("blotch"), stage.height, stage.width, cells=5, octaves=6) - 0.5
    stage.pixels *= (1 + blotch * 0.26)[..., None]
    vignette(stage, 0.55)
    grain(stage, 0.035)
    rng = stage.chance("scratches")
    for _ in range(7):
        x = int(rng.integers(0, stage.width))
        y0 = int(rng.integers(0, stage.height // 2))
        stage.pixels[y0 : y0 + int(stage.height * rng.uniform(0.1, 0.5)), x : x + 1] += np.float32(
            rng.uniform(0.06, 0.16)
        )
    edge = max(2, int(26 * stage.unit))
    border = np.ones((stage.height, stage.width), np.float32)
    border[edge:-edge, edge:-edge] = 0
    stage.blend(tinted(1 + blotch * 0.1, (0.95, 0.91, 0.82)), blur(border, 0.8))


def mono(stage: Stage) -> None:
    """Silver gelatin: strong contrast, no colour, grain."""
    tone = luma(stage.pixels)
    low, high = (float(edge) for edge in np.percentile(tone[::8, ::8], (1, 99)))
    tone = np.clip((tone - low) * (1 / max(high - low, 0.05)), 0, 1)
    curve = tone + 0.45 * (tone - 0.5) * tone * (1 - tone) * 4
    stage.pixels = tinted(curve, (1.0, 0.992, 0.975))
    vignette(stage, 0.45)
    grain(stage, 0.026)
