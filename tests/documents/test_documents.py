"""Every code block of the five API documents does here what its document says; the documents stand beside the checkout."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from testkit.eventually import eventually

from .blocks import Block, read_file
from .clients import ROOT
from .comparison import ALLOWED, Allowance, at, differences, parse
from .stage import Play, Stage
from .tables import DOCUMENTS
from .tap import Exchange
from .uses import AnswerHeaders, Body, Case, Document, Endpoint, Expected, NotRun, PartOf, Row

SHARED = ROOT.parent / "shared"
FOLDER = SHARED / "apis"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the API documents do not stand beside this checkout, in {FOLDER}"
)

PARAMETER = re.compile(r":\w+|\{\w+\}")
Used = tuple[Document, Row]


def blocks_of(document: Document) -> tuple[Block, ...]:
    """The blocks of a document."""
    return read_file(FOLDER / f"{document.name}.md")


def rows_with(kind: type) -> list[object]:
    """Each use of this kind, with its document and row, named as the block is."""
    return [
        pytest.param(document, row, use, id=f"{document.name}-{row.ordinal}-{number}")
        for document in DOCUMENTS
        for row in document.rows
        for number, use in enumerate(row.uses, 1)
        if isinstance(use, kind)
    ]


def parts(document: Document, row: Row) -> Iterator[int]:
    """The blocks that a row's cases use beside their own."""
    for use in row.uses:
        if not isinstance(use, Case):
            continue
        yield from (expected.like for expected in use.expects if expected.like)
        yield from (expected.links[1] for expected in use.expects if expected.links)
        yield from (ordinal for ordinal in (use.delivered, use.polled and use.polled.like) if ordinal)
        if isinstance(use.run, Body) and use.run.headers:
            yield use.run.headers


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_the_table_knows_every_block_and_no_other(document: Document) -> None:
    found = [(block.ordinal, block.language, block.heading) for block in blocks_of(document)]
    assert [(row.ordinal, row.language, row.heading) for row in document.rows] == found


def test_there_is_a_table_for_every_document() -> None:
    assert sorted(document.name for document in DOCUMENTS) == sorted(path.stem for path in FOLDER.glob("*.md"))


@pytest.mark.parametrize(("document", "row", "use"), rows_with(PartOf))
def test_a_block_that_is_part_of_anothers_run_is_used_there(document: Document, row: Row, use: PartOf) -> None:
    assert row.ordinal in set(parts(document, document.rows[use.ordinal - 1]))


@pytest.mark.parametrize(("document", "row", "use"), rows_with(NotRun))
def test_a_block_is_not_run_only_where_nothing_could_run_it(document: Document, row: Row, use: NotRun) -> None:
    assert use.reason
    assert len(row.uses) == 1
    assert row.ordinal not in {ordinal for other in document.rows for ordinal in parts(document, other)}


@pytest.mark.parametrize("allowance", ALLOWED, ids=lambda allowance: f"{allowance.document}-{allowance.path}")
def test_an_answer_differs_from_its_document_only_where_the_contract_says_so(allowance: Allowance) -> None:
    contract = " ".join((SHARED / "contract.md").read_text(encoding="utf-8").split())
    assert allowance.sentence in contract


@pytest.mark.parametrize(("document", "row", "case"), rows_with(Case))
async def test_a_block_does_what_its_document_says(
    stage: Stage, document: Document, row: Row, case: Case, tmp_path: Path
) -> None:
    play = Play(stage, document, blocks_of(document), await stage.customer(case.customer), tmp_path)
    for ask in case.before:
        await play.ask(ask)
        assert play.last is not None
        assert play.last.status in {200, 201}, play.last.body
    play.name(case.names)
    expected = [(one.method, play.path(one.path), one.status) for one in case.expects]
    seen = len(stage.tap.exchanges)
    await play.run(play.block(row.ordinal), case.run)
    exchanges = stage.tap.exchanges[seen:]
    assert [(one.method, one.path, one.status) for one in exchanges] == expected, [one.body for one in exchanges]
    for one, exchange in zip(case.expects, exchanges, strict=True):
        assert_as_documented(play, one, exchange)
        await play.assert_links_lead_somewhere(exchange)
    assert_printed(case.prints, play.output)
    if case.polled:
        polled = case.polled
        exchange = await play.poll(polled)
        assert_as_documented(play, Expected("GET", "", like=polled.like, same=polled.same), exchange)
        await play.assert_links_lead_somewhere(exchange)
    if case.delivered:
        await assert_delivered(play, case.delivered)


