"""A reading is what has been understood of a prompt while its terms go by."""

from dataclasses import dataclass, field

from generator.engines.sketch.scene import Rgb, Subject
from generator.engines.sketch.terms import Term


@dataclass
class Reading:
    """What has been understood so far: `scenery`, `landmarks` and `implied` count where nothing better is named; the last
    fields describe the next thing."""

    settings: list[str] = field(default_factory=list)
    hours: list[str] = field(default_factory=list)
    weather: list[str] = field(default_factory=list)
    sky: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    scenery: list[str] = field(default_factory=list)
    landmarks: list[str] = field(default_factory=list)
    implied: list[str] = field(default_factory=list)
    subjects: list[Subject] = field(default_factory=list)
    palette: list[Rgb] = field(default_factory=list)
    sky_color: Rgb | None = None
    ground_color: Rgb | None = None
    unwanted: list[Term] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    count: int | None = None
    color: Rgb | None = None
    place: str = ""
    scale: float = 1.0
    relation: str = ""
    clause_subject: int | None = None
    negated: bool = False
