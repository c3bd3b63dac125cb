"""Drawing a request: the prompt becomes a scene, the scene a composition, the composition pixels, the pixels a finished picture."""

from dataclasses import dataclass

import numpy as np

from generator.engines.sketch.codec import decode, decode_mask
from generator.engines.sketch.compose import Frame, Layout, Placed, horizon_share, needs_bank, place
from generator.engines.sketch.finish import finish
from generator.engines.sketch.lexicon import Lexicon, table
from generator.engines.sketch.paint.backdrop import paint_backdrop, paint_foreground, view_of
from generator.engines.sketch.paint.light import light_of
from generator.engines.sketch.paint.put import Puppets, put
from generator.engines.sketch.paint.raster import Pixels
from generator.engines.sketch.paint.stage import Stage
from generator.engines.sketch.paint.weather import paint_weather
from generator.engines.sketch.parse import parse
from generator.engines.sketch.request import SketchRequest
from generator.engines.sketch.scene import Scene


@dataclass(frozen=True)
class Drawn:
    """A finished picture, (height, width, 3), sRGB 0 to 1, and the scene it shows."""

    pixels: Pixels
    scene: Scene


def draw(request: SketchRequest, lexicon: Lexicon) -> Drawn:
    """Draws the request. Raises EngineRefused for an unreadable init image or mask."""
    scene = parse(request.prompt, request.negative_prompt, lexicon)
    if request.init_image is not None and (request.strength < 1.0 or request.mask is not None):
        return Drawn(_repainted(request, scene, lexicon), scene)
    stage = painted(scene, request.width, request.height, request.seed, lexicon)
    finish(stage)
    return Drawn(stage.pixels, scene)


def painted(scene: Scene, width: int, height: int, seed: int, lexicon: Lexicon) -> Stage:
    """The scene in pixels, before its style is laid over it."""
    share = horizon_share(scene, width, height)
    stage = Stage(
        scene, light_of(scene, seed, min(share, 0.62)), seed, width, height, horizon=min(height, round(height * share))
    )
    puppets = Puppets(stage, lexicon)
    frame = _frame(stage, needs_bank(scene, lexicon))
    things = place(scene, Layout(frame, lexicon, puppets.width, stage.chance("places")))
    stage.has_bank = frame.has_land
    paint_backdrop(stage)
    for thing in things:
        put(stage, puppets, thing)
    paint_foreground(stage, _lowest(things, stage))
    paint_weather(stage)
    np.clip(stage.pixels, 0, 1, out=stage.pixels)
    return stage


def _frame(stage: Stage, bank: bool) -> Frame:
    rows = [table("settings")[name] for name in stage.scene.settings]
    water = any("water" in row for row in rows)
    return Frame(
        width=stage.width,
        height=stage.height,
        horizon=stage.horizon,
        view=view_of(stage.scene),
        has_land=any("ground" in row for row in rows) and (bank or not water),
        has_water=water,
    )


def _lowest(things: list[Placed], stage: Stage) -> float:
    return max((thing.foot for thing in things if thing.ground == "standing"), default=stage.height * 0.86)


def _repainted(request: SketchRequest, scene: Scene, lexicon: Lexicon) -> Pixels:
    """The source repainted by `strength`; where a mask is black the source stays, exactly.

    Below full strength the source leads: the drawing comes in as strength grows, and the style is laid over the mixture, so
    that a picture can be repainted in another manner without losing what it shows. With a mask, the scene is composed
    into the white region, so that what is asked for appears there, whole.
    """
    assert request.init_image is not None
    source = decode(request.init_image, request.width, request.height)
    if request.strength == 0.0:
        return source
    if request.mask is None:
        return _mixed(request, scene, source, lexicon)
    mask = decode_mask(request.mask, request.width, request.height)
    rows, columns = _white_region(mask)
    if rows.stop - rows.start < 2 or columns.stop - columns.start < 2:
        return source
    fresh = _mixed(request, scene, source[rows, columns], lexicon)
    result = source.copy()
    share = mask[rows, columns, None]
    result[rows, columns] = np.where(
        share <= 0, source[rows, columns], source[rows, columns] * (1 - share) + fresh * share
    )
    return result


def _mixed(request: SketchRequest, scene: Scene, source: Pixels, lexicon: Lexicon) -> Pixels:
    """Source and drawing mixed by strength (slowly at first: half strength keeps two thirds of the source), then styled."""
    height, width = source.shape[:2]
    stage = painted(scene, width, height, request.seed, lexicon)
    stage.pixels = source + (stage.pixels - source) * np.float32(request.strength**1.6)
    mixed = stage.pixels.copy()
    finish(stage)
    result: Pixels = mixed + (stage.pixels - mixed) * np.float32(min(1.0, request.strength * 2))
    return result


def _white_region(mask: Pixels) -> tuple[slice, slice]:
    """The smallest rectangle that holds everything to be repainted."""
    rows, columns = np.flatnonzero((mask > 0).any(1)), np.flatnonzero((mask > 0).any(0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
