"""The backdrop of a scene: which view it is, and for a landscape the order in which its parts are laid."""

import numpy as np

from generator.engines.sketch.lexicon import table
from generator.engines.sketch.paint.city import CITY
from generator.engines.sketch.paint.far import FAR
from generator.engines.sketch.paint.ground import ground_row, paint_ground
from generator.engines.sketch.paint.interiors import INTERIORS
from generator.engines.sketch.paint.plants import GROWTHS, paint_growth, paint_tufts
from generator.engines.sketch.paint.sky import paint_sky
from generator.engines.sketch.paint.stage import Stage
from generator.engines.sketch.paint.views import VIEWS
from generator.engines.sketch.paint.water import paint_shore, paint_water, shore
from generator.engines.sketch.scene import Scene

_SHORE_SHARE = {"beach": 0.66, "lake": 0.74, "coast": 0.76}
_LAND_VIEWS = {**INTERIORS, **VIEWS}


def view_of(scene: Scene) -> str:
    """The painter of the whole backdrop: that of the leading setting, or "land"."""
    if "isometric" in scene.styles and scene.settings[0] not in ("space", "abstract"):
        return "isometric"
    return str(table("settings")[scene.settings[0]].get("view", "land"))


def paint_backdrop(stage: Stage) -> None:
    """The sky, what is far, and the ground; a view that is no landscape whole."""
    painter = _LAND_VIEWS.get(view_of(stage.scene))
    if painter is not None:
        painter(stage)
        return
    paint_sky(stage, stage.horizon + 2)
    for name in _features(stage, "far"):
        (FAR.get(name) or CITY[name])(stage)
    water = next(
        (table("settings")[name]["water"] for name in stage.scene.settings if "water" in table("settings")[name]), None
    )
    land = next((name for name in stage.scene.settings if "ground" in table("settings")[name]), None)
    if water is None:
        paint_ground(stage, ground_row(stage, land or "meadow"), stage.horizon)
    else:
        _waterside(stage, water, land)


def paint_middle(stage: Stage) -> None:
    """What grows or is built between the horizon and the subjects."""
    if view_of(stage.scene) != "land":
        return
    for name in _features(stage, "mid"):
        if name in GROWTHS:
            paint_growth(stage, name, stage.height * 0.97)
        else:
            CITY[name](stage)


def _features(stage: Stage, rank: str) -> list[str]:
    """The features of all settings, each once; what the negative prompt names stays away."""
    names = [feature for setting in stage.scene.settings for feature in table("settings")[setting][rank]]
    return [name for name in dict.fromkeys(names) if stage.wants(name)]


def _waterside(stage: Stage, water: str, land: str | None) -> None:
    """Water from the horizon down, and the near shore where there is land."""
    if land is None or not stage.has_bank:
        paint_water(stage, water, stage.horizon)
        return
    line = shore(stage, _SHORE_SHARE.get(land, 0.72), 0.09)
    sky = np.copy(stage.pixels)
    paint_ground(stage, ground_row(stage, land), stage.horizon)
    ground = np.copy(stage.pixels)
    stage.pixels = sky
    paint_water(stage, water, stage.horizon)
    paint_shore(stage, np.asarray(line, np.float32), ground, foam=water == "sea")


def paint_foreground(stage: Stage, lowest: float) -> None:
    """What grows at the lower edge, in front of the subjects, when there is room below their feet."""
    if view_of(stage.scene) != "land":
        return
    land = next((name for name in stage.scene.settings if "ground" in table("settings")[name]), None)
    if not stage.has_bank:
        return
    if land is not None and lowest < stage.height * 0.985:
        paint_tufts(stage, str(ground_row(stage, land).get("tuft", "none")))
