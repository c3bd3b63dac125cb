"""Trees and other growth, drawn as SVG shapes grown by chance, set from far to near."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from generator.engines.sketch.paint.far import hazed
from generator.engines.sketch.paint.light import is_true, lit
from generator.engines.sketch.paint.raster import render
from generator.engines.sketch.paint.stage import Stage, hexed, mix, scaled
from generator.engines.sketch.scene import Rgb

Chance = np.random.Generator


@dataclass(frozen=True)
class Spot:
    """Where a plant stands: its foot in pixels, its height in pixels, and how near it is (0 horizon, 1 lower edge)."""

    x: float
    foot: float
    tall: float
    near: float


@dataclass(frozen=True)
class Tones:
    """A plant's colours under the light at its distance."""

    dark: str
    main: str
    bright: str
    trunk: str
    cap: str


def _tones(stage: Stage, local: Rgb, trunk: Rgb, near: float) -> Tones:
    distance = (1 - near) * 0.8
    return Tones(
        dark=hexed(hazed(stage, lit(scaled(local, 0.62), stage.light), distance)),
        main=hexed(hazed(stage, lit(local, stage.light), distance)),
        bright=hexed(hazed(stage, lit(mix(local, stage.light.color, 0.3), stage.light), distance)),
        trunk=hexed(hazed(stage, lit(trunk, stage.light), distance)),
        cap=hexed(hazed(stage, lit((0.96, 0.98, 1.0), stage.light), distance * 0.8)),
    )


