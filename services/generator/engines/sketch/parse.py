"""Reading a prompt: the longest known phrases first, each given its meaning by its neighbours, then the gaps filled by sense."""

from dataclasses import replace
from typing import Any

from generator.engines.sketch.complete import complete
from generator.engines.sketch.lexicon import Lexicon, table
from generator.engines.sketch.reading import Reading
from generator.engines.sketch.scene import Scene, Subject
from generator.engines.sketch.terms import Term, terms

_MAX_SUBJECTS = 8
_MAX_COUNT = 12


def parse(prompt: str, negative_prompt: str, lexicon: Lexicon) -> Scene:
    """The scene that the prompts ask for. Every prompt gives one, also an empty one."""
    reading = _read(terms(prompt, lexicon), lexicon)
    unwanted = [*reading.unwanted, *terms(negative_prompt, lexicon)]
    _take_out(reading, unwanted)
    return complete(reading, unwanted, lexicon)


def _read(found: list[Term], lexicon: Lexicon) -> Reading:
    reading = Reading()
    for at, term in enumerate(found):
        if term.is_break:
            reading.clause_subject, reading.negated, reading.relation = None, False, ""
            reading.count = reading.color = None
        elif term.value("negation"):
            reading.negated = True
        elif reading.negated:
            reading.unwanted.append(term)
            reading.negated = term.value("subject") is None and not term.meanings
        elif _is_modifier(found, at) or _is_part(reading, term, lexicon):
            pass
        elif term.meanings:
            _note_implied(reading, term)
            _understand(reading, term, found[at + 1 : at + 5], lexicon)
        elif term.phrase == "of" and reading.relation == "filled?":
            reading.relation = "filled"
        elif term.phrase not in table("places")["filler"]["words"]:
            reading.ignored.append(term.phrase)
    if reading.color is not None:
        reading.palette.append(reading.color)
    return reading


def _is_part(reading: Reading, term: Term, lexicon: Lexicon) -> bool:
    """Whether the term belongs to the thing just named: a part of it, or its clothes, which take the pending colour."""
    if reading.clause_subject is None or reading.relation in ("on", "under", "above", "behind"):
        return False
    owner = reading.subjects[reading.clause_subject]
    if term.value("garment") and lexicon.traits(owner.name).body in ("robed", "standing"):
        color = reading.color or owner.color
        reading.subjects[reading.clause_subject] = replace(owner, color=color)
    elif not term.value("part"):
        return False
    reading.count, reading.color, reading.relation = None, None, ""
    return True


def _is_modifier(found: list[Term], at: int) -> bool:
    """Of two things named in one breath ("robot cat", "koi fish") the last is meant, unless it is the more general one."""
    general = table("places")["general"]["words"]
    if found[at].value("subject") is None or any(meaning.kind not in _THING for meaning in found[at].meanings):
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
        and (after.value("part") is not None or after.value("subject") is not None)
        and all(meaning.kind in _THING for meaning in after.meanings)
        and after.phrase not in general
    )


_THING = frozenset({"subject", "part", "garment", "implied"})  # what a thing's word may mean and name nothing else
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
        if any(term.value(kind) is not None for kind in ("subject", "setting", "sky", "part", "garment")):
            return term
    return None


def _note_implied(reading: Reading, term: Term) -> None:
    """Keeps what the phrase lets expect, to be shown where the prompt names no thing."""
    for kind, names in (("landmark", reading.landmarks), ("implied", reading.implied)):
        name = term.value(kind)
        if name is not None:
            names.append(str(name))


def _understand(reading: Reading, term: Term, following: list[Term], lexicon: Lexicon) -> None:
    noun = _next_noun(following)
    color = term.value("color")
    subject = term.value("subject")
    adjective = color is not None and not (term.plural and subject) and noun is not None
    baby = reading.count in (None, 1) and following and following[0] is noun
    if adjective or (subject is None and _is_plain_color(term)):
        if noun is not None or not _is_unknown(following) or not reading.subjects:
            _take_color(reading, term, noun)
    elif subject is not None and baby and term.phrase in table("places")["size"]:
        reading.scale = table("places")["size"][term.phrase]
    elif subject is not None and reading.count is None and not term.plural and term.value("style") is not None:
        _take_backdrop(reading, term, noun)  # "a pencil" is the thing, "pencil" the manner
    elif subject is not None and not _is_setting_here(term) and term.value("count") is None:
        _take_subject(reading, term, lexicon)
    else:
        _take_backdrop(reading, term, noun)


def _is_plain_color(term: Term) -> bool:
    return term.value("color") is not None and all(meaning.kind in ("color", "implied") for meaning in term.meanings)


