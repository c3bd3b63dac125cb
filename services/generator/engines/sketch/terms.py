"""Terms are the phrases of a prompt that the lexicon knows, longest first, in whatever known language it is written."""

import re
from dataclasses import dataclass

from generator.engines.sketch.lexicon import Lexicon, Meaning
from generator.engines.sketch.translate import folded, in_english

_WORD = re.compile(r"[^\W_]+|[,.;:!?\n]", re.UNICODE)
_LONGEST_PHRASE = 4
_MAX_WORDS = 400
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
    def denied(self) -> tuple[Meaning, ...]:
        """What is unwanted when the term is: no stars is no other hour than night."""
        return tuple(meaning for meaning in self.meanings if meaning.kind != "hour" or self.value("sky") is None)

    @property
    def is_break(self) -> bool:
        return not self.meanings and not self.phrase[0].isalnum()


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
    words = in_english(_WORD.findall(folded(text.lower()))[:_MAX_WORDS], lexicon)
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
