"""A prompt is read as plain words however it is spelt: whatever its case, accents, look-alikes, digits for letters or gaps.

Everything here is linear in the length of the text, since any caller may send any text.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence

BREAK = "//"
"""Stands among the words where a clause ends: no phrase goes across it."""

_LOOK_ALIKES = str.maketrans(
    "авеікморпстухѕјһԁԛԝαεικνορτυχᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢŋłøđı“”„«»‘’‚–—‑−·•、。",
    'abeikmopnctyxsjhdqwaeikvoptuxabcdeghijklmnoprtuvwyznlodi"""""\'\'\'----..,.',
)
"""Letters of other scripts by the Latin ones that they look like, and marks by those of ASCII."""
_UNSEEN = (
    "\u00ad\u034f\u115f\u1160\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u2069\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0000-\U000e01ef"
)
"""What takes no room."""
_GAPS = re.compile(f"[{_UNSEEN}]")
_HIDDEN = re.compile(f"[\u0300-\u036f\u0483-\u0489{_UNSEEN}]")
"""Accents too."""
_SYLLABLES = re.compile("([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3])")
"""Kana, ideographs and hangul are written without spaces: each is a word, as contract.md counts them."""
_PART = re.compile(r"[^\W_]+|[,.;:!?()\[\]{}|/]")
_MARKS = re.compile(r"[\W_]+")
_EDGES = "\"'`,.;:!?()[]{}<>|/\\~_-+=*#&%^"
_ENDS_CLAUSE = frozenset(",.;:!?()[]{}|/")
_LEET = (str.maketrans("0134578@$!|+", "oieastbasiit"), str.maketrans("0134578@$!|+", "oleastbaslit"))
"""A 1 is an i or an l."""
_STRETCHED = re.compile(r"([a-z])\1\1")
_STRETCH = re.compile(r"([a-z])\1+")
_LETTER = re.compile("[a-z]")
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz013457")
_WORDS_OF_ONE = frozenset("ai")
_FEWEST_LETTERS = 3
"""A word that is shorter is too likely to come of itself."""
_MOST_SPELT = 64
"""Letters in a row that are taken for words."""


def folded(text: str) -> str:
    """The text without case, accents, invisible characters and look-alikes; Asian scripts a word for each syllable."""
    if text.isascii():
        return text.lower()
    text = _HIDDEN.sub("", unicodedata.normalize("NFKD", text).casefold())
    return " ".join(_SYLLABLES.split(unicodedata.normalize("NFC", text).translate(_LOOK_ALIKES)))


class Reader:
    """Reads words, and sees a known one behind a disguise; what is no disguise of a known word stays as it is written."""

    def __init__(self, vocabulary: Collection[str]) -> None:
        """`vocabulary` are the words that matter, folded."""
        self._known = frozenset(word for word in vocabulary if len(word) >= _FEWEST_LETTERS)
        self._longest = max(map(len, self._known), default=0)
        self._starred = {form: word for word in self._known for form in _starred(word)}

    def readings(self, text: str) -> Iterator[Sequence[str]]:
        """The words of the text; and once more where it has invisible characters, which may part words as well as break them."""
        yield self.words(text)
        if not text.isascii() and (parted := _GAPS.sub(" ", text)) != text:
            yield self.words(parted)

    def words(self, text: str) -> Sequence[str]:
        """The words of the text in order, with BREAK where a clause ends."""
        text = folded(text)
        found: list[str] = []
        for chunk in text.split():
            if chunk.isalpha():
                found.append(chunk)
            else:
                self._read(chunk, found)
        if _STRETCHED.search(text):
            found = [self._unstretched(word) for word in found]
        if list(map(len, found)).count(1) >= _FEWEST_LETTERS and not _LETTERS.isdisjoint(found):
            self._close_gaps(found)
        return found

    def _read(self, chunk: str, found: list[str]) -> None:
        core = chunk.strip(_EDGES)
        if core.isalpha():
            found.append(core)
        elif core:
            word = self._disguised(core)
            found.extend((word,) if word else (BREAK if part in _ENDS_CLAUSE else part for part in _PART.findall(core)))
        if chunk[-1] in _ENDS_CLAUSE:
            found.append(BREAK)

    def _disguised(self, core: str) -> str:
        """The known word that `core` is with digits or marks for letters, with marks between them, or starred; else empty."""
        if "*" in core:
            return self._starred.get(core, "")
        if not _LETTER.search(core):
            return ""
        for table in _LEET:
            plain = core.translate(table)
            if not plain.isalnum():
                plain = _MARKS.sub("", plain)
            if plain in self._known:
                return plain
        return ""

    def _unstretched(self, word: str) -> str:
        """A word with a letter drawn out, as it is known."""
        if _STRETCHED.search(word):
            for kept in (r"\1", r"\1\1"):
                short = _STRETCH.sub(kept, word)
                if short in self._known:
                    return short
        return word

    def _close_gaps(self, words: list[str]) -> None:
        """Put what single letters in a row spell in their place: `n u d e` is a word, `a b c` is none."""
        singles = [position for position, word in enumerate(words) if word in _LETTERS]
        for first, last in reversed(list(_runs(singles, words))):
            letters = "".join(word for word in words[first : last + 1] if word != BREAK)
            few_figures = sum(map(str.isalpha, letters)) * 2 > len(letters)
            if few_figures and len(letters) <= _MOST_SPELT:
                words[first : last + 1] = self._spelt(letters) or words[first : last + 1]

    def _spelt(self, letters: str) -> Sequence[str]:
        """The known words that the letters are from the first to the last; empty where they are not."""
        for table in _LEET:
            if found := self._parted(letters.translate(table)):
                return found
        return ()

    def _parted(self, letters: str) -> Sequence[str]:
        lengths = [0] * len(letters)
        for start in range(len(letters) - 1, -1, -1):
            for length in range(min(self._longest, len(letters) - start), 0, -1):
                rest = start + length
                word = letters[start:rest]
                if (word in self._known or word in _WORDS_OF_ONE) and (rest == len(letters) or lengths[rest]):
                    lengths[start] = length
                    break
        found, start = [], 0
        while start < len(letters) and lengths[start]:
            found.append(letters[start : start + lengths[start]])
            start += lengths[start]
        return found


def _runs(singles: Sequence[int], words: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Rows of at least three positions, with nothing but BREAK between them, by the first and the last."""
    first = 0
    for place, position in enumerate(singles):
        following = singles[place + 1] if place + 1 < len(singles) else -1
        if following == position + 1 or (following == position + 2 and words[position + 1] == BREAK):
            continue
        if place - first + 1 >= _FEWEST_LETTERS:
            yield singles[first], position
        first = place + 1


def _starred(word: str) -> Iterator[str]:
    """A word as it is written with stars: one letter within, or all of them."""
    for position in range(1, len(word) - 1):
        yield f"{word[:position]}*{word[position + 1 :]}"
    yield f"{word[0]}{'*' * (len(word) - 2)}{word[-1]}"
