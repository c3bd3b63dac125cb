"""The nearest shape or size that a vendor draws, and what is said of the difference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.providers.shapes import Bounds, asked_ratio, nearest_ratio, nearest_size, shape_warnings
from generator.sizes import Size, parse_size
from gesso.generator.v1.generator_pb2 import Draw

RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4")


@pytest.mark.parametrize(
    ("size", "expected"),
    [("1024x1024", "1:1"), ("1920x1080", "16:9"), ("1000x1900", "9:16"), ("1100x1000", "1:1"), ("1250x1000", "4:3")],
)
def test_the_nearest_ratio(size: str, expected: str) -> None:
    assert nearest_ratio(parse_size(size), RATIOS) == expected


def test_the_nearest_size_is_of_the_same_shape_and_holds_the_asked_one() -> None:
    sizes = [Size(1024, 1024), Size(1024, 1536), Size(2048, 2048), Size(512, 512)]
    assert nearest_size(Size(700, 700), sizes) == Size(1024, 1024)
    assert nearest_size(Size(3000, 3000), sizes) == Size(2048, 2048)
    assert nearest_size(Size(300, 900), sizes) == Size(1024, 1536)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (Draw(), None),
        (Draw(resolution="2K"), None),
        (Draw(aspect_ratio="9:16"), "9:16"),
        (Draw(aspect_ratio="21:9"), "16:9"),
        (Draw(aspect_ratio="9:16", width=100, height=100), "1:1"),
    ],
)
def test_the_ratio_that_a_draw_asks_for(draw: Draw, expected: str | None) -> None:
    assert asked_ratio(draw, RATIOS) == expected


@given(st.integers(1, 20_000), st.integers(1, 20_000))
def test_a_bounded_size_is_legal(width: int, height: int) -> None:
    drawn = Bounds(min_side=512, max_side=2048, step=16).nearest(Size(width, height))
    assert min(drawn.width, drawn.height) >= 512
    assert max(drawn.width, drawn.height) <= 2048
    assert drawn.width % 16 == drawn.height % 16 == 0


@given(st.integers(256, 4096), st.integers(256, 4096))
def test_an_area_is_kept_within_its_bounds_as_far_as_the_shape_allows(width: int, height: int) -> None:
    bounds = Bounds(min_side=64, max_side=16_384, step=8, min_pixels=921_600, max_pixels=4_194_304)
    drawn = bounds.nearest(Size(width, height))
    assert 921_600 <= drawn.pixel_count <= 4_194_304
    assert abs(drawn.width / drawn.height - width / height) <= 0.03 * width / height


@given(st.integers(64, 2048), st.integers(64, 2048))
def test_a_bounded_ratio_is_kept_and_the_area_with_it(width: int, height: int) -> None:
    bounds = Bounds(min_side=240, max_side=16_384, step=8, min_pixels=921_600, max_pixels=16_777_216, max_ratio=16)
    drawn = bounds.nearest(Size(width, height))
    assert max(drawn.width, drawn.height) <= 16 * min(drawn.width, drawn.height)
    assert 921_600 <= drawn.pixel_count <= 16_777_216
    assert drawn.width % 8 == drawn.height % 8 == 0


def test_a_legal_size_is_left_alone() -> None:
    assert Bounds().nearest(Size(1024, 768)) == Size(1024, 768)


def test_another_shape_is_told_and_another_size_of_the_same_is_not() -> None:
    assert shape_warnings("acme", Draw(width=1920, height=1080), "16:9") == ()
    assert shape_warnings("acme", Draw(width=2000, height=1000), Size(1000, 500)) == ()
    assert shape_warnings("acme", Draw(), None) == ()
    (warning,) = shape_warnings("acme", Draw(width=2000, height=1000), "16:9")
    assert "2000x1000" in warning
    (warning,) = shape_warnings("acme", Draw(aspect_ratio="21:9"), None)
    assert "21:9" in warning
