"""The stage of a case: a customer on a real platform, a tap in place of the document's hosts, and inputs that exist."""

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from cli.operator import operator
from cli.places import Place
from gesso.billing.v1 import billing_pb2 as billing
from testkit.eventually import eventually
from testkit.platform import Account, PlatformUnderTest
from testkit.webhooks import WebhookReceiver

from . import clients
from .blocks import Block
from .comparison import at, parse
from .tap import Exchange, Tap
from .uses import Ask, Body, Client, Customer, Document, Headers, Key, Line, Polled, Snippet

INPUTS = "https://example.com"
WEBHOOKS = "https://your-app.com"
_JSON = {"Content-Type": "application/json"}
_FIELD = re.compile(r"\{([\w.-]+)\}")
_REQUEST_LINE = re.compile(r"^(GET|POST|PUT|PATCH|DELETE) +(\S+)$")
_HEADER = re.compile(r"^([\w-]+): +(.+)$")
_LINK = re.compile(r"http://127\.0\.0\.1:\d+[^\s\"'<>\\]*")


@dataclass(frozen=True, slots=True)
class Substitutions:
    """All that is changed of a block: what stands in the document, and what is put there; whole words only."""

    words: Mapping[str, str]

    def __call__(self, text: str) -> str:
        """Change them."""
        longest_first = sorted(self.words, key=len, reverse=True)
        form = "|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in longest_first)
        return re.sub(form, lambda found: self.words[found[0]], text)


@dataclass(frozen=True, slots=True)
class Stage:
    """What all cases share."""

    platform: PlatformUnderTest
    tap: Tap
    pictures_url: str
    hooks: WebhookReceiver
    http: aiohttp.ClientSession

    async def customer(self, customer: Customer) -> Account:
        """Make an account; one whose key nobody has shows a key of the right form."""
        account = await self.platform.account(plan=customer.plan, usd=customer.usd, name=customer.name)
        if customer.email or customer.limits:
            await self._change(
                billing.UpdateAccountRequest(
                    account_id=account.id, email=customer.email, set_limits=dict(customer.limits)
                )
            )
        if customer.key is Key.UNKNOWN:
            return replace(account, api_key=account.api_key[:-8] + "0" * 8)
        return account

    def substitutions(self, document: Document, account: Account) -> Substitutions:
        """What is changed of this document for this customer: host, key, inputs, webhooks."""
        return Substitutions(
            {
                **dict.fromkeys(document.hosts, self.tap.url),
                **dict.fromkeys(document.keys, account.api_key),
                **document.words,
                INPUTS: self.pictures_url,
                WEBHOOKS: self.hooks.url,
            }
        )

    async def _change(self, request: billing.UpdateAccountRequest) -> None:
        by_operator = operator(Place({"GESSO_HOME": str(self.platform.home)}))
        method = "gesso.billing.v1.Accounts/UpdateAccount"
        await asyncio.to_thread(by_operator.call, method, request, billing.Account)


