"""Strewing plants over the land, from far to near, and along the lower edge."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from generator.engines.sketch.lexicon import rgb
from generator.engines.sketch.paint import growth
from generator.engines.sketch.paint.far import hazed
from generator.engines.sketch.paint.growth import Chance, Spot, Tones
from generator.engines.sketch.paint.light import is_true, lit
from generator.engines.sketch.paint.stage import Stage, hexed, mix, scaled
from generator.engines.sketch.scene import Rgb


def _tones(stage: Stage, local: Rgb, trunk: Rgb, near: float) -> Tones:
    distance = (1 - near) * 0.8
    return Tones(
        dark=hexed(hazed(stage, lit(scaled(local, 0.62), stage.light), distance)),
        main=hexed(hazed(stage, lit(local, stage.light), distance)),
        bright=hexed(hazed(stage, lit(mix(local, stage.light.color, 0.3), stage.light), distance)),
        trunk=hexed(hazed(stage, lit(trunk, stage.light), distance)),
        cap=hexed(hazed(stage, lit((0.96, 0.98, 1.0), stage.light), distance * 0.8)),
    )


@dataclass(frozen=True)
class Growth:
    """How one kind of plant is drawn and strewn: `tall` as a share of the picture, `count` for a square picture.

    `clear` keeps the middle free, as a share of the width to either side of the centre for the nearest plants.
    """

    draw: Callable[[Spot, Tones, Chance, bool], str]
    colors: tuple[str, ...]
    trunk: str
    tall: float
    count: int
    clear: float
    nearest: float = 0.82


GROWTHS = {
    "pines": Growth(growth.pine, ("#295738", "#214a38", "#33613b"), trunk="#4d382b", tall=0.85, count=22, clear=0.34),
    "broadleaves": Growth(
        growth.broadleaf, ("#d9731f", "#bf471a", "#e6a633", "#9e6624"), trunk="#543d30", tall=0.72, count=18, clear=0.34
    ),
    "blossoms": Growth(
        growth.broadleaf, ("#f4a9c4", "#f8c3d6", "#ea8fb2"), trunk="#5a4038", tall=0.62, count=12, clear=0.36
    ),
    "palms": Growth(growth.palm, ("#337838", "#458533"), trunk="#806142", tall=0.72, count=5, clear=0.36, nearest=0.6),
    "bushes": Growth(
        growth.bush, ("#4d8033", "#407033"), trunk="#4d331a", tall=0.13, count=10, clear=0.3, nearest=0.55
    ),
    "cacti": Growth(
        growth.cactus, ("#4d8047", "#59854d"), trunk="#4d4d33", tall=0.36, count=7, clear=0.32, nearest=0.6
    ),
    "bamboos": Growth(
        growth.bamboo, ("#669938", "#578533", "#7a9e47"), trunk="#668033", tall=0.9, count=44, clear=0.26
    ),
    "corals": Growth(
        growth.coral,
        ("#eb5c66", "#f29940", "#b859b3", "#4db39e"),
        trunk="#804d4d",
        tall=0.3,
        count=11,
        clear=0.26,
        nearest=0.9,
    ),
    "flowers": Growth(
        growth.flower,
        ("#eb4047", "#facc40", "#d980d1", "#faf2eb", "#6673e6"),
        trunk="#478033",
        tall=0.085,
        count=130,
        clear=0.0,
        nearest=0.98,
    ),
}


def paint_growth(stage: Stage, name: str, floor: float) -> None:
    """Strews one kind of plant between the horizon and `floor` (a row), far ones first, the near ones at the sides."""
    kind = GROWTHS[name]
    rng = stage.chance(name)
    snow = is_true(stage.scene, "snowy")
    colors = _growth_colors(stage, name, kind)
    count = max(3, round(kind.count * stage.width / max(stage.width, stage.height)))
    parts = []
    for near in np.sort(rng.random(count) ** (1.0 if name != "pines" else 0.8)) * kind.nearest:
        spot = _spot(stage, kind, float(near), rng, floor)
        color = colors[int(rng.integers(len(colors)))]
        parts.append(kind.draw(spot, _tones(stage, color, rgb(kind.trunk), float(near)), rng, snow))
    stage.lay("".join(parts))


ISO_GROWTHS = frozenset({"pines", "broadleaves", "blossoms", "palms", "cacti", "bushes"})


def plant_at(stage: Stage, name: str, places: list[tuple[float, float, float]], rng: Chance) -> None:
    """Plants one kind at given places: x, foot and height in pixels."""
    kind = GROWTHS[name]
    colors = _growth_colors(stage, name, kind)
    snow = is_true(stage.scene, "snowy")
    parts = []
    for number, (x, foot, tall) in enumerate(places):
        parts.append(
            kind.draw(
                Spot(x, foot, tall * (0.5 if name == "bushes" else 1.0), 1.0),
                _tones(stage, colors[number % len(colors)], rgb(kind.trunk), 1.0),
                rng,
                snow,
            )
        )
    stage.lay("".join(parts))


def _growth_colors(stage: Stage, name: str, kind: Growth) -> tuple[Rgb, ...]:
    colors = tuple(rgb(code) for code in kind.colors)
    palette = stage.scene.palette
    if palette:
        return tuple(mix(color, palette[index % len(palette)], 0.6) for index, color in enumerate(colors))
    if is_true(stage.scene, "autumn") and name in ("bushes", "bamboos", "flowers"):
        return tuple(rgb(code) for code in GROWTHS["broadleaves"].colors)
    if is_true(stage.scene, "snowy") and name in ("pines", "bushes"):
        return tuple(mix(color, (0.35, 0.42, 0.48), 0.45) for color in colors)
    return colors


def _spot(stage: Stage, kind: Growth, near: float, rng: Chance, floor: float) -> Spot:
    """A place for a plant; nearer ones keep clear of the middle, where the subjects stand."""
    side = rng.choice((-1.0, 1.0))
    gap = kind.clear * min(1.0, near * 1.5)
    x = 0.5 + side * (gap + rng.random() * (0.56 - gap))
    foot = stage.horizon + (floor - stage.horizon) * near**1.3
    tall = stage.height * kind.tall * (0.2 + 0.8 * near) * rng.uniform(0.75, 1.1)
    return Spot(float(x * stage.width), float(foot), float(min(tall, stage.width * 1.1)), near)


def paint_tufts(stage: Stage, kind: str) -> None:
    """The growth at the lower edge, in front of everything: grass, ears, lavender, ferns, stones or a drift of snow."""
    colors = {
        "grass": (0.28, 0.5, 0.18),
        "fern": (0.26, 0.4, 0.2),
        "wheat": (0.85, 0.64, 0.25),
        "lavender": (0.5, 0.38, 0.75),
    }
    if kind not in colors or not stage.wants("tufts"):
        return
    rng = stage.chance("tufts")
    tones = _tones(stage, colors[kind], colors[kind], 1.0)
    height, size = stage.height * (0.13 if kind in ("wheat", "lavender") else 0.075), stage.unit
    parts = []
    for _ in range(int(230 * stage.width / max(stage.width, stage.height))):
        x = rng.uniform(-0.02, 1.02) * stage.width
        edge = abs(x / stage.width - 0.5) * 2
        tall = height * rng.uniform(0.35, 1.0) * (0.45 + 0.75 * edge)
        lean = rng.uniform(-0.5, 0.5) * tall
        y = stage.height + 2
        tone = (tones.dark, tones.main, tones.bright)[int(rng.integers(3))]
        w = size * rng.uniform(2.0, 5.0)
        parts.append(
            f'<path fill="{tone}" d="M{x - w:.1f} {y:.1f}Q{x:.1f} {y - tall * 0.6:.1f} {x + lean:.1f}'
            f' {y - tall:.1f}Q{x + w * 0.6:.1f} {y - tall * 0.5:.1f} {x + w:.1f} {y:.1f}z"/>'
        )
        if kind in ("wheat", "lavender"):
            parts.append(
                f'<ellipse cx="{x + lean:.1f}" cy="{y - tall:.1f}" rx="{w * 1.1:.1f}" ry="{w * 3.2:.1f}'
                f'" fill="{tone}" transform="rotate({np.degrees(np.arctan2(lean, tall)):.0f} {x + lean:.1f}'
                f' {y - tall:.1f})"/>'
            )
    top = max(0, stage.height - int(height * 1.8))
    stage.lay("".join(parts), top)
