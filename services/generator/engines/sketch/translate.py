"""Translation turns a prompt in another language into the English words that the lexicon knows, word by word."""

import unicodedata
from functools import cache

from generator.engines.sketch.lexicon import Lexicon, table

_ENDINGS = 3  # how many letters a stem marked with * may go on for
_LONGEST = 8  # characters of a word in a script without spaces


def folded(text: str) -> str:
    """Latin letters without their accents; other scripts stay as they are."""
    if text.isascii():
        return text
    return "".join(_plain(letter) for letter in unicodedata.normalize("NFC", text))


def _plain(letter: str) -> str:
    if letter == "ß":
        return "ss"
    base = unicodedata.normalize("NFKD", letter)[0]
    return base if base.isascii() and base.isalpha() else letter


def in_english(words: list[str], lexicon: Lexicon) -> list[str]:
    """The same words, translated where one of the known languages explains more of them than English does.

    Words that the language does not know stay as they are. Adjectives that follow their noun are set before it.
    """
    words = [part for word in words for part in _parted(word)]
    scores = {name: sum(_meant(name, word) is not None for word in words) for name in table("languages")["order"]}
    best = max(scores, key=lambda name: scores[name])
    filler = table("places")["filler"]["words"]
    known = sum(word in lexicon.phrases or word in filler for word in words)
    if scores[best] == 0 or scores[best] <= known:
        return words
    translated: list[list[str]] = [(_meant(best, word) or word).split() for word in words]
    return [word for group in _adjectives_first(translated) for word in group]


def _adjectives_first(groups: list[list[str]]) -> list[list[str]]:
    """A colour or size that follows a noun is set before it ("gato negro" is a black cat)."""
    colors, sizes = table("colors")["color"], table("places")["size"]
    fillers = {*table("places")["filler"]["words"], *table("places")["relation"], *table("counts")["words"], ",", "."}
    found: list[list[str]] = []
    for group in groups:
        adjective = len(group) == 1 and (group[0] in colors or group[0] in sizes)
        before = found[-1] if found else []
        if adjective and before and before[-1] not in fillers and before[-1] not in colors and before[-1] not in sizes:
            found.insert(len(found) - 1, group)
        else:
            found.append(group)
    return found


def _parted(word: str) -> list[str]:
    """A run of Chinese or Japanese characters as the longest known words in it; another word whole."""
    if not any("\u3040" <= letter <= "\u9fff" for letter in word):
        return [word]
    exact, _ = _dictionary("zh")
    found, at = [], 0
    while at < len(word):
        length = next((n for n in range(min(_LONGEST, len(word) - at), 0, -1) if word[at : at + n] in exact), 0)
        if length:
            found.append(word[at : at + length])
        at += length or 1
    return found or [word]


def _meant(language: str, word: str) -> str | None:
    """The English of the word, "" for one without a picture, None for an unknown one."""
    exact, stems = _dictionary(language)
    if word in exact:
        return exact[word]
    for length in range(len(word), max(2, len(word) - _ENDINGS) - 1, -1):
        if word[:length] in stems:
            return stems[word[:length]]
    return None


@cache
def _dictionary(language: str) -> tuple[dict[str, str], dict[str, str]]:
    """Whole words, and stems, each with its English."""
    rows = table("languages")
    column = rows["order"].index(language)
    exact: dict[str, str] = {}
    stems: dict[str, str] = {}
    for english, cells in rows["words"].items():
        for word in cells[column].split():
            if word.endswith("*"):
                stems.setdefault(word[:-1], english)
            else:
                exact.setdefault(word, english)
    return exact, stems
