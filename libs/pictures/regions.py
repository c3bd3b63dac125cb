"""The regions of a mask are its 8-connected components, found from runs of marked pixels, whatever their number.

Runs of neighbouring rows that touch are joined by letting each point at the lowest that it knows, until nothing changes: all of
it in arrays, since a mask of noise has millions of runs.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.signedinteger[Any]]
MOST_REGIONS: Final = 50


class Box(NamedTuple):
    """A bounding box in pixels."""

    x: int
    y: int
    width: int
    height: int


class _Runs(NamedTuple):
    """Horizontal runs of marked pixels, row by row; ends are not included."""

    rows: Numbers
    starts: Numbers
    ends: Numbers


def regions(marked: NDArray[np.bool_]) -> list[Box]:
    """The boxes of the components with the most pixels, at most 50, the largest first."""
    runs = _runs(marked)
    if not len(runs.rows):
        return []
    labels = _joined(len(runs.rows), *_touching(runs, marked.shape[1]))
    roots, component = np.unique(labels, return_inverse=True)
    areas = np.zeros(len(roots), np.int64)
    np.add.at(areas, component, runs.ends - runs.starts)
    left, top = np.full(len(roots), marked.shape[1]), np.full(len(roots), marked.shape[0])
    right, bottom = np.zeros(len(roots), np.int64), np.zeros(len(roots), np.int64)
    np.minimum.at(left, component, runs.starts)
    np.minimum.at(top, component, runs.rows)
    np.maximum.at(right, component, runs.ends)
    np.maximum.at(bottom, component, runs.rows + 1)
    largest = np.lexsort((left, top, -areas))[:MOST_REGIONS]
    return [Box(int(left[i]), int(top[i]), int(right[i] - left[i]), int(bottom[i] - top[i])) for i in largest]


def _runs(marked: NDArray[np.bool_]) -> _Runs:
    height, width = marked.shape
    padded = np.zeros((height, width + 2), np.int8)
    padded[:, 1:-1] = marked
    steps = np.diff(padded, axis=1)
    rows, starts = np.nonzero(steps == 1)
    _, ends = np.nonzero(steps == -1)
    return _Runs(rows, starts, ends)


def _touching(runs: _Runs, width: int) -> tuple[Numbers, Numbers]:
    """Pairs of runs, by their numbers, that touch across two rows, corners included."""
    stride = width + 2
    above = (runs.rows - 1) * stride
    first = np.searchsorted(runs.rows * stride + runs.ends, above + runs.starts, side="left")
    behind = np.searchsorted(runs.rows * stride + runs.starts, above + runs.ends, side="right")
    counts = np.maximum(behind - first, 0)
    lower = np.repeat(np.arange(len(runs.rows)), counts)
    skipped = np.cumsum(counts) - counts
    upper = np.arange(len(lower)) - np.repeat(skipped - first, counts)
    return lower, upper


def _joined(count: int, lower: Numbers, upper: Numbers) -> Numbers:
    """For each run the lowest number among all that it is joined with."""
    labels = np.arange(count)
    while True:
        one, other = labels[lower], labels[upper]
        differ = one != other
        if not differ.any():
            return labels
        one, other, lower, upper = one[differ], other[differ], lower[differ], upper[differ]
        np.minimum.at(labels, np.maximum(one, other), np.minimum(one, other))
        while not np.array_equal(following := labels[labels], labels):
            labels = following
