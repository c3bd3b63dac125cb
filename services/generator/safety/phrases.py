"""A phrase is a row of places, each taking one of several words; it is written as data, and found by its longest words.

severed head/heads            "severed" and then "head" or "heads"
stab/stabbing a/the? man      the place with `?` may be left out
1..17 year/years old          a number from 1 to 17
"""

import re
from collections.abc import Container, Iterable, Iterator, Sequence, Set
from typing import Generic, TypeVar

from generator.safety.folding import folded

Phrase = tuple[frozenset[str], ...]
"""The words that each place takes."""
Span = tuple[int, int]
"""The first word, and the one behind the last."""
T = TypeVar("T")

_EVERYWHERE = frozenset(
    {"a", "an", "and", "at", "by", "for", "from", "in", "of", "off", "on", "that", "the", "this", "to", "with"}
)
_NUMBERS = re.compile(r"(\d+)\.\.(\d+)")


def parse_phrase(text: str) -> Sequence[Phrase]:
    """The phrase, once for each way to leave places out. Raises ValueError for one that is empty, or could be."""
    found: list[Phrase] = [()]
    for place in folded(text).split():
        options = frozenset(_options(place.removesuffix("?")))
        if not all(options):
            raise ValueError(f"{text!r} has an empty place")
        longer = [(*phrase, options) for phrase in found]
        found = [*found, *longer] if place.endswith("?") else longer
    if () in found:
        raise ValueError(f"{text!r} has no place that must be there")
    return found


def _options(place: str) -> Iterator[str]:
    for option in place.split("/"):
        numbers = _NUMBERS.search(option)
        if numbers is None:
            yield option
            continue
        for number in range(int(numbers[1]), int(numbers[2]) + 1):
            yield f"{option[: numbers.start()]}{number}{option[numbers.end() :]}"


class Phrasebook(Generic[T]):
    """Phrases, each with what it stands for."""

    def __init__(self, entries: Iterable[tuple[Phrase, T]]) -> None:
        self._by_anchor: dict[str, list[tuple[int, Phrase, T]]] = {}
        self.longest = 0
        """Places of the longest phrase."""
        for phrase, meaning in entries:
            self.longest = max(self.longest, len(phrase))
            # The place with the longest words is met least often where it is not meant.
            anchor = max(range(len(phrase)), key=lambda place: min(map(_weight, phrase[place])))
            for word in phrase[anchor]:
                self._by_anchor.setdefault(word, []).append((anchor, phrase, meaning))

    @property
    def anchors(self) -> Set[str]:
        """Words of which a text must hold one to hold any of the phrases."""
        return self._by_anchor.keys()

    def spans(self, words: Sequence[str], decided: Container[T] = ()) -> Iterator[tuple[Span, T]]:
        """Where the phrases stand among the words, in order of their longest words; not those of what is `decided` by then."""
        for position, word in enumerate(words):
            for anchor, phrase, meaning in self._by_anchor.get(word, ()):
                start = position - anchor
                if start >= 0 and meaning not in decided and _stands(phrase, words[start : start + len(phrase)]):
                    yield (start, start + len(phrase)), meaning


def _weight(word: str) -> int:
    return 0 if word in _EVERYWHERE else len(word)


def _stands(phrase: Phrase, words: Sequence[str]) -> bool:
    return len(words) == len(phrase) and all(word in place for word, place in zip(words, phrase, strict=True))
