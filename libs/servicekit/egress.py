"""The one way out to addresses that callers name: every connection is judged by the address it will really reach.

    EgressError
    ├── ForbiddenUrl      scheme, user information, or an address that is not public
    ├── Unreachable       no such host, refused, TLS failed, or the peer broke the protocol
    ├── TimedOut
    ├── BadStatus         an answer that is not 2xx, or one redirect too many
    └── TooLarge

Their texts name the host as the caller wrote it and never an address: what an internal name resolves to is no one's business.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp
from yarl import URL

from servicekit.addresses import Network, is_allowed, is_opened

Sink = Callable[[bytes], Awaitable[None]]

_LONGEST_URL = 8192
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS = 5
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# As DNS takes them, and with the underscores that it also gives out.
_HOST_NAME = re.compile(rf"(?=.{{1,254}}\Z){_LABEL}(?:\.{_LABEL})*\.?", re.IGNORECASE)


class EgressError(Exception):
    """Why nothing was fetched or sent."""


class ForbiddenUrl(EgressError):
    """This platform does not connect there."""


class Unreachable(EgressError):
    """No answer came, or none that is HTTP."""


class TimedOut(EgressError):
    """The time was up before the answer was complete."""


class TooLarge(EgressError):
    """The answer is larger than the caller takes."""


class BadStatus(EgressError):
    """The server answered, with something else than success."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was read: the address after redirects, the sender's content type (often wrong), the bytes' number."""

    url: str
    content_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An endpoint's answer to a POST, whatever its status; ``body`` is cut at the caller's limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Refused(OSError):
    """Raised by the guard in place of a socket; one text for all, so that aiohttp does not join several into another."""


class GuardedClient:
    """An HTTP client for addresses of strangers; ``allow`` are the networks of ``GESSO_EGRESS_ALLOW``.

    Connections are https; http is spoken only to opened addresses. The guard makes the socket, so it judges the address
    that is connected to, whatever the spelling, the DNS answer or the redirect was. The proxy variables of the
    environment are not read, no cookies are kept, bodies are not decompressed. One per process, closed at its end.
    """

    def __init__(self, allow: tuple[Network, ...] = (), *, connect_timeout_seconds: float = 5.0) -> None:
        self._allow = allow
        self._connect_timeout_seconds = connect_timeout_seconds
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> "GuardedClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        for session in self._sessions.values():
            await session.close()

    async def fetch(
        self,
        url: str,
        *,
        max_bytes: int,
        timeout_seconds: float,
        sink: Sink,
        headers: Mapping[str, str] | None = None,
    ) -> Fetched:
        """GET ``url`` and pass the body on to ``sink`` in chunks, as sent; at most 5 redirects are followed.

        ``headers`` go to the host of ``url`` alone: a redirect to another origin is followed without them. At most
        ``max_bytes`` reach the sink; ``timeout_seconds`` is for the whole, redirects and sink included. Raises an
        EgressError, and what the sink raises.
        """
        place, sent = _admitted(url, self._allow), dict(headers or {})
        async with _within(timeout_seconds, place):
            for _ in range(_MOST_REDIRECTS + 1):
                async with self._exchange("GET", place, headers=sent) as response:
                    if response.status not in _REDIRECTS:
                        return await _drained(response, place, max_bytes, sink)
                    target = _admitted(_location(response, place), self._allow)
                if target.origin() != place.origin():
                    sent = {}
                place = target
        raise BadStatus(f"{place.host} redirects more than {_MOST_REDIRECTS} times", 310)

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], timeout_seconds: float, max_bytes: int = 1 << 14
    ) -> Answer:
        """POST ``body`` and return the answer, a redirect too: whoever signed a body signed it for that address.

        Raises ForbiddenUrl, Unreachable, TimedOut.
        """
        place = _admitted(url, self._allow)
        async with (
            _within(timeout_seconds, place),
            self._exchange("POST", place, headers=headers, data=body) as response,
        ):
            kept = bytearray()
            async for chunk in _chunks(response, place):
                kept += chunk
                if len(kept) >= max_bytes:
                    break
            return Answer(response.status, dict(response.headers), bytes(kept[:max_bytes]))

    async def check(self, url: str) -> None:
        """Return if ``url`` may be used now: a well-formed address whose host has an address that is allowed.

        For refusing early; it grants nothing, for a name may resolve otherwise later. Raises ForbiddenUrl, Unreachable.
        """
        await check_host(url, self._allow)

    @asynccontextmanager
    async def _exchange(
        self, method: str, place: URL, *, headers: Mapping[str, str], data: bytes | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        sent = {"Accept-Encoding": "identity", "User-Agent": "gesso", **headers}
        with _classified(place):
            response = await self._session(place.scheme).request(
                method, place, headers=sent, data=data, allow_redirects=False
            )
        try:
            yield response
        finally:
            response.close()  # what is left unread is not waited for; a connection read to its end is kept

    def _session(self, scheme: str) -> aiohttp.ClientSession:
        """Sessions per scheme, since the guard of http is stricter and connections are kept for reuse."""
        session = self._sessions.get(scheme)
        if session is None:
            session = self._sessions[scheme] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(socket_factory=self._guard(scheme), ttl_dns_cache=10),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._connect_timeout_seconds),
            )
        return session

    def _guard(self, scheme: str) -> Callable[[Any], socket.socket]:
        def guard(found: tuple[Any, ...]) -> socket.socket:
            family, kind, protocol, _, place = found
            if not _admits(scheme, str(place[0]), self._allow):
                raise _Refused("refused by the egress guard")
            return socket.socket(family=family, type=kind, proto=protocol)

        return guard


