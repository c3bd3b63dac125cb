"""Completion fills what a prompt left open: a home for its things, an hour for its sky, a thing where it names none."""

from dataclasses import replace

from generator.engines.sketch.lexicon import Lexicon, table
from generator.engines.sketch.reading import Reading
from generator.engines.sketch.scene import Scene, Subject
from generator.engines.sketch.terms import Term, singulars

_MAX_THINGS = 40  # all subjects counted together
_MAX_SETTINGS = 3  # a place of more kinds than that is none that could be recognised
_ROOFED = frozenset({"room", "studio", "tabletop", "portrait"})
_HOME_SETTING = {
    "sky": "sky", "water": "sea", "underwater": "underwater", "space": "space", "table": "tabletop", "building": "hills",
    "ground": "meadow", "horizon": "hills", "indoor": "room",
}  # fmt: skip
_ALOFT = frozenset({"sky", "space"})
_RULING = ("building", "indoor", "water", "underwater", "ground", "table")
_DRAWN_STYLES = frozenset(
    {"line", "pencil", "charcoal"}
)  # drawn on paper: without a place, nothing is around the thing
_NIGHT_STYLES = frozenset({"neon", "vaporwave"})


def complete(reading: Reading, unwanted: list[Term], lexicon: Lexicon) -> Scene:
    """Fills what the prompt left open: a home for its subjects, an hour for its sky."""
    settings = _led(_unique(reading.settings))[:_MAX_SETTINGS]
    excluded = _excluded(unwanted)
    _take_implied(reading, settings)
    if not settings and reading.scenery and not (reading.subjects and "abstract" in reading.scenery):
        settings = _unique(reading.scenery)[:1]
    if not settings or settings == ["sky"]:
        settings = _implied_settings(reading, lexicon, settings, excluded)
    hours = _unique(reading.hours)
    hour = next((name for name in hours if name not in excluded), "")
    if not hour:
        hour = "night" if _NIGHT_STYLES & set(reading.styles) or {"aurora", "fireflies"} & set(reading.sky) else "day"
    if hour in excluded or (hour == "day" and {"moon", "crescent", "stars", "fireworks"} & set(reading.sky)):
        hour = "dusk" if hour == "night" else "night"
    drawn = [*settings, hour, *reading.weather, *reading.sky, *reading.styles, *(s.name for s in reading.subjects)]
    return Scene(
        settings=tuple(settings),
        hour=hour,
        weather=tuple(_unique(reading.weather)),
        sky=tuple(_unique(reading.sky)),
        styles=tuple(_unique(reading.styles)),
        subjects=_thinned(reading.subjects),
        palette=tuple(dict.fromkeys(reading.palette)),
        sky_color=reading.sky_color,
        ground_color=reading.ground_color,
        excluded=excluded,
        drawn=tuple(_unique(drawn)),
        ignored_words=tuple(_unique(reading.ignored)),
    )


def _led(settings: list[str]) -> list[str]:
    """The leading setting first: the sky is above another place, and a portrait before one is no portrait on paper."""
    if settings[:1] == ["portrait"] and not set(settings) <= _ROOFED:
        settings = settings[1:]
    return [*(name for name in settings if name != "sky"), *(name for name in settings if name == "sky")]


def _take_implied(reading: Reading, settings: list[str]) -> None:
    """Landmarks stand behind what is named; what a phrase lets expect stands in where nothing is named."""
    named = {subject.name for subject in reading.subjects}
    marks = [name for name in _unique(reading.landmarks) if name not in named][:1]
    place = "background" if reading.subjects else ""
    if (
        not marks
        and not reading.subjects
        and (not settings or settings[0] in ("studio", "portrait") or set(settings) <= _ROOFED)
    ):
        marks, place = reading.implied[:1], ""
    reading.subjects.extend(Subject(name, name, place=place) for name in marks)


def _thinned(subjects: list[Subject]) -> tuple[Subject, ...]:
    """The subjects, fewer of each where all of them together would be too many to tell apart."""
    if sum(subject.count for subject in subjects) <= _MAX_THINGS:
        return tuple(subjects)
    most = _MAX_THINGS // len(subjects)
    return tuple(replace(subject, count=min(subject.count, most)) for subject in subjects)


def _implied_settings(reading: Reading, lexicon: Lexicon, settings: list[str], excluded: frozenset[str]) -> list[str]:
    """Where the first subject is at home; a sky without things that fly is the sky over a meadow."""
    if not reading.subjects:
        return settings or [_empty_setting(reading)]
    subjects = [subject for subject in reading.subjects if not _is_carried(subject)] or reading.subjects
    habitats = [lexicon.traits(subject.name).habitat for subject in subjects]
    if settings:
        places = [subject.place for subject in subjects]
        flying = all(home in _ALOFT or place == "sky" for home, place in zip(habitats, places, strict=True))
        return ["sky"] if flying else ["meadow", "sky"]
    if _DRAWN_STYLES & set(reading.styles):
        return ["studio"]
    homes = [_HOME_SETTING[home] for home in _home_order(habitats)]
    own = table("subjects")["home"].get(subjects[0].name)
    if own is not None and not {"building", "indoor"} & set(habitats[1:]):
        homes.insert(0, str(own))
    return [name for name in (homes[0], "hills", "studio") if name not in excluded][:1]


def _is_carried(subject: Subject) -> bool:
    """Whether it is in or on another thing, which decides the place."""
    return subject.target is not None and subject.relation in ("in", "on")


def _empty_setting(reading: Reading) -> str:
    """The place of a prompt that names neither a place nor a thing."""
    if _NIGHT_STYLES & set(reading.styles):
        return "city"
    return "hills" if reading.weather or reading.sky or reading.hours else "abstract"


def _home_order(habitats: list[str]) -> list[str]:
    """The habitats, the one that rules the picture first: what stands decides before what flies."""
    ruling = [home for home in _RULING if home in habitats and (home != "underwater" or habitats[0] == home)]
    return [*ruling, habitats[0]]


def _excluded(unwanted: list[Term]) -> frozenset[str]:
    rules: dict[str, list[str]] = table("places")["negative"]
    names = {str(meaning.value) for term in unwanted for meaning in term.denied}
    for term in unwanted:
        names.update(rules.get(term.phrase, ()))
        for single in singulars(term.phrase):
            names.update(rules.get(single, ()))
    return frozenset(names)


def _unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))
