"""What all pages share: the frame around their content, their style, and the headers that let nothing else in."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

from gateway.about import HTML
from gateway.manual.html import Child, Html, element, join, link
from gateway.wire import Reply
from servicekit.version import VERSION

KEPT = {"Cache-Control": "public, max-age=300", "X-Content-Type-Options": "nosniff"}


@dataclass(frozen=True, slots=True)
class Group:
    """A heading of the navigation, with the links below it: text and address."""

    title: str
    links: Sequence[tuple[str, str]]


GUIDE = Group(
    "Guide",
    (
        ("Start", "/docs"),
        ("API keys", "/docs/keys"),
        ("Billing", "/docs/billing"),
        ("Errors", "/docs/errors"),
        ("OpenAPI document", "/openapi.json"),
    ),
)


def page(title: str, content: Child, groups: Sequence[Group] = ()) -> bytes:
    """A whole page in UTF-8."""
    head = element(
        "head",
        element("meta", at={"charset": "utf-8"}),
        element("meta", at={"name": "viewport", "content": "width=device-width, initial-scale=1"}),
        element("title", f"{title} · Gesso"),
        element("style", Html(_style())),
    )
    body = element(
        "body",
        element("a", "Skip to the content", at={"class": "skip", "href": "#content"}),
        element(
            "div",
            element(
                "header", _name(), element("nav", map(_group, (GUIDE, *groups)), at={"aria-label": "Documentation"})
            ),
            element("main", content, at={"id": "content"}),
            element("footer", f"Gesso {VERSION}. This page needs no script and loads nothing."),
            at={"class": "frame"},
        ),
    )
    return f"<!doctype html>\n{element('html', head, body, at={'lang': 'en'})}\n".encode()


def _name() -> Html:
    return element("a", "Gesso ", element("small", VERSION), at={"class": "name", "href": "/docs"})


def _group(group: Group) -> Html:
    entries = element("ul", (element("li", link(text, address)) for text, address in group.links))
    return join((element("h2", group.title), entries))


@cache
def _style() -> str:
    return resources.files("gateway.manual").joinpath("style.css").read_text(encoding="utf-8")


@cache
def _policy() -> str:
    """Nothing may be loaded or run; the style is let in by its digest."""
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def reply(content: bytes, status: int = 200) -> Reply:
    """A page as an answer."""
    headers = {**KEPT, "Content-Security-Policy": _policy(), "Referrer-Policy": "no-referrer"}
    return Reply(status, (content,), headers, HTML)
