"""Magnific's upscalers, as data: what each takes (in the notation of filling.py), how it writes a factor, and how large it draws.

Source: upstreams/14-magnific.md, as of 2026-11-20. That the first precision upscaler always doubles is unverified.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Upscaler:
    """One operation of the vendor."""

    inputs: str
    factors: Mapping[int, str]
    """Those it knows, as it writes them; an empty text is not sent."""
    most_side: int = 0
    """Of the result; 0 for any."""
    most_pixels: int = 0
    """Of the result; 0 for any."""


_PRECISION = "image* sharpen:num=0..100 smart_grain:num=0..100 ultra_detail:num=0..100 filter_nsfw:bool"
UPSCALERS: Mapping[str, Upscaler] = {
    "image-upscaler-precision-v2": Upscaler(
        f"{_PRECISION} scale_factor:num flavor=sublime,photo,photo_denoiser",
        factors={2: "2", 4: "4", 8: "8", 16: "16"},
        most_side=10_060,
    ),
    "image-upscaler-precision": Upscaler(_PRECISION, factors={2: ""}),
    "image-upscaler": Upscaler(
        "image* scale_factor=2x,4x,8x,16x prompt creativity:num=-10..10 hdr:num=-10..10 resemblance:num=-10..10"
        " fractality:num=-10..10"
        " optimized_for=standard,soft_portraits,hard_portraits,art_n_illustration,videogame_assets,nature_n_landscapes,"
        "films_n_photography,3d_renders,science_fiction_n_horror"
        " engine=automatic,magnific_illusio,magnific_sharpy,magnific_sparkle filter_nsfw:bool",
        factors={2: "2x", 4: "4x", 8: "8x", 16: "16x"},
        most_pixels=25_300_000,
    ),
}
CONCEPTS: Mapping[str, str] = {"image": "picture", "prompt": "prompt"}
SHORTEST_SIDE = 160
"""Of an input, in pixels."""
LONGEST_RATIO = 3.0
"""Of an input's sides."""
