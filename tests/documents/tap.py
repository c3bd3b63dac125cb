"""A server that stands where a document's host stands: it hands every request on to the edge, and remembers both sides."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from testkit.upstreams.serving import serving

_OF_ONE_CONNECTION = (
    "Connection",
    "Keep-Alive",
    "Transfer-Encoding",
    "Content-Length",
    "Host",
    "Expect",
    "Date",
    "Server",
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and its answer; `path` has the query, header names are matched without regard to case."""

    method: str
    path: str
    sent: Mapping[str, str]
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The answer's body, parsed."""
        return msgspec.json.decode(self.body)


class Tap:
    """Made by `tap`; `url` is the origin that stands in for the documents' hosts."""

    def __init__(self, edge_url: str, http: aiohttp.ClientSession) -> None:
        self.url = ""
        self.exchanges: list[Exchange] = []
        self._edge_url = edge_url
        self._http = http

    async def hand_on(self, request: web.BaseRequest) -> web.Response:
        """Send a request to the edge as it came and answer as the edge does, byte for byte."""
        url = URL(f"{self._edge_url}{request.raw_path}", encoded=True)
        headers, body = _of_the_message(request.headers), await request.read()
        async with self._http.request(
            request.method,
            url,
            headers=headers,
            data=body or None,
            allow_redirects=False,
            skip_auto_headers=("User-Agent",),
        ) as answer:
            content, answered = await answer.read(), _of_the_message(answer.headers)
        self.exchanges.append(
            Exchange(request.method, request.raw_path, request.headers, answer.status, answered, content)
        )
        return web.Response(status=answer.status, headers=answered, body=content)


def _of_the_message(headers: Mapping[str, str]) -> CIMultiDict[str]:
    kept = CIMultiDict(headers)
    for name in _OF_ONE_CONNECTION:
        kept.popall(name, None)
    return kept


@asynccontextmanager
async def tap(edge_url: str) -> AsyncIterator[Tap]:
    """Serve a tap of an edge on 127.0.0.1."""
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        tapped = Tap(edge_url, http)
        async with serving(tapped.hand_on) as tapped.url:
            yield tapped
