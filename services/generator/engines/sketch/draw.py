"""Drawing a request: the prompt becomes a scene, the scene a composition, the composition pixels, the pixels a finished picture."""

from dataclasses import dataclass

import numpy as np

from generator.engines.sketch.codec import decode, decode_mask
from generator.engines.sketch.compose import Frame, Placed, horizon_share, needs_bank, place
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
    stage = painted(scene, request.width, request.height, request.seed, lexicon)
    if request.init_image is not None:
        source = decode(request.init_image, request.width, request.height)
        return Drawn(_over_source(request, stage, source), scene)
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
    things = place(scene, frame, lexicon, puppets.width, stage.chance("places"))
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


def _over_source(request: SketchRequest, stage: Stage, source: Pixels) -> Pixels:
    """The drawing laid over the source by `strength`; where a mask is black the source stays, exactly.

    Below full strength the source leads: the drawing's subjects and light come in as strength grows, and the style is laid over
    the mixture, so that a picture can be repainted in another manner without losing what it shows.
    """
    strength = np.float32(request.strength)
    if request.strength == 0.0:
        return source
    mask = decode_mask(request.mask, request.width, request.height) if request.mask is not None else None
    share = _ease(request.strength)
    stage.pixels = source + (stage.pixels - source) * np.float32(share)
    if mask is not None:
        stage.pixels = source + (stage.pixels - source) * mask[..., None]
    mixed = stage.pixels.copy()
    finish(stage)
    styled = mixed + (stage.pixels - mixed) * np.minimum(np.float32(1), strength * 2)
    if mask is None:
        return styled
    return np.where(mask[..., None] <= 0, source, source + (styled - source) * mask[..., None])


def _ease(strength: float) -> float:
    """Slow at first: half strength keeps two thirds of the source."""
    return strength**1.6
