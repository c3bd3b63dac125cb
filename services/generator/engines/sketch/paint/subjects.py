"""A subject as pixels: its drawing, with a body if it has none, tinted, rounded by light, set into the air of the scene."""

from dataclasses import dataclass

import numpy as np

from generator.engines.art.library import ArtLibrary
from generator.engines.sketch.lexicon import Lexicon, rgb, table
from generator.engines.sketch.paint.far import hazed
from generator.engines.sketch.paint.raster import Pixels, aspect, blur, tinted
from generator.engines.sketch.paint.stage import Light, Stage, hexed, largest, luminance, mix, scaled
from generator.engines.sketch.scene import Rgb

_SHIRTS = ("#3b6fb5", "#b5473b", "#3f8f6a", "#7a5aa8", "#c98a2c", "#4a7f93")
_SKINS = ("light-skin-tone", "medium-light-skin-tone", "medium-skin-tone", "medium-dark-skin-tone", "dark-skin-tone")
_SKIN_COLORS = ("#fadcbc", "#e6bf95", "#c58f63", "#9b6a45", "#6b4632")


@dataclass(frozen=True)
class Drawing:
    """A drawing ready to be turned into pixels: SVG on the 128 grid, and whether a tint may recolour all of it."""

    body: str
    is_person: bool = False


def drawing_of(
    name: str, color: Rgb | None, lexicon: Lexicon, rng: np.random.Generator, riding: bool = False
) -> Drawing:
    """The drawing of that name, with a body under it where the library has a head only; people get a natural skin."""
    own = table("drawings")["drawing"].get(name)
    if own is not None:
        return Drawing(own["svg"])
    tone = int(rng.integers(len(_SKINS)))
    skinned = _with_skin(table("bodies")["faces"].get(name, name), _SKINS[tone], lexicon.library)
    head = lexicon.library.body(skinned)
    template = lexicon.traits(name).body
    shirt = rgb(_SHIRTS[int(rng.integers(len(_SHIRTS)))])
    if riding and template in ("standing", "robed"):
        template = "riding"
    if not template:
        return Drawing(head, skinned != name)
    return Drawing(
        _embodied(name, head, template=template, color=color, skin=_SKIN_COLORS[tone], shirt=shirt),
        template != "sitting",
    )


def _with_skin(name: str, tone: str, library: ArtLibrary) -> str:
    for candidate in (
        f"{name}-{tone}",
        *((f"{part}-{tone}-{rest}") for part, _, rest in [name.partition("-")] if rest),
    ):
        if candidate in library:
            return candidate
    return name


def _embodied(name: str, head: str, *, template: str, color: Rgb | None, skin: str, shirt: Rgb) -> str:
    bodies = table("bodies")
    shape = bodies["template"][template]
    if color is not None and template != "sitting":
        shirt = color
    tones = {
        "a": hexed(shirt),
        "b": hexed(scaled(shirt, 0.72)),
        "c": hexed(mix(shirt, (1, 1, 1), 0.5)),
        "d": "#463c3a",
        "s": skin,
    }
    tones = {
        **tones,
        "t": tones["b"],
        **(bodies["color"].get(name, {}) if color is None or template == "sitting" else {}),
    }
    svg = (bodies["tail"]["svg"] if name in bodies["tail"]["names"] else "") + shape["svg"]
    for key, value in tones.items():
        svg = svg.replace("{" + key + "}", value)
    x, y, scale = shape["head"]
    return f'{svg}<g transform="translate({x} {y}) scale({scale})">{head}</g>'


def width_of(drawing: Drawing, height: float) -> float:
    return height * aspect(drawing.body)


def tint(pixels: Pixels, color: Rgb, strength: float = 1.0, *, with_walls: bool = False) -> None:
    """Turns the drawing's main hue to `color`; greys, whites and blacks of details stay, unless there is no hue at all.

    `with_walls` colours what is pale as well. Overwrites the pixels.
    """
    alpha = np.maximum(pixels[..., 3:], 1e-4)
    plain = pixels[..., :3] / alpha
    high = largest(plain)
    low = 1 - largest(1 - plain)
    saturation = (high - low) / np.maximum(high, 1e-3)
    weight = np.clip(saturation * 2.4 - 0.25, 0, 1)
    solid = pixels[..., 3] > 0.5
    target = luminance(color)
    if not solid.any() or float(weight[solid].mean()) < 0.25 or target > 0.85 or target < 0.2:
        weight = np.where(high > 0.25, 0.9, 0.25) * (0.55 + 0.45 * np.clip(weight * 3, 0, 1))
    if with_walls:
        weight = np.maximum(weight, np.clip(high * 4 - 2.6, 0, 0.9))
    tone = plain[..., 0] * 0.299 + plain[..., 1] * 0.587 + plain[..., 2] * 0.114
    middle = float(np.average(tone[solid], weights=weight[solid] + 1e-3)) if solid.any() else 0.5
    ratio = tone * np.float32(1 / max(middle, 0.05))
    base = np.asarray(color, np.float32)
    # Up to the middle tone the colour times the ratio; above it, ever nearer to white.
    painted = tinted(np.minimum(ratio, 1), base)
    painted += tinted(1 - np.exp((np.maximum(ratio, 1) - 1) * np.float32(-0.9)), 1 - base)
    if not with_walls:
        strength *= _distance(plain[solid], weight[solid], base)
    painted -= plain
    painted *= (weight * np.float32(strength))[..., None]
    painted += plain
    np.multiply(painted, pixels[..., 3:], out=pixels[..., :3])