def _pine(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    """A conifer of drooping tiers, the upper over the lower, one side in shade, snow on the boughs."""
    x, foot, tall = spot.x, spot.foot, spot.tall
    half, width = tall * rng.uniform(0.19, 0.24), tall * 0.02
    parts = [f'<path fill="{tones.trunk}" d="M{x - width:.1f} {foot - tall * 0.16:.1f}h{width * 2:.1f}v{tall * 0.16:.1f}h{-width * 2:.1f}z"/>']
    for tier in range(_TIERS, 0, -1):
        share = tier / _TIERS
        low = foot - tall * (0.08 + 0.8 * (1 - share))
        high = min(low - tall * 0.19, foot - tall * (0.2 + 0.8 * (1 - share)) + tall * 0.03)
        wide = half * (0.2 + 0.8 * share) * rng.uniform(0.9, 1.1)
        parts.append(f'<path fill="{tones.main}" d="M{x:.1f} {high:.1f}{_boughs(x, low, wide, tall * 0.035, rng)}z"/>')
        parts.append(f'<path fill="{tones.dark}" fill-opacity=".55" d="M{x:.1f} {high:.1f}L{x - wide:.1f} {low + tall * 0.02:.1f}L{x - wide * 0.25:.1f} {low - tall * 0.03:.1f}z"/>')
        if snow:
            edge = "".join(
                f"L{x + across * wide * 0.8:.1f} {high + (low - high) * (0.5 + 0.36 * abs(across)) + (number % 2) * tall * 0.022 * rng.uniform(0.4, 1.3):.1f}"
                for number, across in enumerate(np.linspace(1, -1, 9))
            )
            parts.append(f'<path fill="{tones.cap}" fill-opacity=".93" d="M{x:.1f} {high:.1f}{edge}z"/>')
    return "".join(parts)


_TIERS = 6


def _boughs(x: float, low: float, wide: float, droop: float, rng: Chance) -> str:
    """The ragged lower edge of a tier, from right to left, its tips hanging lowest."""
    teeth = 5
    edge = []
    for tooth in range(teeth * 2 + 1):
        across = 1 - tooth / teeth
        lift = (tooth % 2) * droop * rng.uniform(0.6, 1.1)
        edge.append(f"L{x + across * wide:.1f} {low + droop * (abs(across) - 0.4) - lift:.1f}")
    return "".join(edge)


def _broadleaf(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    """A leafy tree: a forked trunk under a cloud of crowns, lit from above."""
    x, foot, tall = spot.x, spot.foot, spot.tall
    w = tall * 0.035
    trunk = (
        f'<path fill="{tones.trunk}" d="M{x - w:.1f} {foot:.1f}C{x - w * 0.4:.1f} {foot - tall * 0.2:.1f} {x - w * 0.6:.1f} {foot - tall * 0.3:.1f} {x - tall * 0.12:.1f} {foot - tall * 0.52:.1f}'
        f'L{x:.1f} {foot - tall * 0.4:.1f}L{x + tall * 0.13:.1f} {foot - tall * 0.54:.1f}C{x + w * 0.7:.1f} {foot - tall * 0.3:.1f} {x + w * 0.5:.1f} {foot - tall * 0.2:.1f} {x + w * 1.1:.1f} {foot:.1f}z"/>'
    )
    blobs = []
    for layer, tone in enumerate((tones.dark, tones.main, tones.bright)):
        for _ in range(7 - layer):
            angle, reach = rng.uniform(0, 6.28), rng.uniform(0, 1) ** 0.5
            bx = x + np.cos(angle) * reach * tall * (0.24 - 0.03 * layer) + tall * 0.02 * layer
            by = foot - tall * (0.66 + 0.05 * layer) + np.sin(angle) * reach * tall * (0.2 - 0.03 * layer)
            blobs.append(
                _leafy(
                    bx,
                    by,
                    tall * rng.uniform(0.1, 0.17) * (1 - 0.18 * layer),
                    tones.cap if snow and layer == 2 else tone,
                    rng,
                )
            )
    return trunk + "".join(blobs)


def _leafy(x: float, y: float, radius: float, tone: str, rng: Chance) -> str:
    """A round crown with a ragged edge."""
    points = []
    for step in range(18):
        angle = step / 18 * 6.2832
        r = radius * rng.uniform(0.86, 1.12)
        points.append(f"{x + np.cos(angle) * r:.1f} {y + np.sin(angle) * r * 0.9:.1f}")
    return f'<path fill="{tone}" d="M{"L".join(points)}z"/>'


def _palm(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    """A palm: a bent trunk and a star of arching fronds."""
    lean = spot.tall * rng.uniform(-0.2, 0.2)
    tx, ty, w = spot.x + lean, spot.foot - spot.tall * 0.8, spot.tall * 0.022
    parts = [
        f'<path fill="{tones.trunk}" d="M{spot.x - w * 1.5:.1f} {spot.foot:.1f}Q{spot.x:.1f} {spot.foot - spot.tall * 0.45:.1f} {tx - w * 0.6:.1f} {ty:.1f}h{w * 1.2:.1f}Q{spot.x + w * 1.6:.1f} {spot.foot - spot.tall * 0.45:.1f} {spot.x + w * 1.5:.1f} {spot.foot:.1f}z"/>'
    ]
    for frond in range(11):
        angle = -2.9 + frond * 0.58 + rng.uniform(-0.12, 0.12)
        reach = spot.tall * rng.uniform(0.3, 0.4)
        ex, ey = tx + np.cos(angle) * reach, ty + np.sin(angle) * reach * 0.5 + reach * 0.3
        mx, my = tx + np.cos(angle) * reach * 0.5, ty + np.sin(angle) * reach * 0.55 - reach * 0.16
        tone = (tones.dark, tones.main, tones.bright)[frond % 3]
        parts.append(
            f'<path fill="{tone}" d="M{tx:.1f} {ty:.1f}Q{mx:.1f} {my - reach * 0.12:.1f} {ex:.1f} {ey:.1f}Q{mx:.1f} {my + reach * 0.14:.1f} {tx:.1f} {ty:.1f}z"/>'
        )
    return "".join(parts)


def _bush(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    parts = []
    for layer, tone in enumerate((tones.dark, tones.main, tones.cap if snow else tones.bright)):
        for _ in range(4):
            parts.append(
                _leafy(
                    spot.x + rng.uniform(-0.6, 0.6) * spot.tall,
                    spot.foot - spot.tall * (0.32 + 0.16 * layer) + rng.uniform(-0.1, 0.1) * spot.tall,
                    spot.tall * (0.36 - 0.08 * layer),
                    tone,
                    rng,
                )
            )
    return "".join(parts)


def _cactus(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    """A saguaro with one or two arms."""
    x, f, t = spot.x, spot.foot, spot.tall
    w = t * 0.13
    arms = f"M{x:.1f} {f - t * 0.35:.1f}H{x - t * 0.24:.1f}V{f - t * 0.66:.1f}M{x:.1f} {f - t * 0.48:.1f}H{x + t * 0.24:.1f}V{f - t * 0.8:.1f}"
    return (
        f'<g fill="none" stroke-linecap="round" stroke-linejoin="round"><path stroke="{tones.main}" stroke-width="{w:.1f}" d="M{x:.1f} {f:.1f}V{f - t * 0.93:.1f}"/>'
        f'<path stroke="{tones.main}" stroke-width="{w * 0.75:.1f}" d="{arms}"/><path stroke="{tones.bright}" stroke-width="{w * 0.16:.1f}" d="M{x + w * 0.2:.1f} {f - w * 0.3:.1f}V{f - t * 0.93:.1f}"/>'
        f'<path stroke="{tones.dark}" stroke-width="{w * 0.16:.1f}" d="M{x - w * 0.25:.1f} {f - w * 0.3:.1f}V{f - t * 0.92:.1f}"/></g>'
    )


def _bamboo(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    w, tall = spot.tall * 0.026, spot.tall * 1.6
    lean = rng.uniform(-0.03, 0.03) * tall
    parts = [
        f'<path stroke="{tones.main}" stroke-width="{w:.1f}" d="M{spot.x:.1f} {spot.foot:.1f}l{lean:.1f} {-tall:.1f}"/>'
    ]
    for joint in range(1, 12):
        y, x = spot.foot - tall * joint / 12, spot.x + lean * joint / 12
        parts.append(
            f'<path stroke="{tones.dark}" stroke-width="{w * 0.22:.1f}" d="M{x - w * 0.6:.1f} {y:.1f}h{w * 1.2:.1f}"/>'
        )
        if joint > 4:
            side = rng.choice((-1, 1))
            parts.append(
                f'<path fill="{tones.bright if joint % 2 else tones.main}" d="M{x:.1f} {y:.1f}q{side * w * 4:.1f} {-w * 3:.1f} {side * w * 8:.1f} {w:.1f}q{-side * w * 4:.1f} {w * 0.6:.1f} {-side * w * 8:.1f} {-w:.1f}z"/>'
            )
    return "".join(parts)


def _coral(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    """A branching coral."""
    parts = []

    def branch(x: float, y: float, angle: float, length: float, width: float, depth: int) -> None:
        ex, ey = x + np.cos(angle) * length, y + np.sin(angle) * length
        parts.append(
            f'<path stroke="{tones.main if depth % 2 else tones.bright}" stroke-width="{width:.1f}" d="M{x:.1f} {y:.1f}L{ex:.1f} {ey:.1f}"/>'
        )
        if depth:
            for turn in (-0.5, 0.45):
                branch(ex, ey, angle + turn * rng.uniform(0.6, 1.2), length * 0.72, width * 0.74, depth - 1)

    branch(spot.x, spot.foot, -1.57, spot.tall * 0.34, spot.tall * 0.1, 4)
    return f'<g stroke-linecap="round">{"".join(parts)}</g>'


def _flower(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    x, y, r = spot.x, spot.foot - spot.tall, spot.tall * 0.24
    petals = "".join(
        f'<ellipse cx="{x + np.cos(a) * r * 0.8:.1f}" cy="{y + np.sin(a) * r * 0.62:.1f}" rx="{r * 0.55:.1f}" ry="{r * 0.45:.1f}"/>'
        for a in np.arange(5) * 1.2566
    )
    return (
        f'<path stroke="{tones.trunk}" stroke-width="{spot.tall * 0.05:.1f}" fill="none" d="M{x:.1f} {spot.foot:.1f}q{rng.uniform(-3, 3):.1f} {-spot.tall * 0.5:.1f} 0 {-spot.tall:.1f}"/>'
        f'<g fill="{tones.main}">{petals}</g><circle cx="{x:.1f}" cy="{y:.1f}" r="{r * 0.36:.1f}" fill="{tones.cap}"/>'
    )


@dataclass(frozen=True)
class Growth:
    """How one kind of plant is drawn and strewn: `tall` as a share of the picture, `count` for a square picture.

    `clear` keeps the middle free, as a share of the width to either side of the centre for the nearest plants.
    """

    draw: Callable[[Spot, Tones, Chance, bool], str]
    colors: tuple[Rgb, ...]
    trunk: Rgb
    tall: float
    count: int
    clear: float
    nearest: float = 0.82


GROWTHS = {
    "pines": Growth(_pine, ((0.16, 0.34, 0.22), (0.13, 0.29, 0.22), (0.2, 0.38, 0.23)), (0.3, 0.22, 0.17), 0.85, 30, 0.34),
    "broadleaves": Growth(_broadleaf, ((0.85, 0.45, 0.12), (0.75, 0.28, 0.1), (0.9, 0.65, 0.2), (0.62, 0.4, 0.14)), (0.33, 0.24, 0.19), 0.72, 18, 0.34),
    "palms": Growth(_palm, ((0.2, 0.47, 0.22), (0.27, 0.52, 0.2)), (0.5, 0.38, 0.26), 0.72, 5, 0.36, 0.6),
    "bushes": Growth(_bush, ((0.3, 0.5, 0.2), (0.25, 0.44, 0.2)), (0.3, 0.2, 0.1), 0.13, 10, 0.3, 0.55),
    "cacti": Growth(_cactus, ((0.3, 0.5, 0.28), (0.35, 0.52, 0.3)), (0.3, 0.3, 0.2), 0.36, 7, 0.32, 0.6),
    "bamboos": Growth(_bamboo, ((0.4, 0.6, 0.22), (0.34, 0.52, 0.2), (0.48, 0.62, 0.28)), (0.4, 0.5, 0.2), 0.9, 44, 0.26),
    "corals": Growth(_coral, ((0.92, 0.36, 0.4), (0.95, 0.6, 0.25), (0.72, 0.35, 0.7), (0.3, 0.7, 0.62)), (0.5, 0.3, 0.3), 0.3, 11, 0.26, 0.9),
    "flowers": Growth(_flower, ((0.92, 0.25, 0.28), (0.98, 0.8, 0.25), (0.85, 0.5, 0.82), (0.98, 0.95, 0.92), (0.4, 0.45, 0.9)), (0.28, 0.5, 0.2), 0.085, 130, 0.0, 0.98),
}  # fmt: skip


def paint_growth(stage: Stage, name: str, floor: float) -> None:
    """Strews one kind of plant between the horizon and `floor` (a row), far ones first, the near ones at the sides."""
    growth = GROWTHS[name]
    rng = stage.chance(name)
    snow = is_true(stage.scene, "snowy")
    colors = _growth_colors(stage, name, growth)
    count = max(3, round(growth.count * stage.width / max(stage.width, stage.height)))
    parts = []
    for near in np.sort(rng.random(count) ** (1.0 if name != "pines" else 0.8)) * growth.nearest:
        spot = _spot(stage, growth, float(near), rng, floor)
        color = colors[int(rng.integers(len(colors)))]
        parts.append(growth.draw(spot, _tones(stage, color, growth.trunk, float(near)), rng, snow))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{stage.width}" height="{stage.height}">{"".join(parts)}</svg>'
    )
    stage.over(render(svg, stage.width, stage.height), 0, 0)


ISO_GROWTHS = frozenset({"pines", "broadleaves", "palms", "cacti", "bushes"})


def plant_at(stage: Stage, name: str, places: list[tuple[float, float, float]], rng: Chance) -> None:
    """Plants one kind at given places: x, foot and height in pixels."""
    growth = GROWTHS[name]
    colors = _growth_colors(stage, name, growth)
    snow = is_true(stage.scene, "snowy")
    parts = []
    for number, (x, foot, tall) in enumerate(places):
        tall = tall * (0.5 if name == "bushes" else 1.0)
        parts.append(growth.draw(Spot(x, foot, tall, 1.0), _tones(stage, colors[number % len(colors)], growth.trunk, 1.0), rng, snow))
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{stage.width}" height="{stage.height}">{"".join(parts)}</svg>'
    stage.over(render(svg, stage.width, stage.height), 0, 0)


def _growth_colors(stage: Stage, name: str, growth: Growth) -> tuple[Rgb, ...]:
    if stage.scene.palette:
        return tuple(
            mix(color, stage.scene.palette[index % len(stage.scene.palette)], 0.6)
            for index, color in enumerate(growth.colors)
        )
    if is_true(stage.scene, "snowy") and name in ("pines", "bushes"):
        return tuple(mix(color, (0.35, 0.42, 0.48), 0.45) for color in growth.colors)
    return growth.colors


def _spot(stage: Stage, growth: Growth, near: float, rng: Chance, floor: float) -> Spot:
    """A place for a plant; nearer ones keep clear of the middle, where the subjects stand."""
    side = rng.choice((-1.0, 1.0))
    gap = growth.clear * min(1.0, near * 1.5)
    x = 0.5 + side * (gap + rng.random() * (0.56 - gap))
    foot = stage.horizon + (floor - stage.horizon) * near**1.3
    tall = stage.height * growth.tall * (0.2 + 0.8 * near) * rng.uniform(0.75, 1.1)
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
            f'<path fill="{tone}" d="M{x - w:.1f} {y:.1f}Q{x:.1f} {y - tall * 0.6:.1f} {x + lean:.1f} {y - tall:.1f}Q{x + w * 0.6:.1f} {y - tall * 0.5:.1f} {x + w:.1f} {y:.1f}z"/>'
        )
        if kind in ("wheat", "lavender"):
            parts.append(
                f'<ellipse cx="{x + lean:.1f}" cy="{y - tall:.1f}" rx="{w * 1.1:.1f}" ry="{w * 3.2:.1f}" fill="{tone}" transform="rotate({np.degrees(np.arctan2(lean, tall)):.0f} {x + lean:.1f} {y - tall:.1f})"/>'
            )
    band = int(height * 1.8)
    top = stage.height - band
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 {top} {stage.width} {band}" width="{stage.width}" height="{band}">{"".join(parts)}</svg>'
    stage.over(render(svg, stage.width, band), 0, top)
