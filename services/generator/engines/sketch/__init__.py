"""The sketch engine draws pictures from prompts by rule: a procedural renderer with vector art, and no AI model."""

from generator.engines.sketch.engine import Sketch, SketchConfig
from generator.engines.sketch.request import (
    NAME,
    VERSION,
    SketchFailed,
    SketchPicture,
    SketchRefused,
    SketchRequest,
    metadata,
)

__all__ = [
    "NAME",
    "VERSION",
    "Sketch",
    "SketchConfig",
    "SketchFailed",
    "SketchPicture",
    "SketchRefused",
    "SketchRequest",
    "metadata",
]
