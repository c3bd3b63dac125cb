"""The lexicon says what words mean; its tables are the TOML files beside this module."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from generator.engines.art.library import ArtLibrary
from generator.engines.sketch.scene import Rgb

WORD = re.compile(r"[^\W_]+", re.UNICODE)
_HERE = Path(__file__).parent
_UNDRAWN_CATEGORIES = frozenset({"Symbols", "Smileys & Emotion", "Flags"})


@cache
def table(name: str) -> dict[str, Any]:
    """The whole of one TOML file, by its stem."""
    return tomllib.loads((_HERE / f"{name}.toml").read_text("utf-8"))


def rgb(code: str) -> Rgb:
    """The colour of `#rrggbb`, each part 0 to 1."""
    value = int(code[1:], 16)
    return (value >> 16) / 255, (value >> 8 & 255) / 255, (value & 255) / 255


@dataclass(frozen=True)
class Meaning:
    """One thing that a phrase can mean: its kind (setting, hour, color, subject, ...) and its value in that kind's table."""

    kind: str
    value: Any


@dataclass(frozen=True)
class Traits:
    """What is true of a drawing wherever it stands: rough height in metres, where it is at home, which body it needs."""

    size: float
    habitat: str
    body: str = ""


@dataclass(frozen=True)
class Lexicon:
    """Every phrase that the engine knows, with its meanings, and the traits of every drawing."""

    phrases: dict[str, tuple[Meaning, ...]]
    library: ArtLibrary
    _traits: dict[str, dict[str, Any]] = field(repr=False)

    def traits(self, name: str) -> Traits:
        category = table("subjects")["category"].get(self.library.category(name)) if name in self.library else None
        return Traits(**{**(category or table("subjects")["category"]["Other"]), **self._traits.get(name, {})})


def load(library: ArtLibrary) -> Lexicon:
    """Reads all tables; some 20 ms, once per child."""
    found: dict[str, dict[str, Any]] = {}
    for phrase, kind, value in _entries(library):
        found.setdefault(" ".join(WORD.findall(phrase)), {}).setdefault(kind, value)
    phrases = {phrase: tuple(Meaning(kind, value) for kind, value in kinds.items()) for phrase, kinds in found.items()}
    return Lexicon(phrases, library, _all_traits())


def _entries(library: ArtLibrary) -> Iterable[tuple[str, str, Any]]:
    """(phrase, kind, value), the weightier first."""
    for kind, file in (("setting", "settings"), ("hour", "hours"), ("weather", "weather")):
        yield from ((word, kind, name) for name, row in table(file).items() for word in row["words"])
    for kind, file in (("sky", "skies"), ("style", "styles")):
        yield from ((word, kind, name) for name, words in table(file).items() for word in words)
    yield from ((word, "scenery", name) for name, row in table("settings").items() for word in row.get("weak", ()))
    for kind, words in table("landmarks").items():
        yield from ((word, kind, name) for word, name in words.items())
    yield from ((word, "color", rgb(code)) for word, code in table("colors")["color"].items())
    yield from ((word, "palette", tuple(map(rgb, codes))) for word, codes in table("colors")["palette"].items())
    yield from ((word, "count", count) for word, count in table("counts")["words"].items())
    places = table("places")
    yield from ((word, kind, value) for kind in ("place", "relation", "size") for word, value in places[kind].items())
    for kind, section in (("negation", "negation"), ("part", "parts"), ("garment", "garments")):
        yield from ((word, kind, word) for word in places[section]["words"])
    yield from _subjects(library)


def _subjects(library: ArtLibrary) -> Iterable[tuple[str, str, str]]:
    subjects = table("subjects")
    for word, name in subjects["synonyms"].items():
        yield word, "subject", name
    own = table("drawings")["drawing"]
    for name, row in own.items():
        for word in row["words"]:
            yield word, "subject", name
    ignored = set(subjects["ignored"]["words"]) - set(subjects["ignored"]["but"])
    for word, name in library.words.items():
        if word not in ignored and library.category(name) not in _UNDRAWN_CATEGORIES and len(word) > 1:
            yield word, "subject", name


def _all_traits() -> dict[str, dict[str, Any]]:
    """Rows later in the file add to those before: a bear gets its habitat from one row and its body from another."""
    traits: dict[str, dict[str, Any]] = {}
    for row in table("subjects")["traits"]:
        facts = {fact: value for fact, value in row.items() if fact != "names"}
        for name in row["names"]:
            traits.setdefault(name, {}).update(facts)
    for name, row in table("drawings")["drawing"].items():
        traits[name] = {fact: row[fact] for fact in ("size", "habitat", "body") if fact in row}
    return traits