def assert_as_documented(play: Play, expected: Expected, exchange: Exchange) -> None:
    """An answer has the shape of the document's, its values where they are no accident, and the id of its request."""
    if "X-Request-ID" in exchange.sent:
        assert exchange.headers["X-Request-ID"] == exchange.sent["X-Request-ID"]
    if expected.like is None:
        return
    example, answer = parse(play.block(expected.like).text), exchange.json
    if expected.echoed:
        example[expected.echoed] = {}
    assert not differences(play.document.name, example, answer), answer
    assert {path: at(answer, path) for path in expected.same} == {path: at(example, path) for path in expected.same}
    if expected.links:
        path, form = expected.links
        for link in at(answer, path):
            assert link_form(play.block(form).text).fullmatch(link), link


def link_form(text: str) -> re.Pattern[str]:
    """The form of the links that a block describes as `https://host/path/[timestamp]-[random]-[index].png`, on any host."""
    path = re.escape(text.strip().partition("://")[2].partition("/")[2])
    for name, form in (("timestamp", r"\d+"), ("random", "[A-Za-z0-9]+"), ("index", r"\d+")):
        path = path.replace(re.escape(f"[{name}]"), form)
    return re.compile(f"https?://[^/]+/{path}")


def assert_printed(patterns: Sequence[str], output: str) -> None:
    """The patterns are found in the output one behind the other."""
    place = 0
    for pattern in patterns:
        found = re.compile(pattern, re.MULTILINE).search(output, place)
        assert found, f"{pattern} is not in the rest of:\n{output}"
        place = found.end()


async def assert_delivered(play: Play, ordinal: int) -> None:
    """A webhook came in the shape of a block, about what was just polled."""
    path = "/webhooks/generation-complete"
    delivery = (await eventually(lambda: play.stage.hooks.on(path), timeout_seconds=30))[-1]
    example = parse(play.block(ordinal).text)
    assert not differences(play.document.name, example, delivery.json), delivery.json
    assert delivery.json["event"] == example["event"]
    assert delivery.json["data"]["generation_id"] == play.answered["id"]


@pytest.mark.parametrize(("document", "row", "use"), rows_with(AnswerHeaders))
async def test_every_answer_bears_the_headers_of_the_document(
    stage: Stage, document: Document, row: Row, use: AnswerHeaders, tmp_path: Path
) -> None:
    play = Play(stage, document, blocks_of(document), await stage.customer(use.customer), tmp_path)
    await play.ask(use.ask)
    assert play.last is not None
    shown = dict(line.split(": ") for line in play.block(row.ordinal).text.splitlines())
    found = {name: play.last.headers[name] for name in shown}
    assert all(figure.isdecimal() for figure in found.values()), found
    assert {name: found[name] for name in use.same} == {name: shown[name] for name in use.same}


@pytest.mark.parametrize(("document", "row", "use"), rows_with(Endpoint))
async def test_a_documented_endpoint_is_listed_by_the_platform_itself(
    stage: Stage, document: Document, row: Row, use: Endpoint
) -> None:
    method, path = blocks_of(document)[row.ordinal - 1].text.split()
    for host in document.hosts:
        path = path.removeprefix(host)
    described = (await stage.platform.ask("GET", "/openapi.json")).json["paths"]
    served = {(verb, PARAMETER.sub("{}", name)) for name, verbs in described.items() for verb in verbs}
    assert (method.lower(), PARAMETER.sub("{}", use.base + path)) in served
