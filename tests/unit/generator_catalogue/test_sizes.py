"""Which size a draw asks for, and which one a vendor is asked for in its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.providers.openai_request import legal_size
from generator.sizes import Size, parse_size, requested_size, shaped
from gesso.generator.v1.generator_pb2 import Draw
from testkit.upstreams.openai_rules import refusal_of

_SIDES = st.integers(1, 9000)


@pytest.mark.parametrize(
    ("draw", "expected"),
    [
        (Draw(), None),
        (Draw(width=800, height=600), Size(800, 600)),
        (Draw(width=800, height=600, aspect_ratio="1:1", resolution="4K"), Size(800, 600)),
        (Draw(aspect_ratio="1:1"), Size(1024, 1024)),
        (Draw(resolution="2K"), Size(2048, 2048)),
        (Draw(aspect_ratio="16:9"), Size(1360, 768)),
        (Draw(aspect_ratio="9:16", resolution="2K"), Size(1536, 2720)),
    ],
)
def test_pixels_go_before_shape_and_resolution(draw: Draw, expected: Size | None) -> None:
    assert requested_size(draw) == expected


@given(width=st.integers(1, 64), height=st.integers(1, 64), side=st.sampled_from([512, 1024, 2048, 4096]))
def test_a_shape_never_has_more_pixels_than_its_resolution(width: int, height: int, side: int) -> None:
    assert shaped(width / height, side**2).pixel_count <= side**2


@pytest.mark.parametrize("text", ["auto", "1024", "0x5", "1024x", "1024X1024", " 1x1"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no size"):
        parse_size(text)


@given(width=_SIDES, height=_SIDES)
def test_openai_is_asked_only_for_sizes_that_it_draws(width: int, height: int) -> None:
    asked = {"model": "gpt-image-2", "prompt": "x", "size": str(legal_size(Size(width, height)))}
    assert refusal_of(asked, {name: lambda _: True for name in asked}) is None


@given(width=st.integers(1, 3840), height=st.integers(1, 2160))
def test_openai_is_asked_for_a_size_that_holds_the_one_asked_for(width: int, height: int) -> None:
    drawn = legal_size(Size(width, height))
    assert drawn.width >= width
    assert drawn.height >= height


@pytest.mark.parametrize(
    ("asked", "drawn"),
    [
        ("1024x1024", "1024x1024"),
        ("1792x1024", "1792x1024"),
        ("1024x768", "1024x768"),
        ("256x256", "1024x1024"),
        ("512x512", "1024x1024"),
        ("1920x1080", "1920x1088"),
        ("4096x4096", "2160x2160"),
    ],
)
def test_openai_is_asked_for_the_nearest_size(asked: str, drawn: str) -> None:
    assert str(legal_size(parse_size(asked))) == drawn
