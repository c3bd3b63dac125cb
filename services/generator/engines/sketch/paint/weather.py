"""What falls or hangs in the air in front of everything: rain, snow, leaves, petals, fireflies, shafts of light, fog."""

import numpy as np

from generator.engines.sketch.paint.light import weather_rows
from generator.engines.sketch.paint.noise import bump, fractal
from generator.engines.sketch.paint.stage import Stage, hexed, mix

_INDOORS = frozenset({"room", "tabletop", "studio", "portrait", "wall", "underwater", "abstract"})
_LEAVES = ("#d9822b", "#b5471f", "#e0a93a", "#8a4a22", "#c8611e")
_PETALS = ("#f9c6d6", "#f5a9c2", "#fde3ea")
_CONFETTI = ("#ef476f", "#ffd166", "#06d6a0", "#118ab2", "#b28dff")


def paint_weather(stage: Stage) -> None:
    """The scene's weather, in front of its subjects."""
    if stage.scene.settings[0] in _INDOORS:
        return
    if stage.light.haziness > 0.25:
        _fog(stage)
    particles = {str(row["particles"]) for row in weather_rows(stage.scene) if "particles" in row}
    if "rain" in particles:
        _rain(stage)
    for name, amount in (("light_snow", 0.35), ("snow", 1.0), ("blizzard", 2.6)):
        if name in particles and "snow" not in stage.scene.excluded:
            _snow(stage, amount)
            break
    if "leaves" in particles:
        _flakes(stage, _LEAVES, 46)
    if "petals" in stage.scene.sky:
        _flakes(stage, _PETALS, 120)
    if "rays" in stage.scene.sky:
        _rays(stage)
    if "fireflies" in stage.scene.sky:
        _fireflies(stage)


def _fog(stage: Stage) -> None:
    """Banks of fog, thickest about the horizon."""
    rng = stage.chance("fog")
    bank = fractal(rng, stage.height, stage.width, cells=4, octaves=4, stretch=2.5)
    rows = (np.arange(stage.height, dtype=np.float32)[:, None] - stage.horizon) / stage.height
    thick = bump(rows / 0.24) * np.clip(0.25 + bank, 0, 1) * np.float32(min(0.85, stage.light.haziness))
    stage.blend(stage.light.haze, thick.astype(np.float32))


def _rain(stage: Stage) -> None:
    """Slanting streaks in three depths, from one seed of points smeared along the fall."""
    rng = stage.chance("rain")
    color = hexed(mix(stage.light.sky[2], (1, 1, 1), 0.55))
    strokes = []
    for count, length, width, opacity in ((260, 0.035, 0.9, 0.3), (130, 0.06, 1.4, 0.42), (46, 0.1, 2.2, 0.5)):
        paths = []
        for x, y in rng.random((count, 2)):
            fall = length * stage.height * rng.uniform(0.7, 1.2)
            paths.append(
                f"M{x * stage.width * 1.1:.1f} {y * stage.height * 1.1 - fall:.1f}l{-fall * 0.2:.1f} {fall:.1f}"
            )
        strokes.append(
            f'<path d="{"".join(paths)}" stroke="{color}" stroke-width="{width * stage.unit:.2f}" stroke-opacity="{opacity}"/>'
        )
    _overlay(stage, "".join(strokes))


def _snow(stage: Stage, amount: float) -> None:
    rng = stage.chance("snow")
    dots = []
    for count, size, opacity in ((420, 1.3, 0.75), (150, 2.4, 0.85), (42, 4.6, 0.7)):
        color = hexed(mix(stage.light.sky[2], (1, 1, 1), 0.8))
        circles = "".join(
            f'<circle cx="{x * stage.width:.1f}" cy="{y * stage.height:.1f}" r="{size * stage.unit * r:.2f}"/>'
            for x, y, r in rng.uniform((0, 0, 0.6), (1, 1, 1.3), (int(count * amount * 0.8), 3))
        )
        dots.append(f'<g fill="{color}" fill-opacity="{opacity}">{circles}</g>')
    _overlay(stage, "".join(dots))


def _flakes(stage: Stage, tones: tuple[str, ...], count: int) -> None:
    """Leaves or petals on the wind."""
    rng = stage.chance("flakes")
    parts = []
    for _ in range(count):
        x, y, turn = rng.random() * stage.width, rng.random() * stage.height, rng.uniform(0, 360)
        s = stage.unit * rng.uniform(5, 14)
        parts.append(
            f'<path transform="translate({x:.1f} {y:.1f}) rotate({turn:.0f}) scale({s:.2f})" '
            f'fill="{tones[int(rng.integers(len(tones)))]}" '
            'd="M0-1C.8-.6.8.4 0 1C-.8.4-.8-.6 0-1z" fill-opacity=".92"/>'
        )
    _overlay(stage, "".join(parts))


def _fireflies(stage: Stage) -> None:
    rng = stage.chance("fireflies")
    for _ in range(38):
        x, y = rng.random() * stage.width, (0.3 + 0.65 * rng.random()) * stage.height
        size = stage.unit * rng.uniform(7, 26)
        stage.glow(x, y, size * 1.6, (1.0, 0.86, 0.4), 0.55)
        stage.glow(x, y, size * 0.35, (1.0, 0.97, 0.8), 1.0)


def _rays(stage: Stage) -> None:
    """Shafts of light that fan out from the source."""
    rng = stage.chance("rays")
    sx, sy = stage.light.source or (0.5, 0.0)
    x = np.linspace(0, 1, stage.width, dtype=np.float32)[None, :] - sx
    y = np.linspace(0, 1, stage.height, dtype=np.float32)[:, None] - min(sy, 0.05) + 0.12
    angle = np.arctan2(x, y)
    fan = sum(
        np.clip(np.sin(angle * rate + phase), 0, 1) ** 3
        for rate, phase in zip((9, 15, 23), rng.uniform(0, 6, 3).tolist(), strict=True)
    )
    strength = np.asarray(fan, np.float32) * np.clip(1.1 - y, 0, 1) * np.float32(0.2)
    stage.blend(mix(stage.light.color, (1, 1, 1), 0.3), strength)


def _overlay(stage: Stage, content: str) -> None:
    stage.lay(f'<g fill="none">{content}</g>')
