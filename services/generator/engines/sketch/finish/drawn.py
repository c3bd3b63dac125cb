"""Finishes of the pen: line art, pencil, charcoal, blueprint."""

import numpy as np

from generator.engines.sketch.finish.light import luma
from generator.engines.sketch.finish.painted import paper
from generator.engines.sketch.paint.noise import Field, fractal
from generator.engines.sketch.paint.raster import blur, remap, tinted
from generator.engines.sketch.paint.stage import Stage


def _contours(stage: Stage, width: float, gain: float) -> Field:
    """Ink along edges of tone and of colour, 0 to 1."""
    soft = blur(stage.pixels, width * stage.unit)
    down = np.diff(soft, axis=0, append=soft[-1:])
    right = np.diff(soft, axis=1, append=soft[:, -1:])
    down *= down
    right *= right
    down += right
    strength = np.sqrt(down[..., 0] + down[..., 1] + down[..., 2])
    ink: Field = np.clip(strength * (stage.unit * gain) - 0.3, 0, 1)
    return ink


def _wobbled(stage: Stage, field: Field, amount: float) -> Field:
    """The unsteadiness of a hand."""
    rng = stage.chance("hand")
    dx = (fractal(rng, stage.height, stage.width, cells=24, octaves=2) - 0.5) * amount * stage.unit
    dy = (fractal(rng, stage.height, stage.width, cells=24, octaves=2) - 0.5) * amount * stage.unit
    moved: Field = remap(field, dx, dy)
    return moved


def _hatching(stage: Stage, tone: Field, *, angle: float, pitch: float, below: float, softness: float) -> Field:
    """Parallel strokes where the picture is darker than `below`."""
    x, y = np.arange(stage.width, dtype=np.float32)[None, :], np.arange(stage.height, dtype=np.float32)[:, None]
    wave = fractal(stage.chance("hatch"), stage.height, stage.width, cells=5, octaves=3)
    phase = (x * np.cos(angle) + y * np.sin(angle)) / (pitch * stage.unit) + wave * 3
    strokes = np.clip(np.sin(phase * 6.2832) * softness - softness * 0.35, 0, 1)
    hatched: Field = strokes * np.clip((below - tone) * 5, 0, 1)
    return hatched


def line(stage: Stage) -> None:
    """Clean black contours on white, a touch of hatching in the deepest tones."""
    ink = _wobbled(stage, _contours(stage, 1.1, 20), 3)
    tone = blur(luma(stage.pixels), 2 * stage.unit)
    level = float(np.percentile(tone[::8, ::8], 14))
    hatch = _hatching(stage, tone, angle=0.8, pitch=7.5, below=min(0.42, level + 0.02), softness=2.2) * np.float32(0.5)
    stage.pixels = tinted(0.99 - 0.93 * np.clip(ink + hatch, 0, 1), (1, 1, 1))


def pencil(stage: Stage) -> None:
    """Graphite: grey contours, two directions of hatching for the tones, the tooth of the paper."""
    tooth = paper(stage) + 0.5
    tone = _even(blur(luma(stage.pixels), 1.5 * stage.unit))
    ink = _wobbled(stage, _contours(stage, 1.0, 17), 4) * np.float32(0.85)
    strokes = _hatching(stage, tone, angle=0.75, pitch=4.6, below=0.78, softness=1.2) * 0.34
    strokes += _hatching(stage, tone, angle=-0.6, pitch=5.2, below=0.46, softness=1.2) * 0.38
    wash = np.clip(0.85 - tone, 0, 1) * 0.42
    dark = np.clip(ink + strokes + wash, 0, 1) * (0.62 + 0.75 * tooth)
    stage.pixels = tinted(np.clip(dark, 0, 0.9), (-0.92, -0.91, -0.87))
    stage.pixels += np.asarray((0.97, 0.96, 0.935), np.float32)


def _even(tone: Field) -> Field:
    """Stretched so that the darkest and the lightest are far apart, whatever the hour."""
    low, high = (float(edge) for edge in np.percentile(tone[::8, ::8], (2, 96)))
    stretched: Field = np.clip((tone - low) * (1 / max(high - low, 0.06)), 0, 1)
    return stretched


def charcoal(stage: Stage) -> None:
    """Broad smudged blacks on grey paper, with lifted lights."""
    tooth = paper(stage) * 1.3 + 0.5
    tone = _even(luma(stage.pixels))
    ink = blur(_wobbled(stage, _contours(stage, 2.0, 24), 6), 0.8 * stage.unit)
    smudge = blur(1 - tone, 5 * stage.unit) * 0.5 + (1 - tone) * 0.5
    dark = np.clip(smudge * 1.05 - 0.12, 0, 1) * np.clip(0.35 + tooth * 1.25, 0, 1.1) + ink * 0.6
    gray = 0.9 - np.clip(dark, 0, 0.86)
    stage.pixels = tinted(gray, (1.0, 0.985, 0.95))


def blueprint(stage: Stage) -> None:
    """White lines on blue with a grid."""
    ink = _contours(stage, 1.0, 20)
    x, y = np.arange(stage.width, dtype=np.float32)[None, :], np.arange(stage.height, dtype=np.float32)[:, None]
    pitch = 32 * stage.unit
    fine = ((x % pitch < 1) | (y % pitch < 1)).astype(np.float32) * 0.1
    bold = ((x % (pitch * 4) < 1.6) | (y % (pitch * 4) < 1.6)).astype(np.float32) * 0.12
    wear = fractal(stage.chance("paper"), stage.height, stage.width, cells=6, octaves=5) - 0.5
    light = np.clip(ink + fine + bold + (_even(luma(stage.pixels)) * 0.1), 0, 1)
    stage.pixels = tinted((1 + wear * 0.3) * (1 - light), (0.07, 0.22, 0.47))
    stage.pixels += tinted(light, (0.9, 0.95, 1.0))
