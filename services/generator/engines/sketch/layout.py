"""A layout is what composition works with: the frame, the things placed in it, and how large they would be."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from generator.engines.sketch.lexicon import Lexicon, table
from generator.engines.sketch.scene import Subject


@dataclass(frozen=True)
class Placed:
    """One thing in its place: the middle of its foot in pixels, its height in pixels, how near it is and how it touches.

    `ground` is standing (casts a shadow), islet (stands on a rock in the water), water (is mirrored), far (rises from the horizon)
    or air. `order` sorts from back to front. `rides` is sitting astride.
    """

    subject: Subject
    copy: int
    x: float
    foot: float
    height: float
    near: float
    ground: str
    flip: bool
    order: float
    rides: bool = False


@dataclass(frozen=True)
class Frame:
    """What composition must know of the picture: its size and its horizon in pixels, and where land ends."""

    width: int
    height: int
    horizon: int
    view: str
    has_land: bool
    has_water: bool


@dataclass(frozen=True)
class Layout:
    """What every rule of composition may ask: the frame, the lexicon, a subject's width at a height, and seeded chance."""

    frame: Frame
    lexicon: Lexicon
    widths: Callable[[Subject, float], float]
    rng: np.random.Generator


@dataclass(frozen=True)
class Slot:
    """One subject's part in the composition: its place across (0 to 1), its rank, among how many, where it is at home,
    whether another thing stands on it, its height in metres (or of what it carries) and that of the tallest of all, and its share
    of the width by its count.
    """

    across: float
    rank: int
    among: int
    home: str
    carries: bool
    size: float
    largest: float
    share: float


Spot = tuple[float, float, float]  # across and foot in pixels, and the height: in pixels, or beside the other copies


def seat_of(subject: Subject, layout: Layout) -> float:
    """How high above its foot a thing carries what is on it, as a share of its height."""
    usual = 0.6 if layout.lexicon.traits(subject.name).habitat in ("ground", "indoor") else 0.9
    return float(table("subjects")["seat"].get(subject.name, usual))
