"""A picture takes over another's colours: mean and deviation of each channel of Oklab are made those of the source.

Source: Reinhard et al., "Color Transfer between Images" (2001), in Oklab in place of their space: its channels are as
independent, and a step in one of them is seen alike everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pyvips

from pictures.opening import WHITE, Call, opaque, resized
from servicekit.frames import Message

_SAMPLE_SIDE: Final = 512
_LARGEST_GAIN: Final = 3.0
"""A picture that is nearly flat would else be stretched until its noise is all that is seen."""
_FLAT: Final = 1e-4


def statistics(_call: Call, data: bytes) -> Message:
    """Mean and deviation of each channel of Oklab, of the first frame on white."""
    means, deviations = _measured(data)
    return Message({"means": means, "deviations": deviations})


def recoloured(image: pyvips.Image, data: bytes, wanted: Mapping[str, Sequence[float]]) -> pyvips.Image:
    """The image, which was decoded from `data`, with the `means` and `deviations` that are wanted; transparency stays."""
    means, deviations = _measured(data)
    gains = [
        min(max(target / max(own, _FLAT), 1 / _LARGEST_GAIN), _LARGEST_GAIN)
        for own, target in zip(deviations, wanted["deviations"], strict=True)
    ]
    shifts = [target - own * gain for own, target, gain in zip(means, wanted["means"], gains, strict=True)]
    shown = image.colourspace("srgb")
    colour = shown.extract_band(0, n=3).colourspace("oklab")
    changed = colour.linear(gains, shifts).copy(interpretation="oklab").colourspace("srgb")
    return changed.bandjoin(shown[3]) if shown.hasalpha() else changed


def _measured(data: bytes) -> tuple[list[float], list[float]]:
    sample = opaque(resized(data, _SAMPLE_SIDE, _SAMPLE_SIDE, "down"), WHITE).colourspace("srgb")
    bands = sample.colourspace("oklab").copy_memory().bandsplit()
    return [band.avg() for band in bands], [band.deviate() for band in bands]