@dataclass(slots=True)
class Play:
    """One case being run: every request of it goes over the tap."""

    stage: Stage
    document: Document
    blocks: Sequence[Block]
    account: Account
    folder: Path
    last: Exchange | None = None
    output: str = ""
    substitute: Substitutions = field(init=False)

    def __post_init__(self) -> None:
        self.substitute = self.stage.substitutions(self.document, self.account)

    def block(self, ordinal: int) -> Block:
        """A block of the document."""
        return self.blocks[ordinal - 1]

    def name(self, names: Mapping[str, str]) -> None:
        """Let ids that the document made up be those of the last answer, from here on."""
        found = {word: str(at(self.answered, path)) for word, path in names.items()}
        self.substitute = Substitutions({**self.substitute.words, **found})

    @property
    def answered(self) -> Any:
        """The last answer."""
        return self.last.json if self.last is not None else {}

    def path(self, path: str) -> str:
        """A path of the table, with what the last answer has in place of `{a.b}`, or its header in place of `{X-Y}`."""

        def value(found: re.Match[str]) -> str:
            name = found[1]
            assert self.last is not None, f"nothing has been answered that could have {name}"
            return self.last.headers[name] if "-" in name else str(at(self.last.json, name))

        return self.substitute(_FIELD.sub(value, path))

    async def ask(self, ask: Ask) -> None:
        """Send a request that the table writes out."""
        body = None if ask.body is None else self.substitute(json.dumps(ask.body)).encode()
        await self._send(ask.method, self.path(ask.path), self._credential | (_JSON if body else {}), body)

    async def run(self, block: Block, how: Snippet | Body | Line | Headers | Ask) -> None:
        """Run a block."""
        match how:
            case Ask():
                await self.ask(how)
            case Line():
                await self._line(block, how)
            case Headers():
                for headers in _each(_headers(self.substitute(block.text)), how):
                    await self._send("GET", self.path(how.path), headers | (self._credential if how.keyless else {}))
            case Body():
                await self._body(block, how)
            case Snippet():
                await self._snippet(block, how)

    async def poll(self, polled: Polled) -> Exchange:
        """Ask until it is as it must become."""
        path = self.path(polled.path)

        async def become() -> Exchange:
            exchange = await self._send("GET", path, self._credential)
            assert at(exchange.json, polled.at) == polled.value, exchange.body
            return exchange

        return await eventually(become, timeout_seconds=60)

    async def assert_links_lead_somewhere(self, exchange: Exchange) -> None:
        """Every address of this platform in an answer answers."""
        for link in sorted(set(_LINK.findall(exchange.body.decode()))):
            if link.startswith(self.stage.hooks.url):
                continue
            ours = link.startswith(self.stage.platform.url)
            async with self.stage.http.get(link, headers=self._credential if ours else {}) as answer:
                assert answer.status == 200, f"{link} answers {answer.status}"
                assert ours or answer.content_type.startswith("image/"), f"{link} is {answer.content_type}"

    @property
    def _credential(self) -> dict[str, str]:
        name, scheme = self.document.header
        return {name: scheme + self.account.api_key}

    async def _line(self, block: Block, line: Line) -> None:
        text = self.substitute("".join(block.text.split("\n")))
        found = _REQUEST_LINE.match(text)
        method, path = (found[1], found[2]) if found else ("GET", line.path + text)
        await self._send(method, path, self._credential)

    async def _body(self, block: Block, body: Body) -> None:
        comments = [line.removeprefix("//").strip() for line in block.text.splitlines() if line.startswith("//")]
        text = self.substitute("\n".join(comments))
        line = next((found for found in map(_REQUEST_LINE.match, text.splitlines()) if found), None)
        path = line[2].removeprefix(self.stage.tap.url) if line else self.path(body.path)
        if body.headers:
            text = self.substitute(self.block(body.headers).text)
        headers = dict(_headers(text)) or self._credential | _JSON
        value = parse(self.substitute(block.text))
        sent = {body.within: [value]} if body.within else value
        await self._send("POST", path, headers, json.dumps(sent).encode())

    async def _snippet(self, block: Block, snippet: Snippet) -> None:
        tasks = [parse(self.block(ordinal).text) for ordinal in self.document.payload]
        (self.folder / "payload.json").write_text(json.dumps({"tasks": tasks}))
        earlier = self.block(snippet.after).text if snippet.after else ""
        text = self.substitute(earlier + block.text + snippet.calls)
        variables = {"REACT_APP_UC_API_KEY": self.account.api_key}
        seen = len(self.stage.tap.exchanges)
        ran = await clients.run(snippet, text, self.folder, variables)
        assert ran.status == 0, f"{block.name} ended with {ran.status}:\n{ran.output}\n{ran.errors}"
        self.output = ran.output
        made = self.stage.tap.exchanges[seen:]
        assert made, f"{block.name} has sent nothing"
        if snippet.client is Client.CURL:
            assert ran.output == "".join(exchange.body.decode() for exchange in made), "curl shows something else"
        self.last = made[-1]

    async def _send(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Exchange:
        url = self.stage.tap.url + path
        async with self.stage.http.request(method, url, headers=headers, data=body) as answer:
            await answer.read()
        self.last = self.stage.tap.exchanges[-1]
        return self.last


def _headers(text: str) -> Iterator[tuple[str, str]]:
    return ((found[1], found[2]) for found in map(_HEADER.match, text.splitlines()) if found)


def _each(headers: Iterator[tuple[str, str]], how: Headers) -> list[dict[str, str]]:
    listed = list(headers)
    return [{name: value} for name, value in listed] if how.each else [dict(listed)]