def _distance(plain: Pixels, weight: Pixels, color: Pixels) -> float:
    """How far a drawing's main hue is from `color`, 0.4 to 1: a red fox is a fox still, a blue one is blue."""
    if not len(plain):
        return 1.0
    main = np.average(plain, axis=0, weights=weight + 1e-3)
    spread, wanted = main - main.mean(), color - color.mean()
    length = float(np.linalg.norm(spread) * np.linalg.norm(wanted))
    if length < 0.01:
        return 1.0
    lighter = abs(luminance((main[0], main[1], main[2])) - luminance((color[0], color[1], color[2])))
    return float(np.clip(1.35 - float(spread @ wanted) / length + 3 * max(0.0, lighter - 0.12), 0.45, 1.0))


def shade(pixels: Pixels, light: Light) -> None:
    """Rounds a flat drawing: its blurred outline is taken for a height, lit from the light's side; the foot is darker.

    Overwrites the pixels.
    """
    height = pixels.shape[0]
    alpha = pixels[..., 3]
    dome = blur(np.pad(alpha, ((4, 4), (4, 4))), max(1.0, height * 0.055))[4:-4, 4:-4]
    down, right = np.gradient(dome)
    facing = -(right * light.direction[0] + down * light.direction[1]) * height * 0.13
    lightness = 1 + np.clip(facing, -0.26, 0.14)
    lightness *= np.linspace(1.05, 0.86, height, dtype=np.float32)[:, None]
    warm = np.clip(facing - 0.05, 0, 0.4) * alpha * np.float32(0.5 if light.is_dark else 0.22)
    plain = pixels[..., :3]
    plain *= lightness[..., None]
    plain *= np.asarray(light.ambient, np.float32) * 0.78 + np.float32(0.22)
    plain += tinted(warm, light.color)
    np.clip(plain, 0, pixels[..., 3:], out=plain)


def veil(pixels: Pixels, stage: Stage, distance: float) -> None:
    """Lays the air of that distance over the drawing, in place."""
    if distance <= 0.02:
        return
    near, far = hazed(stage, (0.0, 0.0, 0.0), distance), stage.light.haze
    amount = near[1] / max(far[1], 1e-3)
    share = np.float32(min(amount, 0.9))
    plain = pixels[..., :3]
    plain *= 1 - share
    plain += tinted(pixels[..., 3] * share, far)


def cast_shadow(stage: Stage, pixels: Pixels, left: int, foot: int, strength: float) -> None:
    """Lays the drawing's shadow on the ground: its outline, flattened and sheared away "
    "from the light, and a dark line of contact."""
    if strength <= 0.02 or not stage.wants("shadows"):
        return
    height, width = pixels.shape[:2]
    flat = min(height, max(3, int(height * 0.24)))
    lean = stage.light.direction[0] * height * 0.42
    margin = int(abs(lean)) + 8
    starts = np.arange(flat) * height // flat
    outline = (np.add.reduceat(pixels[..., 3], starts, axis=0) / np.diff(starts, append=height)[:, None])[::-1]
    canvas = np.zeros((flat + 8, width + 2 * margin), np.float32)
    for row in range(flat):
        shift = margin + int(lean * row / flat)
        canvas[row + 2, shift : shift + width] = outline[row] * (1 - 0.75 * row / flat)
    soft = np.clip(blur(canvas, max(1.0, height * 0.012)), 0, 1) * np.float32(strength)
    stage.shade(soft, left - margin, foot - 2 - int(height * 0.012))
    _contact(stage, pixels, left, foot, strength)


def _contact(stage: Stage, pixels: Pixels, left: int, foot: int, strength: float) -> None:
    height = pixels.shape[0]
    standing = pixels[int(height * 0.9) :, :, 3].max(0) > 0.3
    columns = np.flatnonzero(standing)
    if not columns.size:
        return
    x0, x1 = int(columns[0]), int(columns[-1]) + 1
    band = max(4, int(height * 0.05))
    pad = band
    ellipse = np.zeros((band * 2, x1 - x0 + 2 * pad), np.float32)
    dx = np.linspace(-1, 1, ellipse.shape[1], dtype=np.float32)[None, :]
    dy = np.linspace(-1, 1, ellipse.shape[0], dtype=np.float32)[:, None]
    ellipse += np.clip(1 - dx * dx - dy * dy, 0, 1) ** 0.8 * np.float32(min(0.62, 0.25 + strength))
    stage.shade(ellipse, left + x0 - pad, foot - band)


def glow_color(name: str) -> Rgb | None:
    """The colour of the light that a drawing sheds, if it shines."""
    rows = table("subjects")["glow"]
    if name not in rows["names"]:
        return None
    return rgb(rows["colors"].get(name, "#ffd08a"))
