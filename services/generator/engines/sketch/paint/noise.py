"""Smooth random fields and curves, made by interpolating small random grids with matrix products."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[Any]


@lru_cache(maxsize=64)
def _weights(length: int, cells: int) -> Field:
    """The cubic (Catmull-Rom) interpolation of `cells` + 3 knots at `length` places, as a matrix."""
    at = np.linspace(0, cells, length, endpoint=False, dtype=np.float32)
    knot = np.floor(at).astype(int)
    t = at - knot
    parts = (
        -0.5 * t + t**2 - 0.5 * t**3,
        1 - 2.5 * t**2 + 1.5 * t**3,
        0.5 * t + 2 * t**2 - 1.5 * t**3,
        -0.5 * t**2 + 0.5 * t**3,
    )
    weights = np.zeros((length, cells + 3), np.float32)
    rows = np.arange(length)
    for offset, part in enumerate(parts):
        weights[rows, knot + offset] += part
    return weights


def smooth(rng: np.random.Generator, height: int, width: int, rows: int, columns: int) -> Field:
    """A smooth field of `rows` by `columns` bumps, about 0 to 1, of shape (height, width)."""
    rows, columns = max(1, min(rows, height)), max(1, min(columns, width))
    grid = rng.random((rows + 3, columns + 3), dtype=np.float32)
    field: Field = _weights(height, rows) @ grid @ _weights(width, columns).T
    return field


def fractal(
    rng: np.random.Generator, height: int, width: int, *, cells: float, octaves: int = 4, stretch: float = 1.0
) -> Field:
    """Fractal noise, 0 to 1 about 0.5: `cells` bumps along the longer side, `stretch` times as wide as high."""
    side = max(height, width)
    norm = 2 - 0.5 ** (octaves - 1)
    down, across = [], []
    for octave in range(octaves):
        count = cells * 2**octave
        rows = max(1, min(round(count * height / side), height))
        columns = max(1, min(round(count * width / side / stretch), width))
        grid = rng.random((rows + 3, columns + 3), dtype=np.float32)
        grid *= np.float32(0.5**octave / norm)
        down.append(_weights(height, rows) @ grid)
        across.append(_weights(width, columns))
    # One product over the octaves side by side adds them up on the way.
    total: Field = np.concatenate(down, axis=1) @ np.concatenate(across, axis=1).T
    return total


def bump(distance: Field) -> Field:
    """1 at 0, falling like a bell to exactly 0 at 2 either way; unlike an exponential it leaves no denormal numbers to crawl on."""
    low: Field = np.clip(1 - distance * distance * np.float32(0.25), 0, 1)
    low *= low
    low *= low
    return low


def lowered(field: Field, rows: int) -> Field:
    """The field moved down by `rows`, its first row repeated above."""
    index = np.clip(np.arange(field.shape[0]) - rows, 0, None)
    return np.take(field, index, axis=0)


def curve(rng: np.random.Generator, length: int, bumps: float, octaves: int, roughness: float = 0.5) -> Field:
    """A fractal curve, 0 to 1 about 0.5, of `length` points."""
    total = np.zeros(length, np.float32)
    weight, norm = 1.0, 0.0
    for octave in range(octaves):
        cells = max(1, min(round(bumps * 2**octave), length))
        total += weight * (_weights(length, cells) @ rng.random(cells + 3, dtype=np.float32))
        norm += weight
        weight *= roughness
    return total / np.float32(norm)


def peaks(rng: np.random.Generator, length: int, bumps: float, octaves: int = 7, roughness: float = 0.5) -> Field:
    """A curve of sharp crests, 0 to 1: for mountains. Linear between knots, so that slopes are straight and tops are points."""
    total = np.zeros(length, np.float32)
    weight = 1.0
    for octave in range(octaves):
        cells = max(2, min(round(bumps * 2**octave), length))
        knots = rng.random(cells + 2, dtype=np.float32)
        knots[::2] *= 0.45 if octave == 0 else 1.0
        shift = rng.random()
        total += weight * np.interp(np.linspace(shift, cells + shift, length), np.arange(cells + 2), knots).astype(
            np.float32
        )
        weight *= roughness
    low, high = float(total.min()), float(total.max())
    return (total - low) / np.float32(max(high - low, 1e-6))
