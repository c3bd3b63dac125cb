"""The shapes of plants, grown by chance as SVG paths in the picture's own coordinates."""

from dataclasses import dataclass

import numpy as np

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


def pine(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    """A conifer of drooping tiers, the upper over the lower, one side in shade, snow on the boughs."""
    x, foot, tall = spot.x, spot.foot, spot.tall
    half, width = tall * rng.uniform(0.19, 0.24), tall * 0.02
    stem = f"h{width * 2:.1f}v{tall * 0.16:.1f}h{-width * 2:.1f}z"
    parts = [f'<path fill="{tones.trunk}" d="M{x - width:.1f} {foot - tall * 0.16:.1f}{stem}"/>']
    shaded = ""
    for tier in range(_TIERS, 0, -1):
        share = tier / _TIERS
        low = foot - tall * (0.08 + 0.8 * (1 - share))
        high = min(low - tall * 0.19, foot - tall * (0.2 + 0.8 * (1 - share)) + tall * 0.03)
        wide = half * (0.2 + 0.8 * share) * rng.uniform(0.9, 1.1)
        parts.append(f'<path fill="{tones.main}" d="M{x:.1f} {high:.1f}{_boughs(x, low, wide, tall * 0.035, rng)}z"/>')
        shaded += (
            f"M{x:.1f} {high:.1f}L{x - wide:.1f} {low + tall * 0.02:.1f}L{x - wide * 0.25:.1f} {low - tall * 0.03:.1f}z"
        )
        if snow:
            edge = ""
            for number, across in enumerate(np.linspace(1, -1, 9)):
                drop = (low - high) * (0.5 + 0.36 * abs(across)) + (number % 2) * tall * 0.022 * rng.uniform(0.4, 1.3)
                edge += f"L{x + across * wide * 0.8:.1f} {high + drop:.1f}"
            parts.append(f'<path fill="{tones.cap}" d="M{x:.1f} {high:.1f}{edge}z"/>')
    parts.append(f'<path fill="{tones.dark}" fill-opacity=".38" d="{shaded}"/>')
    return "".join(parts)


_TIERS = 5


def _boughs(x: float, low: float, wide: float, droop: float, rng: Chance) -> str:
    """The ragged lower edge of a tier, from right to left, its tips hanging lowest."""
    teeth = 5
    edge = []
    for tooth in range(teeth * 2 + 1):
        across = 1 - tooth / teeth
        lift = (tooth % 2) * droop * rng.uniform(0.6, 1.1)
        edge.append(f"L{x + across * wide:.1f} {low + droop * (abs(across) - 0.4) - lift:.1f}")
    return "".join(edge)


def broadleaf(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    """A leafy tree: a forked trunk under a cloud of crowns, lit from above."""
    x, foot, tall = spot.x, spot.foot, spot.tall
    w = tall * 0.035
    trunk = (
        f'<path fill="{tones.trunk}" d="M{x - w:.1f} {foot:.1f}C{x - w * 0.4:.1f} {foot - tall * 0.2:.1f}'
        f" {x - w * 0.6:.1f} {foot - tall * 0.3:.1f} {x - tall * 0.12:.1f} {foot - tall * 0.52:.1f}"
        f"L{x:.1f} {foot - tall * 0.4:.1f}L{x + tall * 0.13:.1f} {foot - tall * 0.54:.1f}C{x + w * 0.7:.1f}"
        f" {foot - tall * 0.3:.1f} {x + w * 0.5:.1f} {foot - tall * 0.2:.1f} {x + w * 1.1:.1f}"
        f' {foot:.1f}z"/>'
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


def palm(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    """A palm: a bent trunk and a star of arching fronds."""
    lean = spot.tall * rng.uniform(-0.2, 0.2)
    tx, ty, w = spot.x + lean, spot.foot - spot.tall * 0.8, spot.tall * 0.022
    bend = spot.foot - spot.tall * 0.45
    up = f"M{spot.x - w * 1.5:.1f} {spot.foot:.1f}Q{spot.x:.1f} {bend:.1f} {tx - w * 0.6:.1f} {ty:.1f}h{w * 1.2:.1f}"
    down = f"Q{spot.x + w * 1.6:.1f} {bend:.1f} {spot.x + w * 1.5:.1f} {spot.foot:.1f}z"
    parts = [f'<path fill="{tones.trunk}" d="{up}{down}"/>']
    for frond in range(11):
        angle = -2.9 + frond * 0.58 + rng.uniform(-0.12, 0.12)
        reach = spot.tall * rng.uniform(0.3, 0.4)
        ex, ey = tx + np.cos(angle) * reach, ty + np.sin(angle) * reach * 0.5 + reach * 0.3
        mx, my = tx + np.cos(angle) * reach * 0.5, ty + np.sin(angle) * reach * 0.55 - reach * 0.16
        tone = (tones.dark, tones.main, tones.bright)[frond % 3]
        parts.append(
            f'<path fill="{tone}" d="M{tx:.1f} {ty:.1f}Q{mx:.1f} {my - reach * 0.12:.1f} {ex:.1f}'
            f' {ey:.1f}Q{mx:.1f} {my + reach * 0.14:.1f} {tx:.1f} {ty:.1f}z"/>'
        )
    return "".join(parts)


def bush(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    """A low mound of leaves."""

    def clump(layer: int, tone: str) -> str:
        x = spot.x + rng.uniform(-0.6, 0.6) * spot.tall
        y = spot.foot - spot.tall * (0.32 + 0.16 * layer) + rng.uniform(-0.1, 0.1) * spot.tall
        return _leafy(x, y, spot.tall * (0.36 - 0.08 * layer), tone, rng)

    layers = (tones.dark, tones.main, tones.cap if snow else tones.bright)
    return "".join(clump(layer, tone) for layer, tone in enumerate(layers) for _ in range(4))


def cactus(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    """A saguaro with one or two arms."""
    x, f, t = spot.x, spot.foot, spot.tall
    w = t * 0.13
    left = f"M{x:.1f} {f - t * 0.35:.1f}H{x - t * 0.24:.1f}V{f - t * 0.66:.1f}"
    arms = f"{left}M{x:.1f} {f - t * 0.48:.1f}H{x + t * 0.24:.1f}V{f - t * 0.8:.1f}"
    return (
        f'<g fill="none" stroke-linecap="round" stroke-linejoin="round"><path stroke="{tones.main}'
        f'" stroke-width="{w:.1f}" d="M{x:.1f} {f:.1f}V{f - t * 0.93:.1f}"/>'
        f'<path stroke="{tones.main}" stroke-width="{w * 0.75:.1f}" d="{arms}"/><path '
        f'stroke="{tones.bright}" stroke-width="{w * 0.16:.1f}" d="M{x + w * 0.2:.1f} {f - w * 0.3:.1f}'
        f'V{f - t * 0.93:.1f}"/>'
        f'<path stroke="{tones.dark}" stroke-width="{w * 0.16:.1f}" d="M{x - w * 0.25:.1f} '
        f'{f - w * 0.3:.1f}V{f - t * 0.92:.1f}"/></g>'
    )


def bamboo(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
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
                f'<path fill="{tones.bright if joint % 2 else tones.main}" d="M{x:.1f} {y:.1f}q{side * w * 4:.1f}'
                f" {-w * 3:.1f} {side * w * 8:.1f} {w:.1f}q{-side * w * 4:.1f} {w * 0.6:.1f} {-side * w * 8:.1f}"
                f' {-w:.1f}z"/>'
            )
    return "".join(parts)


def coral(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    """A branching coral, grown twig by twig."""
    parts = []
    twigs = [(spot.x, spot.foot, -1.57, 4)]
    while twigs:
        x, y, angle, depth = twigs.pop()
        length, width = spot.tall * 0.34 * 0.72 ** (4 - depth), spot.tall * 0.1 * 0.74 ** (4 - depth)
        ex, ey = x + np.cos(angle) * length, y + np.sin(angle) * length
        tone = tones.main if depth % 2 else tones.bright
        parts.append(f'<path stroke="{tone}" stroke-width="{width:.1f}" d="M{x:.1f} {y:.1f}L{ex:.1f} {ey:.1f}"/>')
        if depth:
            twigs += [(ex, ey, angle + turn * rng.uniform(0.6, 1.2), depth - 1) for turn in (-0.5, 0.45)]
    return f'<g stroke-linecap="round">{"".join(parts)}</g>'


def flower(spot: Spot, tones: Tones, rng: Chance, snow: bool) -> str:
    x, y, r = spot.x, spot.foot - spot.tall, spot.tall * 0.24
    petals = "".join(
        f'<ellipse cx="{x + np.cos(a) * r * 0.8:.1f}" cy="{y + np.sin(a) * r * 0.62:.1f}" rx="{r * 0.55:.1f}" ry="{r * 0.45:.1f}"/>'
        for a in np.arange(5) * 1.2566
    )
    return (
        f'<path stroke="{tones.trunk}" stroke-width="{spot.tall * 0.05:.1f}" fill="none" '
        f'd="M{x:.1f} {spot.foot:.1f}q{rng.uniform(-3, 3):.1f} {-spot.tall * 0.5:.1f} 0 {-spot.tall:.1f}'
        '"/>'
        f'<g fill="{tones.main}">{petals}</g><circle cx="{x:.1f}" cy="{y:.1f}" r="{r * 0.36:.1f}" fill="{tones.cap}"/>'
    )
