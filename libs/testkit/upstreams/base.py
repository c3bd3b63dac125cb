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
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from testkit.sample_pictures import png_claiming, sample
from testkit.upstreams.results import ResultHost
from testkit.upstreams.serving import serving

# Every vendor words these in its own way; what it has no form of is a success there.
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
    "bad_field": "a parameter is refused by its name; nothing is accepted",
    "output_refusal": "accepted and drawn, and withheld by the vendor's moderation",
    "partial": "one picture fewer than asked for",
    # Of vendors that queue; the job goes on whatever becomes of the polls.
    "failed": "accepted; the job ends in a failure of the vendor",
    "failed_untold": "accepted; the job ends without a word of its failure, which its result has, with `status` (500)",
    "lost": "accepted, and its id is unknown from then on",
    "poll_error": "accepted; the first two polls are answered by 503",
    "poll_drop": "accepted; the first two polls are not answered",
    "poll_limited": "accepted; the first poll is answered by 429",
    # Of vendors that call back where they are asked to.
    "callback_lost": "drawn; the call that says so never comes",
    "callback_duplicate": "drawn; the call that says so comes twice",
    "callback_forged": "drawn; the call that says so is not signed as the vendor signs",
    # Of vendors that answer with addresses.
    "download_error": "drawn; the first two fetches of each picture are answered by 503",
    "download_drop": "drawn; the first fetch of each picture breaks half-way",
    "download_expired": "drawn; the pictures are gone for good (410)",
    "download_gone": "drawn; the pictures are not there (404)",
    "download_redirect": "drawn; the addresses of the pictures redirect to others",
}
_WITH_STATUS = frozenset({"server_error", "failed_untold"})
WRONG_PICTURES: Mapping[str, Callable[[bytes], bytes]] = {
    "bad_base64": lambda _: b"",
    "not_an_image": lambda _: b"This is a text and no picture.\n" * 20,
    "truncated": lambda picture: picture[: len(picture) // 2],
    "bomb": lambda _: png_claiming(50_000, 50_000),
}
# Pictures are bodies too: what only looks like a marker there is none.
_MARKER = re.compile(rb"\[\[((?:%b)(?::[0-9]+(?:\.[0-9]+)?)?)\]\]" % "|".join(BEHAVIOURS).encode())


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


def parse_behaviour(text: str) -> Behaviour:
    """Read ``name`` or ``name:number``; the number is the status of those that have one, seconds otherwise."""
    name, _, number = text.partition(":")
    if not number:
        return Behaviour(name)
    return Behaviour(name, status=int(number)) if name in _WITH_STATUS else Behaviour(name, seconds=float(number))


@dataclass(slots=True)
class Recorded:
    """One request as it came, and what became of it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    behaviour: Behaviour
    accepted: bool = False
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; a body in several pieces is joined, a streamed one is sent piece by piece."""

    status: int = 200
    content_type: str = "application/json"
    body: Iterable[bytes] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None


class Dropped(Exception):
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

    async def accept(self, *, queued: bool = False) -> None:
        """Take the order: from here the vendor charges. Then waits, hangs or drops where the behaviour says so.

        A queue answers at once: there it is the job that is slow or hangs.
        """
        assert not self.recorded.accepted
        self.recorded.accepted = True
        self.upstream.purchases += 1
        match self.behaviour:
            case Behaviour("slow") | Behaviour("hang") if queued:
                return
            case Behaviour("slow", gate=asyncio.Event() as gate):
                await gate.wait()
            case Behaviour("slow", seconds=float() as seconds):
                await asyncio.sleep(seconds)
            case Behaviour("hang"):
                await asyncio.Event().wait()
            case Behaviour("drop_after_accept"):
                raise Dropped


class Rules(Protocol):
    """A vendor's published specification, as ``specification.Specification`` reads it: not every machine can."""

    def amend(self, amendments: Mapping[tuple[str, str], Mapping[str, object]]) -> None:
        """Replace properties of schemas: ``("CreateImageRequest", "quality")`` to a schema."""

    def violations(self, path: str, content_type: str, body: object) -> list[str]:
        """Return how a parsed body breaks the rules of POST to a path."""


class ScriptedUpstream(ABC):
    """A vendor's server. ``async with upstream.running() as url`` serves it; all that it has seen stays readable.

    ``requests`` are the last 10,000 requests, ``purchases`` counts those accepted (each costs money), ``violations``
    says where a request broke the vendor's published specification. ``script`` is consumed one behaviour an order.
    ``unscripted`` says what the orders beyond it meet: the default. ``results`` serves pictures by address, on a port of
    its own: another host than the vendor's API.
    """

    def __init__(
        self, *, default: Behaviour = SUCCESS, payload_bytes: int = 0, specification: "Rules | None" = None
    ) -> None:
        """``specification`` is the vendor's published one, for those that validate against it."""
        self.default = default
        self.unscripted: Callable[[], Behaviour] = lambda: self.default
        self.payload_bytes = payload_bytes
        self.specification = specification
        self.results = ResultHost()
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
        async with self.results.running(), serving(self._serve, port) as origin:
            yield f"{origin}{self.base_path}"

    def places_order(self, method: str, path: str) -> bool:
        """Whether a request to this path orders pictures: only those meet the script and the default."""
        return True

    def picture(
        self, behaviour: Behaviour, file_format: str, width: int, height: int, *, transparent: bool = False
    ) -> bytes:
        """Return the bytes of a picture like no other, right or wrong as the behaviour says."""
        if behaviour.name == "wrong_type":
            file_format = "png" if file_format == "jpeg" else "jpeg"
        made = sample(
            file_format, width, height, size_bytes=self.payload_bytes, transparent=transparent and file_format != "jpeg"
        )
        right = made.stamped(self.next_serial())
        wrong = WRONG_PICTURES.get(behaviour.name)
        return wrong(right) if wrong else right

    def next_serial(self) -> int:
        """Return a number that no other picture of any upstream bears."""
        return next(self._serials)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        behaviour = SUCCESS
        if self.places_order(request.method, request.path):
            behaviour = self.script.popleft() if self.script else self.unscripted()
        recorded = Recorded(request.method, request.path, request.headers, b"", behaviour, query=request.query)
        self.requests.append(recorded)
        try:
            await _receive(request, recorded)
            return await _send(request, await self.answer(Exchange(recorded, self)), recorded.behaviour)
        except Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()


async def _receive(request: web.BaseRequest, recorded: Recorded) -> None:
    if recorded.behaviour.name == "drop_before_accept":
        raise Dropped
    recorded.body = await request.read()
    if marker := _MARKER.search(recorded.body):
        recorded.behaviour = parse_behaviour(marker[1].decode())
    if recorded.behaviour.name == "drop_before_accept":
        raise Dropped


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
            raise Dropped
    return response


async def _halves(body: bytes) -> AsyncIterator[bytes]:
    yield body[: len(body) // 2]
