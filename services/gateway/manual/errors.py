"""A page for each error: by its reason, and by each code that some dialect gives it."""

import json
from collections.abc import Mapping, Sequence

from gateway.dialects.base import Dialect
from gateway.manual import layout
from gateway.manual.failures import Reasons, Wording, wording
from gateway.manual.html import Child, Html, block, code, element, join, link, prose, table
from gateway.manual.reasons import EXPLAINED
from gesso.errors.v1.reason_pb2 import Reason

ROOT = "/docs/errors"


def name_of(reason: Reason.ValueType) -> str:
    """The reason's name without its prefix, as `RATE_LIMITED`."""
    return Reason.Name(reason).removeprefix("REASON_")


class Errors:
    """The pages of these dialects' errors. A code is found whatever its case."""

    def __init__(self, dialects: Sequence[Dialect], public_url: str) -> None:
        self._dialects = dialects
        self._public_url = public_url
        self._reasons = _by_code(dialects)

    def index(self) -> bytes:
        """The page of all reasons."""
        rows = [
            (link(code(name_of(reason)), f"{ROOT}/{name_of(reason)}"), explained.title, self._codes(reason))
            for reason, explained in EXPLAINED.items()
        ]
        content = (
            element("h1", "Errors"),
            element(
                "p",
                "Every error has one reason, which each API gives a code of its own. Either of them finds its page.",
            ),
            table(("Reason", "Meaning", "Codes"), rows),
        )
        return layout.page("Errors", content)

    def _codes(self, reason: Reason.ValueType) -> Html:
        codes = dict.fromkeys(dialect.codes[reason] for dialect in self._dialects)
        return join((link(code(one), f"{ROOT}/{one}"), " ") for one in codes)

    def page(self, asked: str) -> bytes | None:
        """The page of a code or a reason's name; None where there is no such code."""
        found = self._reasons.get(asked.casefold())
        if found is None:
            return None
        content = (element("h1", code(asked)), _several(found), map(self._section, found))
        return layout.page(asked, content)

    def _section(self, reason: Reason.ValueType) -> Html:
        explained = EXPLAINED[reason]
        words = {dialect: wording(dialect, reason, self._public_url) for dialect in self._dialects}
        return element(
            "section",
            element("h2", explained.title, at={"id": name_of(reason)}),
            element("p", prose(explained.meaning)),
            element("h3", "What to do"),
            element("p", prose(explained.remedy)),
            element("h3", "How it is answered"),
            element("p", "Its reason is ", code(name_of(reason)), "."),
            _table(words),
            (_example(dialect, words[dialect]) for dialect in self._dialects),
            at={"aria-labelledby": name_of(reason)},
        )

    def missing(self) -> bytes:
        """The page of a code that does not exist."""
        content = (
            element("h1", "There is no such error"),
            element("p", "No API of this platform gives an error of this code. ", link("All errors", ROOT)),
        )
        return layout.page("No such error", content)


def _by_code(dialects: Sequence[Dialect]) -> Mapping[str, Reasons]:
    found: dict[str, Reasons] = {}
    for reason in EXPLAINED:
        for name in {name_of(reason).casefold(), *(dialect.codes[reason].casefold() for dialect in dialects)}:
            found[name] = (*found.get(name, ()), reason)
    for dialect in dialects:
        for special, reason in dialect.special_codes.items():
            name = special.casefold()
            found[name] = tuple(dict.fromkeys((*found.get(name, ()), reason)))
    return found


def _several(reasons: Reasons) -> Child:
    if len(reasons) == 1:
        return None
    entries = (element("li", link(EXPLAINED[reason].title, f"#{name_of(reason)}")) for reason in reasons)
    return (element("p", "The code stands for any of these:"), element("ul", entries))


def _table(words: Mapping[Dialect, Wording]) -> Html:
    rows = [(dialect.title, str(one.status), code(one.code)) for dialect, one in words.items()]
    return table(("API", "Status", "Code"), rows)


def _example(dialect: Dialect, words: Wording) -> Html:
    return block(json.dumps(words.body, indent=2, ensure_ascii=False), f"Example of an error of {dialect.title}")
