"""HTML put together from parts: text is always escaped, and an element is a value. Pure."""

from collections.abc import Iterable, Mapping
from html import escape
from typing import Union

Child = Union["Html", str, Iterable["Child"], None]
_VOID = frozenset({"meta", "link", "br", "hr"})


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


def element(name: str, *children: Child, at: Mapping[str, str] | None = None) -> Html:
    """An element with these children and attributes."""
    attributes = "".join(f' {key}="{escape(value)}"' for key, value in (at or {}).items())
    if name in _VOID:
        return Html(f"<{name}{attributes}>")
    return Html(f"<{name}{attributes}>{join(children)}</{name}>")


def join(children: Child) -> Html:
    """One after the other; None is nothing."""
    if children is None:
        return Html()
    if isinstance(children, Html):
        return children
    if isinstance(children, str):
        return Html(escape(children))
    return Html("".join(join(child) for child in children))


def link(text: Child, address: str) -> Html:
    """A link."""
    return element("a", text, at={"href": address})


def code(text: str) -> Html:
    """Text as machines read it."""
    return element("code", text)


def prose(text: str) -> Html:
    """A sentence, in which what stands between backticks is code."""
    return join(code(part) if number % 2 else part for number, part in enumerate(text.split("`")))


def paragraphs(text: str) -> Html:
    """Paragraphs, parted by blank lines."""
    return join(element("p", prose(part)) for part in text.strip().split("\n\n") if part)


def block(text: str, label: str) -> Html:
    """Lines as they stand, which the keyboard can scroll."""
    return element("pre", code(text), at={"tabindex": "0", "role": "region", "aria-label": label})


def table(head: Iterable[str], rows: Iterable[Iterable[Child]]) -> Html:
    """A table with a heading row; the first cell of each row is its heading."""
    headings = element("tr", (element("th", text, at={"scope": "col"}) for text in head))
    lines = [element("tr", _cells(row)) for row in rows]
    return element("div", element("table", element("thead", headings), element("tbody", lines)), at={"class": "wide"})


def _cells(row: Iterable[Child]) -> Iterable[Html]:
    for number, cell in enumerate(row):
        yield element("td", cell) if number else element("th", cell, at={"scope": "row"})
