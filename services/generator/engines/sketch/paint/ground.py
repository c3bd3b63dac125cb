"""The ground: a plane in perspective from the horizon to the lower edge, with the texture of what it is made of."""

from typing import Any

import numpy as np

from generator.engines.sketch.lexicon import rgb, table
from generator.engines.sketch.paint.light import is_true, lit
from generator.engines.sketch.paint.noise import Field, fractal
from generator.engines.sketch.paint.raster import taken_rows
from generator.engines.sketch.paint.stage import Stage, luminance, mix, scaled
from generator.engines.sketch.scene import Rgb

_TILE = 512


def ground_row(stage: Stage, setting: str) -> dict[str, Any]:
    """The row of grounds.toml that the setting and the weather ask for: snow lies on whatever is outdoors."""
    name = table("settings")[setting].get("ground", "grass")
    if is_true(stage.scene, "snowy") and name in (
        "grass",
        "forest",
        "wheat",
        "lavender",
        "beach",
        "street",
        "sand",
        "pavement",
    ):
        name = "snow"
    row: dict[str, Any] = table("grounds")[name]
    return row


def ground_colors(stage: Stage, row: dict[str, Any]) -> tuple[Rgb, Rgb]:
    """The ground's colours near and far, lit; a palette or a named ground colour tints them."""
    near, far = rgb(row["near"]), rgb(row["far"])
    if is_true(stage.scene, "autumn") and row.get("tuft") in ("grass", "fern"):
        near, far = mix(near, (0.62, 0.42, 0.16), 0.45), mix(far, (0.82, 0.62, 0.28), 0.5)
    tint = stage.scene.ground_color
    if tint is None and stage.scene.palette:
        tint = stage.scene.palette[min(1, len(stage.scene.palette) - 1)]
        near, far = mix(near, _as_bright(tint, near), 0.5), mix(far, _as_bright(tint, far), 0.5)
    elif tint is not None:
        near, far = mix(near, _as_bright(tint, near), 0.75), mix(far, _as_bright(tint, far), 0.75)
    return lit(near, stage.light), lit(far, stage.light)


def _as_bright(color: Rgb, like: Rgb) -> Rgb:
    tone = scaled(color, 0.5 + 0.5 * (luminance(like) + 0.05) / (luminance(color) + 0.05))
    return min(tone[0], 1.0), min(tone[1], 1.0), min(tone[2], 1.0)


class Plane:
    """The ground's perspective: for each pixel below `top`, its place across (u) and away (z)."""

    def __init__(self, stage: Stage, top: int) -> None:
        self.top = top
        rows = stage.height - top
        drop = (np.arange(rows, dtype=np.float32) + 0.5) / max(1.0, stage.height - stage.horizon) + (
            top - stage.horizon
        ) / max(1.0, stage.height - stage.horizon)
        self.z = 1.0 / np.maximum(drop, 0.012)  # 1 at the lower edge, large at the horizon
        across = (np.arange(stage.width, dtype=np.float32) - stage.width / 2) / max(stage.width, stage.height)
        self.u = across[None, :] * self.z[:, None]
        self.nearness = np.clip(1 / self.z, 0, 1)

    def sample(self, tile: Field, scale: float) -> Field:
        """The tile laid on the plane, mirrored at its edges."""
        index = _mirror((self.u * (scale * _TILE)).astype(np.intp))
        index += _mirror((self.z * (scale * _TILE * 0.55)).astype(np.intp))[:, None] * _TILE
        laid: Field = np.take(tile.ravel(), index, mode="clip")
        return laid


def _mirror(index: Field) -> Field:
    """Places on the tile, which is laid in both directions with every other one mirrored; overwrites `index`."""
    np.abs(index, out=index)
    index &= 2 * _TILE - 1
    np.minimum(index, 2 * _TILE - 1 - index, out=index)
    return index


def paint_ground(stage: Stage, row: dict[str, Any], top: int) -> None:
    """Paints the rows from `top` down."""
    if top >= stage.height:
        return
    plane = Plane(stage, top)
    rng = stage.chance("ground")
    near, far = ground_colors(stage, row)
    nearness = plane.nearness[:, None, None]
    base = np.asarray(far, np.float32) + (nearness**0.8) * (np.asarray(near, np.float32) - np.asarray(far, np.float32))
    shade = _texture(stage, plane, row, rng)
    shade += 1
    if row.get("planks"):
        shade *= 1 - _planks(plane, rng)
    color = np.multiply(base, shade[..., None], out=stage.pixels[top:])
    if row.get("lane"):
        _lane(color, plane, stage)
    if row.get("road") or row.get("lane"):
        _road(color, plane, stage, row)
    haze = np.clip(
        0.62 * (1 - plane.nearness * (3.4 - 2.2 * stage.light.haziness)), 0, 0.62 + 0.3 * stage.light.haziness
    )[:, None, None]
    if row.get("planks") or table("grounds")["studio"] is row:
        haze = haze * np.float32(0.25)
    color += (np.asarray(stage.light.haze, np.float32) - color) * haze
    _sunlit_patch(stage, color, plane)
    if row.get("shine") or is_true(stage.scene, "wet"):
        _shine(stage, top, max(float(row.get("shine", 0.0)), 0.38 * is_true(stage.scene, "wet")), rng)


