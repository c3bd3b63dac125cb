"""What all scripted upstreams have in common: behaviours, the record of requests, the count of purchases, the server.

A vendor's file holds its paths, its rules and its wording; it never deals with sockets. Which behaviour a request meets
is decided in this order: a marker in its body (``[[refusal]]``, ``[[slow:2]]``, from the prompt), the script (a queue),
the default.
"""

import asyncio
import itertools
import re
import secrets
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

# Every vendor knows all of these, and words them in its own way.
BEHAVIOURS: Mapping[str, str] = {
    "success": "the pictures asked for",
    "slow": "accepted, answered rightly after `seconds` or when `gate` is set",
    "hang": "accepted, never answered",
    "drop_before_accept": "the connection is closed before the body is read; nothing is accepted",
    "drop_after_accept": "accepted, then the connection is closed without an answer",
    "drop_mid_answer": "accepted, the connection is closed half-way through the answer",
    "duplicate": "the last picture is answered once more than was asked for",
    "empty": "a success that carries no picture",
    "garbage": "a success that is a page of HTML",
    "bad_base64": "the picture is not even base64",
    "not_an_image": "the picture is some other file",
    "truncated": "the picture ends half-way",
    "wrong_type": "the picture is of another format than the answer says",
    "bomb": "a small PNG that claims 50,000 pixels a side",
    "refusal": "refused by the vendor's moderation; nothing is accepted",
    "rate_limited": "too many requests, to be retried after `seconds` (1)",
    "out_of_quota": "the operator's account has no money left at the vendor",
    "unauthorized": "the key is not known",
    "model_not_found": "the model is retired or not enabled",
    "server_error": "a fault of the vendor, with `status` (500)",
}
_MARKER = re.compile(rb"\[\[([a-z_0-9]+(?::[0-9.]+)?)\]\]")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What one request meets; ``name`` is one of ``BEHAVIOURS``."""

    name: str = "success"
    seconds: float | None = None
    status: int = 500
    gate: asyncio.Event | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        assert self.name in BEHAVIOURS, f"no such behaviour: {self.name}"
        assert self.name != "slow" or self.seconds is not None or self.gate, "slow by how much?"


SUCCESS = Behaviour()
# Connections that wait to be accepted: a load begins with all of its own at once.
_BACKLOG = 1024


def parse_behaviour(text: str) -> Behaviour:
    """Read ``name`` or ``name:number``; the number is the status of server_error, seconds otherwise."""
    name, _, number = text.partition(":")
    if not number:
        return Behaviour(name)
    return Behaviour(name, status=int(number)) if name == "server_error" else Behaviour(name, seconds=float(number))


@dataclass(slots=True)
class Recorded:
    """One request as it came, and what became of it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    behaviour: Behaviour
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; a body in several pieces is joined, a streamed one is sent piece by piece."""

    status: int = 200
    content_type: str = "application/json"
    body: Iterable[bytes] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None


class _Dropped(Exception):
    """The connection is to be closed without an answer."""


@dataclass(slots=True)
class Exchange:
    """A request that is being answered."""

    recorded: Recorded
    upstream: "ScriptedUpstream"

    @property
    def behaviour(self) -> Behaviour:
        """What this request meets."""
        return self.recorded.behaviour

    async def accept(self) -> None:
        """Take the order: from here the vendor charges. Then waits, hangs or drops where the behaviour says so."""
        assert not self.recorded.accepted
        self.recorded.accepted = True
        self.upstream.purchases += 1
        match self.behaviour:
            case Behaviour("slow", gate=asyncio.Event() as gate):
                await gate.wait()
            case Behaviour("slow", seconds=float() as seconds):
                await asyncio.sleep(seconds)
            case Behaviour("hang"):
                await asyncio.Event().wait()
            case Behaviour("drop_after_accept"):
                raise _Dropped


class ScriptedUpstream(ABC):
    """A vendor's server. ``async with upstream.running() as url`` serves it; all that it has seen stays readable.

    ``requests`` are the last 10,000 requests, ``purchases`` counts those accepted (each costs money), ``violations``
    says where a request broke the vendor's published specification. ``script`` is consumed one behaviour a request.
    """

    def __init__(self, *, default: Behaviour = SUCCESS, payload_bytes: int = 0) -> None:
        self.default = default
        self.payload_bytes = payload_bytes
        self.script: deque[Behaviour] = deque()
        self.requests: deque[Recorded] = deque(maxlen=10_000)
        self.violations: list[str] = []
        self.purchases = 0
        self._serials = itertools.count(secrets.randbits(60))

    @abstractmethod
    async def answer(self, exchange: Exchange) -> Reply:
        """Answer one request in the vendor's words; calls ``exchange.accept()`` where the vendor would charge."""

    @property
    @abstractmethod
    def base_path(self) -> str:
        """The path that a client's base URL for this vendor ends with: ``/v1``."""

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[str]:
        """Serve on 127.0.0.1 (any port where 0); yields the vendor's base URL."""
        server = web.Server(self._serve, request_factory=_request, handler_cancellation=True, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, backlog=_BACKLOG).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}{self.base_path}"
        finally:
            await runner.cleanup()

    def next_serial(self) -> int:
        """Return a number that no other picture of any upstream bears."""
        return next(self._serials)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        behaviour = self.script.popleft() if self.script else self.default
        recorded = Recorded(request.method, request.path, request.headers, b"", behaviour)
        self.requests.append(recorded)
        try:
            await _receive(request, recorded)
            return await _send(request, await self.answer(Exchange(recorded, self)), recorded.behaviour)
        except _Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=1 << 30)


async def _receive(request: web.BaseRequest, recorded: Recorded) -> None:
    if recorded.behaviour.name == "drop_before_accept":
        raise _Dropped
    recorded.body = await request.read()
    if marker := _MARKER.search(recorded.body):
        recorded.behaviour = parse_behaviour(marker[1].decode())
    if recorded.behaviour.name == "drop_before_accept":
        raise _Dropped


async def _send(request: web.BaseRequest, reply: Reply, behaviour: Behaviour) -> web.StreamResponse:
    headers = {"Content-Type": reply.content_type, **reply.headers}
    body = b"".join(reply.body)
    if reply.stream is None and behaviour.name != "drop_mid_answer":
        return web.Response(status=reply.status, headers=headers, body=body)
    response = web.StreamResponse(status=reply.status, headers=headers)
    if reply.stream is None:
        response.content_length = len(body)
    await response.prepare(request)
    pieces = reply.stream or _halves(body)
    async for piece in pieces:
        await response.write(piece)
        if behaviour.name == "drop_mid_answer":
            raise _Dropped
    return response


async def _halves(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
