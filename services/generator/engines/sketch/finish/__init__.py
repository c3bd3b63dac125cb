"""Finishes: the manner of the picture, laid over the painted scene; data says which one a style asks for."""

from collections.abc import Callable

import numpy as np

from generator.engines.sketch.finish import drawn, light, painted, printed
from generator.engines.sketch.paint.stage import Stage

FINISHES: dict[str, Callable[[Stage], None]] = {
    "watercolor": painted.watercolor,
    "oil": painted.oil,
    "pointillism": painted.pointillism,
    "pastel": painted.pastel,
    "pixel": printed.pixel,
    "comic": printed.comic,
    "flat": printed.flat,
    "lowpoly": printed.lowpoly,
    "glass": printed.glass,
    "woodblock": printed.woodblock,
    "line": drawn.line,
    "pencil": drawn.pencil,
    "charcoal": drawn.charcoal,
    "blueprint": drawn.blueprint,
    "neon": light.neon,
    "vaporwave": light.vaporwave,
    "photo": light.photo,
    "vintage": light.vintage,
    "mono": light.mono,
    "isometric": light.plain,
}
# The order in which several finishes are laid: shapes first, then light, then age and the loss of colour.
_ORDER = (
    *("isometric", "photo", "flat", "watercolor", "oil", "pointillism", "pastel", "comic", "lowpoly", "glass"),
    *("woodblock", "pixel", "neon", "vaporwave", "line", "pencil", "charcoal", "blueprint", "vintage", "mono"),
)
# What is no medium: it may lie over any of them.
_OVER_MEDIA = frozenset({"isometric", "neon", "vaporwave", "vintage", "mono"})


def finish(stage: Stage) -> None:
    """Lays the scene's styles over the picture; a scene without a style gets an illustrator's light finish.

    A picture is made in one medium: of several, each of which would paint over the one before, only the last in the order is
    laid, so that weak words ("realistic", "minimalist") give way to strong ones.
    """
    wanted = [name for name in _ORDER if name in stage.scene.styles]
    media = [name for name in wanted if name not in _OVER_MEDIA]
    wanted = [name for name in wanted if name not in media[:-1]]
    for name in wanted[:3]:
        FINISHES[name](stage)
        np.clip(stage.pixels, 0, 1, out=stage.pixels)
    if not wanted:
        light.plain(stage)
    np.clip(stage.pixels, 0, 1, out=stage.pixels)