def _is_unknown(following: list[Term]) -> bool:
    """Whether the next word is of no meaning known: a colour before it is that word's, whatever it is."""
    filler = table("places")["filler"]["words"]
    return bool(following) and not (following[0].meanings or following[0].is_break or following[0].phrase in filler)


def _is_setting_here(term: Term) -> bool:
    """A phrase that is both a thing and a place ("beach") is the place; a campfire is a thing that shows the hour."""
    return any(term.value(kind) is not None for kind in ("setting", "weather", "sky"))


def _take_color(reading: Reading, term: Term, noun: Term | None) -> None:
    color = term.value("color")
    assert isinstance(color, tuple)
    if noun is None:
        reading.palette.append(color)
    elif noun.value("part"):
        pass  # a white beard makes nothing else white
    elif noun.value("garment"):
        reading.color = color
    elif noun.value("setting") == "sky" or noun.value("sky") is not None:
        reading.sky_color = color
        if noun.value("sky") in ("moon", "sun", "crescent"):
            reading.sky_color = None
    elif noun.value("subject") is None or _is_setting_here(noun):
        reading.ground_color = color
    elif reading.color is None:
        reading.color = color


def _take_subject(reading: Reading, term: Term, lexicon: Lexicon) -> None:
    name = str(term.value("subject"))
    if term.value("hour") is not None:
        reading.hours.append(str(term.value("hour")))
    count = reading.count or 1
    count = max(count, table("subjects")["people"].get(term.phrase, 1))
    if term.plural and count == 1 and name not in table("subjects")["worn"]:  # "a bowl of oranges" counts the bowl
        count = table("counts")["plural"]
    subject = Subject(name, term.phrase, min(count, _MAX_COUNT), reading.color, reading.place, reading.scale)
    index, owner = len(reading.subjects), reading.clause_subject
    if index < _MAX_SUBJECTS:
        bond = _bond(reading.relation, name)
        if owner is not None and bond:
            subject = replace(subject, relation=bond, target=owner)
        else:
            _relate(reading, index)
            reading.clause_subject = index
        reading.subjects.append(subject)
    reading.count, reading.color, reading.place, reading.scale, reading.relation = None, None, "", 1.0, ""
    if name in table("subjects")["container"]["filled"]:
        reading.relation = "filled?"  # becomes "filled" when "of" and what it holds follow


_BONDS = {"wearing": "worn", "holding": "held", "breathing": "breathed", "carrying": "on"}


def _bond(relation: str, name: str) -> str:
    """How a thing hangs on the one before it, which stays the one that is spoken of: "a cat wearing a hat on a bicycle"."""
    subjects = table("subjects")
    if relation in ("with", "in") and name in (*subjects["worn"], *subjects["held"]["names"]):
        return "worn" if name in subjects["worn"] else "held"
    return _BONDS.get(relation, "")


def _relate(reading: Reading, index: int) -> None:
    """The thing before stands to the one at `index` as the pending relation says."""
    if reading.relation in ("", "filled?") or reading.clause_subject is None:
        return
    before = reading.subjects[reading.clause_subject]
    if not before.relation:
        reading.subjects[reading.clause_subject] = replace(before, relation=reading.relation, target=index)


def _take_backdrop(reading: Reading, term: Term, noun: Term | None) -> None:
    """Everything that is no subject and no colour; a phrase may mean several of these at once ("moonlit": night and a moon)."""
    lists = {
        "setting": reading.settings, "weather": reading.weather, "sky": reading.sky, "style": reading.styles,
        "scenery": reading.scenery,
    }  # fmt: skip
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
        reading.count = reading.color = None
        if reading.relation not in ("beside", "with"):
            reading.relation = ""


def _take_modifier(reading: Reading, kind: str, value: Any) -> None:
    """What the next thing will be: how many, how large, and how the last one stands to it."""
    if kind == "count":
        reading.count = max(value, reading.count or 0)
    elif kind == "size":
        reading.scale = value
    elif kind == "relation":
        reading.relation = value


def _take_place(reading: Reading, place: str) -> None:
    """Places the subject just named in this clause, else the next one."""
    index = reading.clause_subject
    if index is not None and not reading.subjects[index].place:
        reading.subjects[index] = replace(reading.subjects[index], place=place)
        if place == "sky":
            _lift(reading, index)
    else:
        reading.place = place


def _lift(reading: Reading, index: int) -> None:
    """What is with a thing that flies, flies too."""
    for other, subject in reversed(list(enumerate(reading.subjects[:index]))):
        carried = subject.target is not None and reading.subjects[subject.target].place == "sky"
        if carried and subject.relation in ("with", "in", "on"):
            reading.subjects[other] = replace(subject, place="sky")


def _take_out(reading: Reading, unwanted: list[Term]) -> None:
    gone = {(meaning.kind, str(meaning.value)) for term in unwanted for meaning in term.denied}
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
