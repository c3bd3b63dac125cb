"""Reading a prompt: the longest known phrases first, each given its meaning by its neighbours, then the gaps filled by sense."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from generator.engines.sketch.lexicon import Lexicon, Meaning, table
from generator.engines.sketch.scene import Rgb, Scene, Subject

_WORD = re.compile(r"[^\W_]+|[,.;:!?\n]", re.UNICODE)
_LONGEST_PHRASE = 4
_MAX_WORDS = 400
_MAX_SUBJECTS = 8
_MAX_COUNT = 12
_MAX_THINGS = 40  # all subjects counted together
_MAX_SETTINGS = 3  # a place of more kinds than that is none that could be recognised
_IRREGULAR = {
    "mice": "mouse", "geese": "goose", "wolves": "wolf", "leaves": "leaf", "knives": "knife", "feet": "foot", "teeth": "tooth",
    "men": "man", "women": "woman", "children": "child", "people": "person", "oxen": "ox", "fishes": "fish", "calves": "calf",
    "loaves": "loaf", "snowmen": "snowman", "cacti": "cactus", "octopi": "octopus", "witches": "witch", "fairies": "fairy",
    "butterflies": "butterfly", "puppies": "puppy", "bunnies": "bunny", "ponies": "pony", "elves": "elf", "sheep": "sheep",
}  # fmt: skip


@dataclass(frozen=True)
class Term:
    """A phrase found in the prompt, with its meanings; `plural` when it was found by its singular."""

    phrase: str
    meanings: tuple[Meaning, ...]
    plural: bool = False

    def value(self, kind: str) -> object | None:
        return next((meaning.value for meaning in self.meanings if meaning.kind == kind), None)

    @property
    def is_break(self) -> bool:
        return not self.meanings and not self.phrase[0].isalnum()


@dataclass
class _Reading:
    """What has been understood so far, while the terms go by."""

    settings: list[str] = field(default_factory=list)
    hours: list[str] = field(default_factory=list)
    weather: list[str] = field(default_factory=list)
    sky: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
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


def singulars(word: str) -> list[str]:
    """The words of which `word` may be the plural."""
    if word in _IRREGULAR:
        return [_IRREGULAR[word]]
    found = []
    if word.endswith("ies") and len(word) > 4:
        found.append(word[:-3] + "y")
    if word.endswith("es") and len(word) > 3:
        found.append(word[:-2])
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        found.append(word[:-1])
    return found


def terms(text: str, lexicon: Lexicon) -> list[Term]:
    """The prompt as the longest known phrases, unknown words and breaks, in order."""
    words = _WORD.findall(text.lower())[:_MAX_WORDS]
    found, at = [], 0
    while at < len(words):
        term, length = _longest(words, at, lexicon)
        found.append(term)
        at += length
    return found


def _longest(words: list[str], at: int, lexicon: Lexicon) -> tuple[Term, int]:
    for length in range(min(_LONGEST_PHRASE, len(words) - at), 0, -1):
        phrase = " ".join(words[at : at + length])
        if phrase in lexicon.phrases:
            many = length == 1 and any(single in lexicon.phrases for single in singulars(phrase))
            return Term(phrase, lexicon.phrases[phrase], plural=many), length
        *head, last = words[at : at + length]
        for single in singulars(last):
            candidate = " ".join([*head, single])
            if candidate in lexicon.phrases:
                return Term(candidate, lexicon.phrases[candidate], plural=True), length
    return Term(words[at], ()), 1


def parse(prompt: str, negative_prompt: str, lexicon: Lexicon) -> Scene:
    """The scene that the prompts ask for. Every prompt gives one, also an empty one."""
    reading = _read(terms(prompt, lexicon), lexicon)
    unwanted = [*reading.unwanted, *terms(negative_prompt, lexicon)]
    _take_out(reading, unwanted)
    return _complete(reading, unwanted, lexicon)


def _read(found: list[Term], lexicon: Lexicon) -> _Reading:
    reading = _Reading()
    for at, term in enumerate(found):
        if term.is_break:
            reading.clause_subject, reading.negated, reading.relation = None, False, ""
            reading.count = reading.color = None
        elif term.value("negation"):
            reading.negated = True
        elif reading.negated:
            reading.unwanted.append(term)
            reading.negated = term.value("subject") is None and not term.meanings
        elif _is_modifier(found, at):
            pass
        elif term.meanings:
            _understand(reading, term, found[at + 1 : at + 5], lexicon)
        elif term.phrase == "of" and reading.relation == "filled?":
            reading.relation = "filled"
        elif term.phrase not in table("places")["filler"]["words"]:
            reading.ignored.append(term.phrase)
    if reading.color is not None:
        reading.palette.append(reading.color)
    return reading


def _is_modifier(found: list[Term], at: int) -> bool:
    """Of two things named in one breath ("robot cat", "koi fish") the last is meant, unless it is the more general one."""
    general = table("places")["general"]["words"]
    if any(meaning.kind != "subject" for meaning in found[at].meanings) or not found[at].meanings:
        return False
    if (
        at >= 2
        and found[at - 1].phrase == "of"
        and found[at - 2].value("subject") in table("subjects")["container"]["filled"]
    ):
        return False
    if (
        at >= 2
        and found[at - 1].phrase == "of"
        and found[at - 2].value("subject") in table("subjects")["container"]["names"]
    ):
        return True
    before = found[at - 1] if at else None
    after = found[at + 1] if at + 1 < len(found) else None
    if before is not None and before.value("subject") and not before.value("color") and found[at].phrase in general:
        return True
    return (
        after is not None
        and after.value("subject") is not None
        and len(after.meanings) == 1
        and after.phrase not in general
    )


_PREPOSITIONS = ("on ", "in ", "under ", "at ", "by ", "beneath ", "above ", "field of ")


def _next_noun(following: list[Term]) -> Term | None:
    """The next thing or setting before a break: what an adjective belongs to."""
    for term in following:
        if (
            term.is_break
            or term.value("relation") not in (None, "beside", "with")
            or term.phrase.startswith(_PREPOSITIONS)
        ):
            return None
        if any(term.value(kind) is not None for kind in ("subject", "setting", "sky")):
            return term
    return None


def _understand(reading: _Reading, term: Term, following: list[Term], lexicon: Lexicon) -> None:
    noun = _next_noun(following)
    color = term.value("color")
    subject = term.value("subject")
    adjective = color is not None and not (term.plural and subject) and noun is not None
    if adjective or (color is not None and subject is None and len(term.meanings) == 1):
        _take_color(reading, term, noun)
    elif subject is not None and reading.count is None and term.phrase in table("places")["size"] and noun is not None:
        reading.scale = table("places")["size"][term.phrase]
    elif subject is not None and reading.count is None and not term.plural and term.value("style") is not None:
        _take_backdrop(reading, term, noun)  # "a pencil" is the thing, "pencil" the manner
    elif subject is not None and not _is_setting_here(term) and term.value("count") is None:
        _take_subject(reading, term, lexicon)
    else:
        _take_backdrop(reading, term, noun)


def _is_setting_here(term: Term) -> bool:
    """A phrase that is both a thing and a place ("beach") is the place."""
    return any(term.value(kind) is not None for kind in ("setting", "weather", "sky", "hour"))


def _take_color(reading: _Reading, term: Term, noun: Term | None) -> None:
    color = term.value("color")
    assert isinstance(color, tuple)
    if noun is None:
        reading.palette.append(color)
    elif noun.value("setting") == "sky" or noun.value("sky") is not None:
        reading.sky_color = color
        if noun.value("sky") in ("moon", "sun", "crescent"):
            reading.sky_color = None
    elif noun.value("subject") is None or _is_setting_here(noun):
        reading.ground_color = color
    elif reading.color is None:
        reading.color = color


def _take_subject(reading: _Reading, term: Term, lexicon: Lexicon) -> None:
    name = str(term.value("subject"))
    count = reading.count or 1
    if term.plural and count == 1:  # "a bowl of oranges" counts the bowl
        count = table("counts")["plural"]
    subject = Subject(name, term.phrase, min(count, _MAX_COUNT), reading.color, reading.place, reading.scale)
    index = len(reading.subjects)
    if reading.relation not in ("", "filled?") and reading.clause_subject is not None:
        before = reading.subjects[reading.clause_subject]
        if not before.relation:
            reading.subjects[reading.clause_subject] = replace(before, relation=reading.relation, target=index)
    if index < _MAX_SUBJECTS:
        reading.subjects.append(subject)
        reading.clause_subject = index
    reading.count, reading.color, reading.place, reading.scale, reading.relation = None, None, "", 1.0, ""
    if name in table("subjects")["container"]["filled"]:
        reading.relation = "filled?"  # becomes "filled" when "of" and what it holds follow


def _take_backdrop(reading: _Reading, term: Term, noun: Term | None) -> None:
    """Everything that is no subject and no colour; a phrase may mean several of these at once ("moonlit": night and a moon)."""
    lists = {"setting": reading.settings, "weather": reading.weather, "sky": reading.sky, "style": reading.styles}
    adjective = term.phrase in ("golden", "dark") and noun is not None and noun.value("subject") is not None
    for kind, value in ((meaning.kind, meaning.value) for meaning in term.meanings):
        if kind in lists:
            lists[kind].append(value)
        elif kind == "hour" and not adjective:
            reading.hours.append(value)
        elif kind == "palette":
            reading.palette.extend(value)
        elif kind == "place":
            _take_place(reading, value)
        else:
            _take_modifier(reading, kind, value)
    if term.value("setting") or term.value("sky"):
        reading.count = None
        if reading.relation not in ("beside", "with"):
            reading.relation = ""


def _take_modifier(reading: _Reading, kind: str, value: Any) -> None:
    """What the next thing will be: how many, how large, and how the last one stands to it."""
    if kind == "count":
        reading.count = max(value, reading.count or 0)
    elif kind == "size":
        reading.scale = value
    elif kind == "relation":
        reading.relation = value


def _take_place(reading: _Reading, place: str) -> None:
    """Places the subject just named in this clause, else the next one."""
    index = reading.clause_subject
    if index is not None and not reading.subjects[index].place:
        reading.subjects[index] = replace(reading.subjects[index], place=place)
    else:
        reading.place = place


def _take_out(reading: _Reading, unwanted: list[Term]) -> None:
    gone = {(meaning.kind, str(meaning.value)) for term in unwanted for meaning in term.meanings}
    phrases = {term.phrase for term in unwanted}
    kept = [not (("subject", subject.name) in gone or subject.phrase in phrases) for subject in reading.subjects]
    places = {old: new for new, old in enumerate(index for index, keep in enumerate(kept) if keep)}
    reading.subjects = [
        replace(
            subject, target=places.get(subject.target), relation=subject.relation if subject.target in places else ""
        )
        if subject.target is not None
        else subject
        for subject, keep in zip(reading.subjects, kept, strict=True)
        if keep
    ]
    for kind, names in (
        ("setting", reading.settings),
        ("hour", reading.hours),
        ("weather", reading.weather),
        ("sky", reading.sky),
        ("style", reading.styles),
    ):
        names[:] = [name for name in names if (kind, name) not in gone]
    reading.palette = [color for color in reading.palette if ("color", str(color)) not in gone]
    for index, subject in enumerate(reading.subjects):
        if ("color", str(subject.color)) in gone:
            reading.subjects[index] = replace(subject, color=None)


_HOME_SETTING = {
    "sky": "sky", "water": "sea", "underwater": "underwater", "space": "space", "table": "tabletop", "building": "hills",
    "ground": "meadow", "horizon": "hills", "indoor": "room",
}  # fmt: skip
_NIGHT_STYLES = frozenset({"neon", "vaporwave"})


def _complete(reading: _Reading, unwanted: list[Term], lexicon: Lexicon) -> Scene:
    """Fills what the prompt left open: a home for its subjects, an hour for its sky."""
    settings = _unique(reading.settings)[:_MAX_SETTINGS]
    excluded = _excluded(unwanted)
    if not settings or settings == ["sky"]:
        settings = _implied_settings(reading, lexicon, settings, excluded)
    hours = _unique(reading.hours)
    hour = next((name for name in hours if name not in excluded), "")
    if not hour:
        hour = "night" if _NIGHT_STYLES & set(reading.styles) or {"aurora", "fireflies"} & set(reading.sky) else "day"
    if hour in excluded or (hour == "day" and {"moon", "crescent"} & set(reading.sky)):
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


def _thinned(subjects: list[Subject]) -> tuple[Subject, ...]:
    """The subjects, fewer of each where all of them together would be too many to tell apart."""
    if sum(subject.count for subject in subjects) <= _MAX_THINGS:
        return tuple(subjects)
    most = _MAX_THINGS // len(subjects)
    return tuple(replace(subject, count=min(subject.count, most)) for subject in subjects)


def _implied_settings(reading: _Reading, lexicon: Lexicon, settings: list[str], excluded: frozenset[str]) -> list[str]:
    """Where the first subject is at home; a sky without things that fly is the sky over a meadow."""
    if not reading.subjects:
        if settings or reading.weather or reading.sky or reading.hours:
            return settings or ["hills"]
        return ["abstract"]
    habitats = [lexicon.traits(subject.name).habitat for subject in reading.subjects]
    flying = all(
        home in ("sky", "space") or subject.place == "sky"
        for home, subject in zip(habitats, reading.subjects, strict=True)
    )
    if settings:
        return ["sky"] if flying else ["meadow", "sky"]
    for home in ("building", "indoor", "water", "underwater", "ground"):
        if home in habitats and (home != "underwater" or habitats[0] == home):
            return [name for name in (_HOME_SETTING[home], "hills") if name not in excluded][:1] or ["studio"]
    home = _HOME_SETTING[habitats[0]]
    return [home] if home not in excluded else ["studio"]


def _excluded(unwanted: list[Term]) -> frozenset[str]:
    rules: dict[str, list[str]] = table("places")["negative"]
    names = {str(meaning.value) for term in unwanted for meaning in term.meanings}
    for term in unwanted:
        names.update(rules.get(term.phrase, ()))
        for single in singulars(term.phrase):
            names.update(rules.get(single, ()))
    return frozenset(names)


def _unique(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))
