"""How large a picture is asked for, in the words of every provider; one rule reads them all, by two tables. Pure.

Source: the BIG API document, "Supported Providers" and "Provider Guide"; contract.md, "bigapi"; fal's ImgSize for the names.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from servicekit.faults import InvalidField


@dataclass(frozen=True, slots=True)
class Frame:
    """What a picture is to be like: pixels, or a shape and a resolution; what is 0 or empty is left to the model."""

    width: int = 0
    height: int = 0
    aspect_ratio: str = ""
    resolution: str = ""


MAX_RESOLUTIONS: Mapping[str, str] = {
    "dalle": "1792x1024",
    "imagen-4-ultra": "2K",
    "gpt-image-1": "1536x1024",
    "ideogram-v3": "2K",
    "imagen-4": "2K",
    "flux-kontext": "1536x1024",
    "seedream-4": "4K",
    "seedream-3": "2K",
    "minimax": "1024x1024",
    "imagen-4-fast": "1K",
    "flux-dev": "1024x1024",
    "imagen-3": "1K",
    "qwen-image": "1024x1024",
    "gemini": "1024x1024",
    "reve": "1024x1024",
}
"""By provider, as the document's table has them; its order is that of the credits."""

NAMED: Mapping[str, Frame] = {
    "auto": Frame(),
    "square_hd": Frame(1024, 1024),
    "square": Frame(512, 512),
    "portrait_4_3": Frame(768, 1024),
    "portrait_16_9": Frame(576, 1024),
    "landscape_4_3": Frame(1024, 768),
    "landscape_16_9": Frame(1024, 576),
    "1K": Frame(resolution="1K"),
    "2K": Frame(resolution="2K"),
    "4K": Frame(resolution="4K"),
    "auto_2K": Frame(resolution="2K"),
    "auto_4K": Frame(resolution="4K"),
}
"""Sizes that have a name; which of them a provider takes stands in its shape."""

LEAST_SIDES: Mapping[str, int] = {"seedream-4": 1024}
"""By provider, where the document has a least side."""

_SIDES: Mapping[str, int] = {"1K": 1024, "2K": 2048, "4K": 4096}
"""A resolution's longest side where a size is given in pixels."""


def frame(*, size: str = "", image_size: str = "", aspect_ratio: str = "") -> Frame:
    """What these words ask for together: pixels go before a shape, `size` before `image_size`."""
    found = [_read(word) for word in (size, image_size) if word]
    pixels = next((one for one in found if one.width), None)
    if pixels is not None:
        return pixels
    resolution = next((one.resolution for one in found if one.resolution), "")
    return Frame(aspect_ratio=aspect_ratio, resolution=resolution)


def check_size(word: str, *, field: str, provider: str) -> None:
    """Raise InvalidField for a size beyond the provider's maximum, whichever side is the longer, or below its least side."""
    maximum, least = MAX_RESOLUTIONS[provider], LEAST_SIDES.get(provider, 0)
    longer, shorter = _bounds(_read(word))
    longest, shortest = _bounds(_read(maximum))
    if longer > longest or shorter > shortest:
        raise InvalidField(field, f"`{field}` must be at most {maximum} for {provider}, not {word}.")
    if 0 < shorter < least:
        raise InvalidField(field, f"The sides of `{field}` must be at least {least} pixels for {provider}, not {word}.")


def _read(word: str) -> Frame:
    """A word that a shape has let through: a name, or width and height as `1024x768`."""
    if word in NAMED:
        return NAMED[word]
    width, _, height = word.partition("x")
    return Frame(int(width), int(height))


def _bounds(asked: Frame) -> tuple[int, int]:
    """The longer and the shorter side; (0, 0) where they are left to the model."""
    side = _SIDES.get(asked.resolution, 0)
    sides = (asked.width or side, asked.height or side)
    return max(sides), min(sides)
