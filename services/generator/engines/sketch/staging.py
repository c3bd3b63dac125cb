"""Staging: a scene gets its light, its composition and its paint; what comes out has no style laid over it yet."""

import numpy as np

from generator.engines.sketch.compose import horizon_share, needs_bank, place
from generator.engines.sketch.layout import Frame, Layout, Placed
from generator.engines.sketch.lexicon import Lexicon, table
from generator.engines.sketch.paint.backdrop import paint_backdrop, paint_foreground, paint_middle, view_of
from generator.engines.sketch.paint.light import light_of
from generator.engines.sketch.paint.put import Puppets, put
from generator.engines.sketch.paint.stage import Stage
from generator.engines.sketch.paint.weather import paint_weather
from generator.engines.sketch.scene import Scene


def painted(scene: Scene, width: int, height: int, seed: int, lexicon: Lexicon) -> Stage:
    """The scene in pixels, before its style is laid over it."""
    stage = empty_stage(scene, width, height, seed, lexicon)
    things, puppets = composed(stage, lexicon)
    paint_backdrop(stage)
    far = [thing for thing in things if thing.ground == "far"]
    for thing in far:
        put(stage, puppets, thing)
    paint_middle(stage)
    for thing in things:
        if thing not in far:
            put(stage, puppets, thing)
    paint_foreground(stage, _lowest(things, stage))
    paint_weather(stage)
    np.clip(stage.pixels, 0, 1, out=stage.pixels)
    return stage


def empty_stage(scene: Scene, width: int, height: int, seed: int, lexicon: Lexicon) -> Stage:
    """A stage with its light and horizon set, and nothing on it."""
    share = horizon_share(scene, width, height)
    light = light_of(scene, seed, min(share, 0.62))
    stage = Stage(scene, light, seed, width, height, horizon=min(height, round(height * share)))
    stage.has_bank = needs_bank(scene, lexicon)
    return stage


def composed(stage: Stage, lexicon: Lexicon) -> tuple[list[Placed], Puppets]:
    """The scene's things in their places, and their drawings."""
    puppets = Puppets(stage, lexicon)
    layout = Layout(_frame(stage), lexicon, puppets.width, stage.chance("places"))
    return place(stage.scene, layout), puppets


def _frame(stage: Stage) -> Frame:
    rows = [table("settings")[name] for name in stage.scene.settings]
    water = any("water" in row for row in rows)
    return Frame(
        width=stage.width,
        height=stage.height,
        horizon=stage.horizon,
        view=view_of(stage.scene),
        has_land=any("ground" in row for row in rows) and (stage.has_bank or not water),
        has_water=water,
    )


def _lowest(things: list[Placed], stage: Stage) -> float:
    return max((thing.foot for thing in things if thing.ground == "standing"), default=stage.height * 0.86)
