"""A palette names what covers a picture, in colours that are in it."""

import numpy as np

from pictures.palette import dominant

RED, BLUE, GREEN = (255, 87, 51), (51, 87, 255), (51, 255, 87)
PERCEIVED = {RED: (0.7, 0.2, 0.1), BLUE: (0.5, 0.0, -0.2), GREEN: (0.9, -0.2, 0.1)}


def palette(*areas: tuple[tuple[int, int, int], int]) -> list[tuple[int, int, int]]:
    pixels = np.array([colour for colour, count in areas for _ in range(count)], np.uint8).reshape(-1, 3)
    perceived = np.array([PERCEIVED[colour] for colour, count in areas for _ in range(count)]).reshape(-1, 3)
    return dominant(pixels, perceived)


def test_flat_areas_give_exactly_their_colours_by_area() -> None:
    assert palette((RED, 20), (BLUE, 50), (GREEN, 30)) == [BLUE, GREEN, RED]


def test_what_covers_less_than_a_hundredth_is_left_out() -> None:
    assert palette((RED, 1), (BLUE, 999)) == [BLUE]


def test_nothing_seen_is_no_colour() -> None:
    assert palette() == []


def test_a_smooth_picture_has_at_most_five_that_differ_to_the_eye() -> None:
    steps = np.linspace(0, 1, 4000)
    pixels = np.stack([steps * 255, 255 - steps * 255, steps * 0], axis=1).astype(np.uint8)
    found = dominant(pixels, np.stack([steps, 1 - steps, steps * 0], axis=1))
    assert len(found) == 5
    assert all(abs(one[0] - other[0]) > 15 for one in found for other in found if one is not other)
