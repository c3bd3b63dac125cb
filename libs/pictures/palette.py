"""The dominant colours of a picture: its pixels gathered around the commonest of them, the largest gathering first."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
MOST_COLOURS: Final = 5
_MOST_SEEDS: Final = 12
_APART: Final = 0.12
"""Distance in Oklab between two colours that a palette shows apart: black to white is 1, red to orange about 0.15."""
_SMALLEST_SHARE: Final = 0.01


def dominant(pixels: NDArray[np.uint8], perceived: NDArray[np.floating[Any]]) -> list[Colour]:
    """At most five colours by the area that they cover, of pixels as rows of red, green, blue, and the same in Oklab.

    A colour is the median of what was gathered, so that a flat area gives exactly its own. What covers less than a hundredth
    is left out, unless it is all there is.
    """
    if not len(pixels):
        return []
    seeds = _seeds(pixels, perceived)
    nearest = np.argmin(((perceived[:, None, :] - seeds[None, :, :]) ** 2).sum(axis=2), axis=1)
    counts = np.bincount(nearest, minlength=len(seeds))
    by_area = np.argsort(-counts, kind="stable")[:MOST_COLOURS]
    shown = [group for group in by_area if counts[group] >= _SMALLEST_SHARE * len(pixels)]
    return [_median(pixels[nearest == group]) for group in shown]


def _seeds(pixels: NDArray[np.uint8], perceived: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """The means of the fullest of 4096 cells, each apart from all before it."""
    cells = ((pixels >> 4).astype(np.int64) * (256, 16, 1)).sum(axis=1)
    counts = np.bincount(cells, minlength=4096)
    sums = [np.bincount(cells, weights=perceived[:, channel], minlength=4096) for channel in range(3)]
    means = np.stack(sums, axis=1) / np.maximum(counts, 1)[:, None]
    seeds: list[NDArray[np.floating[Any]]] = []
    for cell in np.argsort(-counts, kind="stable"):
        if counts[cell] == 0 or len(seeds) == _MOST_SEEDS:
            break
        if all(np.linalg.norm(means[cell] - seed) >= _APART for seed in seeds):
            seeds.append(means[cell])
    return np.stack(seeds)


def _median(pixels: NDArray[np.uint8]) -> Colour:
    red, green, blue = (int(value) for value in np.median(pixels, axis=0))
    return red, green, blue