def check_url(url: str, allow: tuple[Network, ...] = ()) -> None:
    """Raise ForbiddenUrl for what can be refused without asking DNS: the form, the scheme, an address written out."""
    _admitted(url, allow)


async def check_host(url: str, allow: tuple[Network, ...] = ()) -> None:
    """As `check_url`, and ask DNS whether the host has an address that is allowed; `GuardedClient.check` without a client.

    Raises ForbiddenUrl, Unreachable.
    """
    place = _admitted(url, allow)
    assert place.host is not None
    try:
        found = await asyncio.get_running_loop().getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as failure:
        raise Unreachable(f"{place.host} cannot be resolved") from failure
    if not any(_admits(place.scheme, str(entry[4][0]), allow) for entry in found):
        raise _forbidden_host(place)


def _admits(scheme: str, address: str, allow: tuple[Network, ...]) -> bool:
    return is_opened(address, allow) if scheme == "http" else is_allowed(address, allow)


def _admitted(url: str, allow: tuple[Network, ...]) -> URL:
    """Parse ``url`` as aiohttp will, and judge its form; names are judged when they are connected to."""
    if _CONTROL.search(url):
        raise ForbiddenUrl("a URL holds no control characters")
    try:
        place = URL(url)
    except ValueError as failure:
        raise ForbiddenUrl("this is not a URL") from failure
    if len(url) > _LONGEST_URL or not place.absolute or not place.host:
        raise ForbiddenUrl("an absolute URL is needed")
    if place.scheme != "https" and not (place.scheme == "http" and allow):
        raise ForbiddenUrl("only https URLs are taken")
    if place.user is not None or place.password is not None:
        raise ForbiddenUrl("a URL with user information is not taken")
    literal = place.host.rpartition("%")[0] or place.host  # an IPv6 zone is no part of the address
    if _is_literal(literal):
        if not _admits(place.scheme, literal, allow):
            raise _forbidden_host(place)
    elif not _HOST_NAME.fullmatch(place.raw_host or ""):
        raise ForbiddenUrl("this is no name of a host")
    return place.with_fragment(None)


def _is_literal(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return True
    return False


def _forbidden_host(place: URL) -> ForbiddenUrl:
    if place.scheme == "http":
        return ForbiddenUrl(f"{place.host} is not an address that may be reached by http")
    return ForbiddenUrl(f"{place.host} is not a public address")


@asynccontextmanager
async def _within(timeout_seconds: float, place: URL) -> AsyncIterator[None]:
    limit = asyncio.timeout(timeout_seconds)
    try:
        async with limit:
            yield
    except TimeoutError as failure:
        if not limit.expired():  # it is the sink's own
            raise
        raise TimedOut(f"{place.host} did not answer in {timeout_seconds:g} s") from failure


@contextmanager
def _classified(place: URL) -> Iterator[None]:
    try:
        yield
    except aiohttp.ClientConnectorError as failure:
        if isinstance(failure.os_error, _Refused):
            raise _forbidden_host(place) from failure
        raise Unreachable(f"{place.host} cannot be reached") from failure
    except aiohttp.InvalidURL as failure:  # an IPv4 address that is not written in its four decimals, say
        raise ForbiddenUrl(f"{place.host} is not a host name") from failure
    except (aiohttp.ClientError, ConnectionError, ValueError) as failure:
        raise Unreachable(f"{place.host} broke off or does not speak HTTP") from failure


async def _chunks(response: aiohttp.ClientResponse, place: URL) -> AsyncIterator[bytes]:
    while True:
        with _classified(place):
            chunk = await response.content.readany()
        if not chunk:
            return
        yield chunk


def _location(response: aiohttp.ClientResponse, place: URL) -> str:
    try:
        return str(place.join(URL(response.headers["Location"])))
    except (KeyError, ValueError) as failure:
        raise BadStatus(f"{place.host} redirects to no address", response.status) from failure


async def _drained(response: aiohttp.ClientResponse, place: URL, max_bytes: int, sink: Sink) -> Fetched:
    if not 200 <= response.status < 300:
        raise BadStatus(f"{place.host} answered {response.status}", response.status)
    if (response.content_length or 0) > max_bytes:
        raise TooLarge(f"{place.host} sends more than {max_bytes} bytes")
    size_bytes = 0
    async for chunk in _chunks(response, place):
        size_bytes += len(chunk)
        if size_bytes > max_bytes:
            raise TooLarge(f"{place.host} sends more than {max_bytes} bytes")
        await sink(chunk)
    return Fetched(str(place), response.headers.get("Content-Type", ""), size_bytes)
