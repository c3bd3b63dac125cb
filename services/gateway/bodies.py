"""Reads request bodies: of the right type, in bounded time and memory.

Small bodies are bounded by the number of connections; the bytes of large ones are counted for the whole process, and what does not
fit is refused at once, before it is read.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TypeVar

from aiohttp import BodyPartReader, MultipartReader, web
from aiohttp.http_exceptions import BadHttpMessage

from gateway.forms import Form
from gateway.orders import Upload
from gateway.wire import FORM
from gesso.errors.v1 import reason_pb2 as pb
from servicekit.faults import Fault, InvalidField, Overloaded

_SMALL_BYTES = 64 * 1024
_TIMEOUT_SECONDS = 120.0
_BLOCK_BYTES = 64 * 1024
_MOST_PARTS = 100
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Body = bytes | bytearray
Parsed = TypeVar("Parsed")


class Claim:
    """The memory of one body, out of the whole process's."""

    def __init__(self, memory: "BodyMemory") -> None:
        self._memory = memory
        self._taken = 0

    def cover(self, byte_count: int) -> None:
        """Have at least so many bytes. Raises Overloaded."""
        missing = byte_count - self._taken
        if missing > self._memory.free_bytes:
            raise Overloaded("Too many large requests are being read; try again in a moment.")
        if missing > 0:
            self._memory.free_bytes -= missing
            self._taken = byte_count

    def give_back(self) -> None:
        """Free all of it."""
        self._memory.free_bytes += self._taken
        self._taken = 0


class BodyMemory:
    """The bytes of large bodies that may be held at once."""

    def __init__(self, total_bytes: int) -> None:
        self.free_bytes = total_bytes

    @contextlib.contextmanager
    def claim(self) -> Iterator[Claim]:
        """A claim that is given back at the end of the block."""
        claim = Claim(self)
        try:
            yield claim
        finally:
            claim.give_back()


class Bodies:
    """Reads every body: at most `limit_bytes`, the large ones out of `memory_bytes` for all together."""

    def __init__(self, *, limit_bytes: int, memory_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._memory = BodyMemory(memory_bytes)

    async def json(self, request: web.BaseRequest, parse: Callable[[Body], Parsed]) -> Parsed:
        """What `parse` makes of a JSON body, which is forgotten then.

        Raises what `parse` raises, Fault UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE or OVERLOADED, and InvalidField.
        """
        _check_type(request)
        return await self._read(request, parse)

    @contextlib.asynccontextmanager
    async def form(self, request: web.BaseRequest) -> AsyncIterator[Form]:
        """A multipart form; the memory of its files is counted until the end of the block. Raises as `json` does."""
        _check_encoding(request)
        declared = request.content_length
        if declared is not None and declared > self._limit_bytes:
            raise self._too_large()
        await _encourage(request)
        with self._memory.claim() as claim:
            claim.cover(declared or 0)
            try:
                async with asyncio.timeout(_TIMEOUT_SECONDS):
                    parts = await self._parts(request, claim)
            except TimeoutError:
                raise _too_slow() from None
            except (web.RequestPayloadError, BadHttpMessage):
                raise _no_form("it is not framed as its headers say") from None
            except ValueError as error:
                raise _no_form(str(error)) from None
            yield Form(parts)

    async def _parts(self, request: web.BaseRequest, claim: Claim) -> list[tuple[str, str | Upload]]:
        parts: list[tuple[str, str | Upload]] = []
        received = 0
        async for part in MultipartReader(request.headers, request.content):
            if not isinstance(part, BodyPartReader) or part.name is None:
                raise ValueError("a part has no name")
            if len(parts) == _MOST_PARTS:
                raise ValueError(f"it has more than {_MOST_PARTS} parts")
            data = bytearray()
            while block := await part.read_chunk(_BLOCK_BYTES):
                received += len(block)
                if received > self._limit_bytes:
                    raise self._too_large()
                claim.cover(received)
                data += block
            is_file = part.filename is not None
            parts.append((part.name, Upload(data, part.filename or "") if is_file else data.decode()))
        return parts

    async def _read(self, request: web.BaseRequest, parse: Callable[[Body], Parsed]) -> Parsed:
        declared = request.content_length
        if declared is not None and declared > self._limit_bytes:
            raise self._too_large()
        await _encourage(request)
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                if declared is not None and declared <= _SMALL_BYTES:
                    return parse(await _small(request))
                return await self._large(request, declared or 0, parse)
        except TimeoutError:
            raise _too_slow() from None
        except web.RequestPayloadError:
            raise InvalidField("", "The body is not framed as its headers say.") from None

    async def _large(self, request: web.BaseRequest, declared_bytes: int, parse: Callable[[Body], Parsed]) -> Parsed:
        with self._memory.claim() as claim:
            claim.cover(declared_bytes)
            body = bytearray()
            async for block in request.content.iter_any():
                if len(body) + len(block) > self._limit_bytes:
                    raise self._too_large()
                claim.cover(len(body) + len(block))
                body += block
            return parse(body)

    def _too_large(self) -> Fault:
        return Fault(
            pb.REASON_PAYLOAD_TOO_LARGE,
            f"The body is larger than {self._limit_bytes} bytes.",
            details={"limit_bytes": str(self._limit_bytes)},
        )


async def _small(request: web.BaseRequest) -> bytes:
    first = await request.content.readany()
    if request.content.at_eof():
        return first
    return first + await request.content.read()


async def _encourage(request: web.BaseRequest) -> None:
    """Answer `Expect: 100-continue`, for which clients wait before they send a large body."""
    if request.headers.get("Expect", "").lower() == "100-continue":
        await request.writer.write(_CONTINUE)
        request.writer.output_size = 0


def is_form(request: web.BaseRequest) -> bool:
    """Whether the body says that it is a multipart form."""
    return _media_type(request) == FORM


def _media_type(request: web.BaseRequest) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _check_encoding(request: web.BaseRequest) -> None:
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding != "identity":
        raise _unsupported(f"Bodies compressed with {encoding} are not taken: send the body as it is.")


def _check_type(request: web.BaseRequest) -> None:
    _check_encoding(request)
    media_type = _media_type(request)
    if media_type != "application/json" and not media_type.endswith("+json"):
        raise _unsupported(f"The Content-Type must be application/json, not {media_type or 'absent'}.")


def _no_form(cause: str) -> InvalidField:
    return InvalidField("", f"The body is no well-formed multipart form: {cause}.")


def _too_slow() -> InvalidField:
    return InvalidField("", f"The body did not arrive within {_TIMEOUT_SECONDS:.0f} s.")


def _unsupported(message: str) -> Fault:
    return Fault(pb.REASON_UNSUPPORTED_MEDIA_TYPE, message)
