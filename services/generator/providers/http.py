"""What every provider that speaks HTTP shares: one session, the verdict on a connection that fails, and bounded reading.

Source of the verdicts: base.py `Bought`. A connection that never stood bought nothing; an answer that says it failed bought
nothing; a request that was sent and not answered may have been bought; an answer that began well and broke was.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from yarl import URL

from generator.providers.base import Bought, Memory, UpstreamFault
from generator.providers.base64_reply import PICTURE_KEYS, BadReply, ReplyLimits, ReplyScanner
from generator.providers.multipart import Form, sliced
from gesso.errors.v1 import reason_pb2 as pb

_CONNECT_SECONDS = 10.0
_ERROR_BODY_BYTES = 64 << 10
_RESERVED_STEP_BYTES = 1 << 20
# What each answer that waits for its turn holds already; the rest of it waits in the kernel and at the vendor.
_READ_BUFFER_BYTES = 64 << 10
_WHOLE_BODY_BYTES = 256 << 10
_LONGEST_RETRY_AFTER_SECONDS = 3600.0
# These are said by a gateway in front of the vendor that gave up waiting: the vendor itself may well go on.
_GAVE_UP_WAITING = frozenset({504, 520, 524})
_OWN_HEADERS = ("Accept", "Accept-Encoding", "User-Agent")


class VendorHttp:
    """A provider's connections to its vendor: kept alive, without proxies, cookies or redirects."""

    def __init__(self, provider: str) -> None:
        """`provider` is named in the faults. No network is touched before the first order."""
        self._provider = provider
        self._session: aiohttp.ClientSession | None = None

    @contextlib.asynccontextmanager
    async def request(
        self, method: str, url: URL, *, body: bytes | Form | None, headers: Mapping[str, str], deadline_seconds: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request and give its answer to be read within the block, all of it before the deadline.

        Raises UpstreamFault for a connection that fails at any point, and for the deadline.
        """
        answer: aiohttp.ClientResponse | None = None
        data, headers = _sent(body, headers)
        try:
            async with (
                asyncio.timeout(deadline_seconds),
                self._open().request(method, url, data=data, headers=headers, allow_redirects=False) as answer,
            ):
                yield answer
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            raise self._fault(pb.REASON_UPSTREAM_FAILED, "cannot be reached", Bought.NO) from None
        except TimeoutError:
            raise self._fault(pb.REASON_TIMEOUT, "did not answer in time", bought_by(answer)) from None
        except (aiohttp.ClientError, OSError):
            raise self._fault(pb.REASON_UPSTREAM_FAILED, "broke the connection", bought_by(answer)) from None

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=60),
                cookie_jar=aiohttp.DummyCookieJar(),
                # Pictures do not shrink, and base64 that does costs more time to inflate than to send.
                headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "gesso"},
                skip_auto_headers=_OWN_HEADERS,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS),
                auto_decompress=False,
                trust_env=False,
                read_bufsize=_READ_BUFFER_BYTES,
            )
        return self._session

    def _fault(self, reason: pb.Reason.ValueType, verdict: str, bought: Bought) -> UpstreamFault:
        return UpstreamFault(
            reason,
            f"The upstream {self._provider} {verdict}.",
            bought=bought,
            retryable=True,
            details={"provider": self._provider},
        )


def _sent(
    body: bytes | Form | None, headers: Mapping[str, str]
) -> tuple[bytes | AsyncIterator[bytes] | None, Mapping[str, str]]:
    """What is sent: a large body goes out in slices, since one write of it would hold the loop."""
    if isinstance(body, Form):
        return body.sent(), {**headers, **body.headers}
    if body is None or len(body) <= _WHOLE_BODY_BYTES:
        return body, headers
    return sliced(body), {**headers, "Content-Length": str(len(body))}


def bought_by(answer: aiohttp.ClientResponse | None) -> Bought:
    """What an answer's status alone says of the purchase; None is no answer."""
    if answer is None or answer.status in _GAVE_UP_WAITING:
        return Bought.UNKNOWN
    return Bought.YES if answer.status < 300 else Bought.NO


async def read_error(answer: aiohttp.ClientResponse) -> bytes:
    """The body of an answer that failed, its first 64 KiB."""
    body = bytearray()
    async for chunk in answer.content.iter_any():
        body += chunk
        if len(body) >= _ERROR_BODY_BYTES:
            answer.close()
            break
    return bytes(body[:_ERROR_BODY_BYTES])


async def read_pictures(
    answer: aiohttp.ClientResponse,
    memory: Memory,
    limits: ReplyLimits,
    *,
    count: int,
    keys: Collection[str] = PICTURE_KEYS,
) -> tuple[bytes, list[bytearray]]:
    """The skeleton and the pictures of a reply of base64, with memory reserved for them before they are read.

    `count` is how many pictures were ordered: each is taken to have its share of the reply's length. `keys` are those under
    which pictures stand. Raises BadReply for what is no such reply, and what the connection raises.
    """
    received, reserved = 0, 0
    if answer.content_length is not None:
        reserved = _decoded_bytes(answer.content_length, limits)
        await memory.reserve(reserved)
    scanner = ReplyScanner(limits, picture_bytes=reserved // count, keys=keys)
    async for chunk, _ in answer.content.iter_chunks():
        received += len(chunk)
        needed = _decoded_bytes(received, limits)
        if needed > reserved:
            await memory.reserve(_RESERVED_STEP_BYTES)
            reserved += _RESERVED_STEP_BYTES
        scanner.feed(chunk)
    return scanner.finish()


async def read_picture(answer: aiohttp.ClientResponse, memory: Memory, limits: ReplyLimits) -> bytearray:
    """The one picture that is the whole body of an answer, with memory reserved before it is read.

    Raises BadReply for one larger than the limit, and what the connection raises.
    """
    picture = GrowingPicture(memory, limits.picture_bytes)
    await picture.expect(answer.content_length or 0)
    async for chunk in answer.content.iter_any():
        await picture.add(chunk)
    return picture.data


class GrowingPicture:
    """The bytes of one picture as they come, with memory reserved before they are kept."""

    def __init__(self, memory: Memory, limit_bytes: int) -> None:
        self.data = bytearray()
        self._memory = memory
        self._limit_bytes = limit_bytes
        self._reserved_bytes = 0

    async def expect(self, byte_count: int) -> None:
        """Reserve for so many in all. Raises BadReply where that is more than the limit."""
        if byte_count > self._limit_bytes:
            raise BadReply("a picture is larger than the limit")
        if byte_count > self._reserved_bytes:
            await self._memory.reserve(byte_count - self._reserved_bytes)
            self._reserved_bytes = byte_count

    async def add(self, chunk: bytes) -> None:
        """Take the next bytes. Raises BadReply where they are too many."""
        needed = len(self.data) + len(chunk)
        if needed > self._reserved_bytes:
            await self.expect(max(needed, min(self._reserved_bytes + _RESERVED_STEP_BYTES, self._limit_bytes)))
        self.data += chunk

    def begin_anew(self) -> None:
        """Drop what came, and keep the memory for the next try."""
        self.data = bytearray()


def _decoded_bytes(byte_count: int, limits: ReplyLimits) -> int:
    if byte_count > limits.reply_bytes:
        raise BadReply("the reply is larger than the limit")
    return byte_count * 3 // 4


def retry_after_seconds(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """When the vendor wants to be asked again: `retry-after-ms`, or `Retry-After` in seconds or as a date; at most an hour."""
    seconds = _number(headers.get("retry-after-ms"), 0.001)
    if seconds is None:
        seconds = _number(headers.get("Retry-After"), 1.0)
    if seconds is None:
        with contextlib.suppress(ValueError):
            seconds = (
                parsedate_to_datetime(headers.get("Retry-After", "")) - (now or datetime.now(UTC))
            ).total_seconds()
    return None if seconds is None else min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_SECONDS)


def _number(text: str | None, unit: float) -> float | None:
    try:
        number = float(text or "")
    except ValueError:
        return None
    return number * unit if number >= 0 else None
