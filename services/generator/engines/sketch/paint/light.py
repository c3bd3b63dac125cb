"""The light of a scene follows from its hour, its weather, its palette and its styles."""

import zlib

import numpy as np

from generator.engines.sketch.lexicon import rgb, table
from generator.engines.sketch.paint.stage import Light, luminance, mix, scaled, times
from generator.engines.sketch.scene import Rgb, Scene

_GREY = (0.62, 0.65, 0.7)
_DARK_HOURS = frozenset({"night", "dusk"})


def weather_rows(scene: Scene) -> list[dict[str, object]]:
    """The scene's weather as rows of the lexicon; clear when it names none."""
    return [table("weather")[name] for name in scene.weather] or [table("weather")["clear"]]


def most(scene: Scene, fact: str) -> float:
    """The strongest of one number over the scene's weather."""
    return max(float(row[fact]) for row in weather_rows(scene))  # type: ignore[arg-type]


def is_true(scene: Scene, fact: str) -> bool:
    """Whether any of the scene's weather says so ("snowy", "wet")."""
    return any(bool(row.get(fact)) for row in weather_rows(scene)) or any(
        bool(table("settings").get(name, {}).get(fact)) for name in scene.settings
    )


def light_of(scene: Scene, seed: int, horizon_share: float) -> Light:
    """The light; the seed decides from which side it comes."""
    hour = table("hours")[scene.hour]
    dim, cloud = most(scene, "dim"), most(scene, "cloud")
    haze_amount = most(scene, "haze") if "haze" not in scene.excluded else 0.0
    dark = scene.hour in _DARK_HOURS
    bright = 1 - dim * (0.45 if dark else 1.0)
    grey = scaled(_GREY, 0.28 if scene.hour == "night" else 0.55 if dark else 1.0)
    dull = max(0.0, cloud - 0.35) * 0.85
    sky = tuple(scaled(mix(rgb(code), grey, dull), bright) for code in hour["sky"])
    sky = _tinted(sky, scene)
    ambient = scaled(mix(rgb(hour["ambient"]), scaled(grey, 1.3), dull * 0.5), bright)
    haze = mix(scaled(mix(rgb(hour["haze"]), scaled(grey, 1.2), dull), bright), sky[2], 0.5)
    side = -1.0 if np.random.default_rng([seed & 0xFFFFFFFF, zlib.crc32(b"side")]).random() < 0.5 else 1.0
    elevation = float(hour["elevation"])
    source = (0.5 + side * (0.12 + 0.16 * elevation), horizon_share * (1 - elevation))
    return Light(
        sky=(sky[0], sky[1], sky[2]),
        color=rgb(hour["light"]),
        ambient=ambient,
        haze=haze,
        haziness=haze_amount,
        shadow=(0.2 if dark else 0.42) * (1 - 0.7 * cloud),
        stars=float(hour["stars"]) * max(0.0, 1 - cloud * 1.1),
        direction=(-side * 0.75, 0.6),
        source=source,
        is_dark=scene.hour == "night",
    )


def _tinted(sky: tuple[Rgb, ...], scene: Scene) -> tuple[Rgb, ...]:
    """A named sky colour rules; else the palette tints it a little, at the sky's own brightness."""
    if scene.sky_color is not None:
        return tuple(mix(part, _lit_as(scene.sky_color, part, 0.6), 0.72) for part in sky)
    if scene.palette:
        picks = [scene.palette[index % len(scene.palette)] for index in range(3)]
        return tuple(mix(part, _lit_as(pick, part, 0.85), 0.6) for part, pick in zip(sky, picks, strict=True))
    return sky


def _lit_as(color: Rgb, like: Rgb, share: float) -> Rgb:
    factor = min(2.0, (luminance(like) + 0.05) / (luminance(color) + 0.05))
    lit = scaled(color, 1 + (factor - 1) * share)
    return min(lit[0], 1.0), min(lit[1], 1.0), min(lit[2], 1.0)


def lit(color: Rgb, light: Light) -> Rgb:
    """A local colour under the scene's light."""
    return times(color, light.ambient)
