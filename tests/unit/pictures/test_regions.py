"""The regions of a mask are its 8-connected components, whatever their shape and number."""

import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pictures.regions import MOST_REGIONS, Box, regions


def mask(*rows: str) -> NDArray[np.bool_]:
    return np.array([[cell == "#" for cell in row] for row in rows])


def flooded(marked: NDArray[np.bool_]) -> Iterator[tuple[int, Box]]:
    """Pixels and box of each component, found cell by cell."""
    left = {(int(y), int(x)) for y, x in np.argwhere(marked)}
    while left:
        found, edge = set(), [left.pop()]
        while edge:
            y, x = edge.pop()
            found.add((y, x))
            near = {(y + dy, x + dx) for dy in (-1, 0, 1) for dx in (-1, 0, 1)} & left
            left -= near
            edge.extend(near)
        ys, xs = [y for y, _ in found], [x for _, x in found]
        yield len(found), Box(min(xs), min(ys), max(xs) - min(xs) + 1, max(ys) - min(ys) + 1)


@pytest.mark.parametrize(
    ("rows", "boxes"),
    [
        (("...", "..."), []),
        (("###", "###"), [Box(0, 0, 3, 2)]),
        (("#..", ".#.", "..#"), [Box(0, 0, 3, 3)]),
        (("#.#", "#.#", "###"), [Box(0, 0, 3, 3)]),
        (("#..#", "#...", "....", "..##"), [Box(0, 0, 1, 2), Box(2, 3, 2, 1), Box(3, 0, 1, 1)]),
        (("#####", "#...#", "#.#.#", "#...#", "#####"), [Box(0, 0, 5, 5), Box(2, 2, 1, 1)]),
    ],
)
def test_boxes_of_what_touches_also_by_a_corner_largest_first(rows: tuple[str, ...], boxes: list[Box]) -> None:
    assert regions(mask(*rows)) == boxes


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 2**32), st.sampled_from([0.2, 0.4, 0.6]))
def test_any_mask_has_the_regions_that_flooding_finds(height: int, width: int, seed: int, density: float) -> None:
    marked = np.random.default_rng(seed).random((height, width)) < density
    expected = sorted(flooded(marked), key=lambda one: (-one[0], one[1].y, one[1].x))
    assert regions(marked) == [box for _, box in expected][:MOST_REGIONS]


def test_no_more_than_fifty_regions_are_told_and_they_are_the_largest() -> None:
    marked = np.zeros((8, 400), bool)
    for index, height in enumerate(random.Random(1).choices(range(1, 8), k=200)):
        marked[:height, 2 * index] = True
    heights = [box.height for box in regions(marked)]
    assert (len(heights), heights, min(heights)) == (50, sorted(heights, reverse=True), max(6, min(heights)))


def test_millions_of_specks_are_measured_in_a_moment() -> None:
    marked = np.random.default_rng(1).random((2048, 2048)) < 0.3
    assert len(regions(marked)) == MOST_REGIONS
