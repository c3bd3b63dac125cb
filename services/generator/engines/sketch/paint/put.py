"""Putting placed things onto the stage: their pixels, their shadows, their reflections and their glow."""

import numpy as np

from generator.engines.sketch.layout import Placed
from generator.engines.sketch.lexicon import Lexicon, rgb, table
from generator.engines.sketch.paint import subjects
from generator.engines.sketch.paint.raster import Pixels, sprite, taken_rows
from generator.engines.sketch.paint.stage import Stage
from generator.engines.sketch.paint.water import paint_islet
from generator.engines.sketch.scene import Subject


class Puppets:
    """The drawings of a scene's subjects, each made once."""

    def __init__(self, stage: Stage, lexicon: Lexicon) -> None:
        self._stage = stage
        self._lexicon = lexicon
        self._made: dict[tuple[Subject, int, bool], subjects.Drawing] = {}
        self._pixels: dict[tuple[subjects.Drawing, int], Pixels] = {}

    def drawing(self, subject: Subject, copy: int, riding: bool) -> subjects.Drawing:
        key = (subject, copy, riding)
        if key not in self._made:
            rng = self._stage.chance(f"drawing {subject.phrase} {copy}")
            self._made[key] = subjects.drawing_of(subject.name, subject.color, self._lexicon, rng, riding)
        return self._made[key]

    def pixels(self, drawing: subjects.Drawing, height: int, *, is_crowd: bool) -> Pixels:
        """The drawing `height` pixels high, for the caller to change; a crowd has few heights, and is drawn once for each."""
        if not is_crowd:
            return sprite(drawing.body, height)
        step = 2 ** max(0, height.bit_length() - 5)  # a sixteenth or less
        key = (drawing, round(height / step) * step)
        if key not in self._pixels:
            self._pixels[key] = sprite(drawing.body, key[1])
        return np.copy(self._pixels[key])

    def width(self, subject: Subject, height: float) -> float:
        """The width of a subject that is `height` high, both in pixels."""
        return subjects.width_of(self.drawing(subject, 0, riding=False), height)


def put(stage: Stage, puppets: Puppets, thing: Placed) -> None:
    """Lays one thing onto the stage."""
    pixels = _pixels(stage, puppets, thing)
    if thing.ground == "islet":
        paint_islet(stage, thing.x, thing.foot, max(pixels.shape[1] * 0.95, thing.height * 0.7))
    left, top = round(thing.x - pixels.shape[1] / 2), round(thing.foot) - pixels.shape[0]
    if thing.ground == "standing":
        subjects.cast_shadow(stage, pixels, left, round(thing.foot), stage.light.shadow)
    if thing.ground == "water":
        _reflect(stage, pixels, left, round(thing.foot))
    color = subjects.glow_color(thing.subject.name)
    if color is not None:
        reach = thing.height * (1.5 if stage.light.is_dark else 0.9)
        stage.glow(thing.x, thing.foot - thing.height * 0.5, reach, color, 0.75 if stage.light.is_dark else 0.3)
    stage.over(pixels, left, top)
    stage.mark(pixels[..., 3], left, top)
    if color is not None and stage.light.is_dark:
        stage.glow(thing.x, thing.foot - thing.height * 0.55, thing.height * 0.6, color, 0.3)
    if thing.ground == "water":
        _waterline(stage, pixels, left, round(thing.foot))


_CROWD = 6


def _pixels(stage: Stage, puppets: Puppets, thing: Placed) -> Pixels:
    subject = thing.subject
    sinks = float(table("subjects")["sinks"].get(subject.name, 0.0)) if thing.ground == "water" else 0.0
    drawing = puppets.drawing(subject, thing.copy, riding=thing.rides)
    pixels = puppets.pixels(drawing, max(2, round(thing.height)), is_crowd=subject.count >= _CROWD)
    pixels = (pixels[:, ::-1] if thing.flip else pixels)[: max(1, round(pixels.shape[0] * (1 - sinks)))]
    if subject.color is not None and not drawing.is_person:
        subjects.tint(pixels, subject.color, with_walls=subject.name in table("subjects")["walls"]["names"])
    elif subject.name in table("subjects")["natural"]:
        subjects.tint(pixels, rgb(table("subjects")["natural"][subject.name]), 1.2)
    elif subject.color is None and stage.scene.palette and not drawing.is_person:
        picks = stage.scene.palette
        subjects.tint(pixels, picks[(thing.copy + len(subject.name)) % len(picks)], 0.5 if len(picks) > 1 else 0.3)
    if subjects.glow_color(subject.name) is None:
        subjects.shade(pixels, stage.light)
    distance = {"air": 0.04, "far": 0.5}.get(thing.ground, max(0.0, 0.55 - thing.near) * 0.7)
    subjects.veil(pixels, stage, distance + 0.09 * stage.light.haziness)
    return pixels


def _reflect(stage: Stage, pixels: Pixels, left: int, foot: int) -> None:
    """The thing upside down in the water, squeezed, rippled and fading with depth."""
    if not stage.wants("reflections"):
        return
    height, width = pixels.shape[:2]
    rows = int(height * 0.7)
    source = np.clip((height - 1 - np.arange(rows) / 0.7).astype(int), 0, height - 1)
    mirrored = taken_rows(pixels, source)
    away = np.arange(rows, dtype=np.float32)
    wobble = (np.sin(away / (stage.unit * 5) + 1.3) + np.sin(away / (stage.unit * 2.1))) * stage.unit * 2.4
    columns = np.clip(np.arange(width)[None, :] + wobble[:, None].astype(int), 0, width - 1)
    mirrored = np.take_along_axis(mirrored, columns[..., None], axis=1)
    fade = np.linspace(0.55, 0.0, rows, dtype=np.float32)[:, None, None]
    stage.over(mirrored * fade, left, foot - int(height * 0.03))


def _waterline(stage: Stage, pixels: Pixels, left: int, foot: int) -> None:
    """A pale lip of water where the hull meets it."""
    height, width = pixels.shape[:2]
    band = max(3, int(height * 0.045))
    dx = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    dy = np.linspace(-1, 1, band, dtype=np.float32)[:, None]
    lip = np.clip(1 - dx * dx - dy * dy, 0, 1) * np.float32(0.5)
    color = np.asarray(stage.light.sky[2], np.float32) * 0.6 + 0.3
    sprite = np.concatenate([lip[..., None] * color, lip[..., None]], axis=-1).astype(np.float32)
    stage.over(sprite, left, foot - band // 2 - int(height * 0.01))
