"""The documentation's pages: every link leads somewhere, every code has its page, nothing is loaded from elsewhere."""

import asyncio
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from multidict import CIMultiDict

from gateway import lifesigns
from gateway.clients.health import Health
from gateway.dialects import DIALECTS, Settings
from gateway.faults import STATUSES
from gateway.manual.html import element, link, prose
from gateway.manual.routes import Manual
from gateway.manual.schemas import fields, kind
from gateway.wire import Ask, Reply
from gesso.errors.v1.reason_pb2 import Reason
from servicekit.settings import load

SPOKEN = [make(load(Settings, {})) for make in DIALECTS]
SIGNS = lifesigns.routes(Health([]))
MANUAL = Manual(SPOKEN, SIGNS, "http://edge.test")
ROUTES = {route.path: route for route in (*SIGNS, *MANUAL.routes)}
PAGES = ["/docs", "/docs/keys", "/docs/billing", "/docs/errors", "/docs/errors/invalid_value"]
CODES = sorted(
    {Reason.Name(reason).removeprefix("REASON_") for reason in STATUSES}
    | {code for dialect in SPOKEN for code in (*dialect.codes.values(), *dialect.special_codes)}
)
VOID = {"meta", "br", "hr", "link", "img"}


class Page(HTMLParser):
    """What a test wants to know of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self._data: list[str] = []
        self.feed(text)
        self.close()
        self.words = "".join(self._data)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self._data.append(data)

    def all(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.elements if (value := attributes.get(attribute)) is not None]

    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}


def reply_of(path: str) -> Reply:
    route = ROUTES.get(path) or ROUTES["/docs/errors/{code}"]
    return asyncio.run(_answer(route, path))


async def _answer(route: Any, path: str) -> Reply:
    return await route.answer(Ask("GET", path, {}, {}, CIMultiDict()))  # type: ignore[no-any-return]


@cache
def read(path: str) -> Page:
    """A page, which no test changes; the reference is so long that it is read once for all."""
    reply = reply_of(path)
    assert reply.status == 200
    (body,) = reply.body
    assert isinstance(body, bytes)
    return Page(body.decode())


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_well_formed_and_can_be_read_by_everybody(path: str) -> None:
    page = read(path)
    assert page.open == []
    tags = [tag for tag, _ in page.elements]
    assert [tags.count(name) for name in ("html", "head", "body", "title", "h1", "main", "nav")] == [1] * 7
    assert dict(page.elements)["html"] == {"lang": "en"}
    levels = [int(tag[1]) for tag in tags[tags.index("h1") :] if tag in {"h1", "h2", "h3", "h4"}]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    ids = page.all("id")
    assert len(set(ids)) == len(ids)
    assert set(page.all("aria-labelledby")) <= set(ids)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_loads_and_runs_nothing(path: str) -> None:
    page = read(path)
    assert page.tags().isdisjoint({"script", "img", "link", "iframe", "object", "form", "video", "audio", "base"})
    assert page.all("src") == page.all("style") == []
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)
    assert not any("://" in address for address in page.all("href"))
    policy = reply_of(path).headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(path: str) -> None:
    page = read(path)
    for address in set(page.all("href")):
        target, _, anchor = address.partition("#")
        assert reply_of(target or path).status == 200, address
        if anchor:
            assert anchor in (read(target) if target else page).all("id"), address


def test_the_reference_shows_every_route_with_a_request() -> None:
    page = read("/docs")
    ids = page.all("id")
    for methods in MANUAL.document["paths"].values():
        for about in methods.values():
            assert about["operationId"] in ids
            assert about["summary"] in page.words
    assert "curl http://edge.test/v1/images/generations" in page.words
    assert 'Authorization: Bearer $GESSO_API_KEY"' in page.words


@pytest.mark.parametrize("code", CODES)
def test_every_code_and_reason_has_a_page(code: str) -> None:
    page = read(f"/docs/errors/{code}")
    assert code in page.words
    assert "What to do" in page.words
    read(f"/docs/errors/{code.swapcase()}")


@pytest.mark.parametrize("code", ["nonsense", "<script>", "%3Cscript%3E", "a/b"])
def test_an_unknown_code_has_none(code: str) -> None:
    reply = reply_of(f"/docs/errors/{code}")
    assert reply.status == 404
    assert b"<script" not in b"".join(part for part in reply.body if isinstance(part, bytes))


def test_text_is_escaped_wherever_it_stands() -> None:
    assert element("p", "<b>&", at={"title": '"<'}) == '<p title="&quot;&lt;">&lt;b&gt;&amp;</p>'
    assert link(["a ", element("b", "<")], "/?a&b") == '<a href="/?a&amp;b">a <b>&lt;</b></a>'
    assert prose("take `<x>` & go") == "take <code>&lt;x&gt;</code> &amp; go"
    assert element("br") == "<br>"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "integer", "minimum": 1, "maximum": 10}, "integer, 1 to 10"),
        ({"type": "integer", "minimum": 0}, "integer, 0 or more"),
        ({"type": "string", "maxLength": 5}, "string, at most 5 characters"),
        ({"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}], "default": None}, "`a` | `b`"),
        ({"const": True}, "`true`"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/d.Thing"}}, "list of object"),
        ({"type": "string", "examples": ["auto", "1x1"]}, "string, as `auto`, `1x1`"),
        ({}, "anything"),
    ],
)
def test_a_schema_in_words(schema: Any, words: str) -> None:
    assert kind(schema, {"d.Thing": {"type": "object"}}) == words


def test_fields_of_objects_in_objects_are_listed_by_their_paths() -> None:
    thing = {"type": "object", "properties": {"x": {"type": "string"}}, "required": ["x"]}
    outer = {"properties": {"data": {"type": "array", "items": {"$ref": "#/components/schemas/d.Thing"}}}}
    assert [(one.name, one.required) for one in fields(outer, {"d.Thing": thing})] == [
        ("data", False),
        ("data[].x", True),
    ]


def test_a_type_that_holds_itself_ends() -> None:
    tree = {"properties": {"child": {"$ref": "#/components/schemas/d.Tree"}}}
    assert len(list(fields(tree, {"d.Tree": tree}))) < 10