def _texture(stage: Stage, plane: Plane, row: dict[str, Any], rng: np.random.Generator) -> Field:
    rough = float(row["rough"])
    if rough == 0:
        return np.zeros(plane.u.shape, np.float32)
    tile = fractal(rng, _TILE, _TILE, cells=9, octaves=6) - 0.5
    shade = plane.sample(tile * np.float32(rough * 2.34), 0.55)
    shade += plane.sample(tile * np.float32(rough * 2.08), 2.1)
    if row.get("rows"):
        stripes = np.sin(plane.u * 46) * np.clip(plane.nearness[:, None] * 5, 0.1, 1)
        shade += stripes * 0.2 * float(row["rows"])
    if row.get("ripples"):
        waves = np.sin(plane.z[:, None] * 26 + plane.u * 6 + tile[0, 0] + plane.sample(tile, 0.4) * 16)
        shade += waves * 0.045 * float(row["ripples"]) * np.clip(plane.nearness[:, None] * 3, 0, 1)
    return shade


def _planks(plane: Plane, rng: np.random.Generator) -> Field:
    """How much darker the floor is for its boards: a line between two, and each of another tone."""
    board = plane.u * 9
    number = np.floor(board)
    edge = np.abs(board - number - 0.5) * 2
    seam = np.clip((edge - 0.965) * 40, 0, 1) * 0.45
    tones = rng.random(512, dtype=np.float32) * 0.2
    tone = np.take(tones, number.astype(np.intp) & 511)
    along = plane.z[:, None] * 1.3 + tone * 9
    along -= np.floor(along)
    result: Field = seam + tone + (np.abs(along - 0.5) < 0.006) * np.float32(0.3)
    return result


def _lane(color: Field, plane: Plane, stage: Stage) -> None:
    """Lays the asphalt of a road across the land."""
    asphalt = np.asarray(lit((0.34, 0.35, 0.38), stage.light), np.float32)
    share = (np.abs(plane.u) < 0.515).astype(np.float32)[..., None]
    color += (asphalt - color) * share


def _road(color: Field, plane: Plane, stage: Stage, row: dict[str, Any]) -> None:
    """Marks a street's middle and its kerbs, with paler pavements outside."""
    reach = np.abs(plane.u)
    fine = np.clip(plane.nearness[:, None] * 60, 0, 1)
    middle = (reach < 0.012) & (((plane.z[:, None] * 2.2) % 1) < 0.55)
    color += (np.asarray(lit((0.95, 0.88, 0.6), stage.light), np.float32) - color) * (middle * fine * 0.8)[..., None]
    pavement = (reach > 0.52).astype(np.float32)
    if not row.get("lane"):
        color *= (1 + 0.35 * pavement)[..., None]
    kerb = ((reach > 0.505) & (reach < 0.525)).astype(np.float32)
    color *= (1 - 0.35 * kerb)[..., None]


def _sunlit_patch(stage: Stage, color: Field, plane: Plane) -> None:
    """Light pools where the sun or moon stands, and the lower corners fall away: the eye is led inwards."""
    light = stage.light
    center = light.source[0] if light.source else 0.5
    x = np.linspace(0, 1, stage.width, dtype=np.float32)[None, :]
    pool = np.exp(-(((x - (0.5 + center) / 2) / 0.38) ** 2)) * np.exp(-(((plane.nearness[:, None] - 0.35) / 0.4) ** 2))
    color *= (0.9 + 0.24 * pool)[..., None]


def _shine(stage: Stage, top: int, strength: float, rng: np.random.Generator) -> None:
    """A wet or polished ground gives back what is above it, faint and drawn out."""
    rows = stage.height - top
    source = np.clip(top - 1 - (np.arange(rows) * 0.85).astype(int), 0, stage.height - 1)
    mirrored = taken_rows(stage.pixels, source)
    ripple = fractal(rng, rows, stage.width, cells=30, octaves=3, stretch=5.0)
    share = np.clip(ripple * 1.5 - 0.3, 0, 1) * np.float32(strength)
    stage.blend(mirrored, share, top)
