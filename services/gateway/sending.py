"""Sends replies: whole where they are small, in blocks where pictures stand in them as base64, with an exact Content-Length.

Pictures never lie in memory whole: all replies share one budget of block buffers, so that many at once get smaller blocks.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pybase64
from aiohttp import web
from multidict import CIMultiDict

from gateway.sources import Sources
from gateway.wire import Base64Of, Event, Reply
from servicekit import direct
from servicekit.faults import Unavailable

_SERVER = "gesso"
_UNIT_BYTES = 3 * direct.ALIGNMENT_BYTES
"""Blocks are multiples of 3 bytes, so that the base64 of one runs into that of the next, and of what a disk reads."""
_SMALLEST_BLOCK_BYTES = 2 * _UNIT_BYTES
_LARGEST_BLOCK_BYTES = 128 * _UNIT_BYTES
_PAUSE_SECONDS = 15.0
_PAUSE = b": still at work\n\n"
_BUFFERED_PER_BLOCK_BYTE = 3
"""A block, its base64, and what the transport keeps of it."""


class BlockSizes:
    """Divides the memory for blocks among the pictures that are being sent."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._sending = 0

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """Count one picture, from its first block on, for the length of the block."""
        self._sending += 1
        try:
            yield
        finally:
            self._sending -= 1

    def block_bytes(self) -> int:
        """How large the next block may be."""
        share = self._memory_bytes // (_BUFFERED_PER_BLOCK_BYTE * max(self._sending, 1))
        bounded = min(max(share, _SMALLEST_BLOCK_BYTES), _LARGEST_BLOCK_BYTES)
        return bounded - bounded % _UNIT_BYTES


@dataclass(frozen=True, slots=True)
class Begun:
    """A reply of which nothing is sent yet: where pictures stand in it, the first of them has been found readable."""

    reply: Reply
    opening: tuple[bytes, ...] = ()
    rest: AsyncGenerator[bytes, None] | None = None
    """None where the reply is not streamed."""


class Sending:
    """Sends the replies of one process."""

    def __init__(self, sources: Sources, *, memory_bytes: int) -> None:
        self._sources = sources
        self._blocks = BlockSizes(memory_bytes)

    async def begin(self, reply: Reply) -> Begun:
        """Read the beginning. Raises Unavailable where a picture cannot be read, while another answer can still be given."""
        if reply.events is not None:
            return await self._begin_events(reply, reply.events)
        pictures = [part for part in reply.body if isinstance(part, Base64Of)]
        if not pictures:
            return Begun(reply)
        for picture in pictures:
            self._sources.check(picture.read_url, picture.byte_count)
        rest = self._encoded(reply.body)
        return Begun(reply, (await anext(rest), await anext(rest)), rest)

    async def send(self, request: web.BaseRequest, begun: Begun, headers: Mapping[str, str]) -> web.StreamResponse:
        """Send a reply with these headers beside its own. Raises Unavailable where it cannot be sent to its end."""
        if begun.rest is None:
            return whole(begun.reply, headers)
        return await self._stream(request, begun, begun.rest, _head(begun.reply, headers))

    async def _begin_events(self, reply: Reply, events: AsyncIterator[Event]) -> Begun:
        """Wait for the first event: what fails before it can still be answered as an error."""
        rest = self._written(events)
        return Begun(reply, (await anext(rest, b""),), rest)

    async def _written(self, events: AsyncIterator[Event]) -> AsyncGenerator[bytes, None]:
        """Events as they come, and a comment where they keep proxies waiting."""
        async for event in _with_pauses(events):
            if event is None:
                yield _PAUSE
                continue
            data = self._encoded(event.data)
            try:
                opening = await self._opening(event, data)
            except Unavailable:
                if event.optional:
                    continue
                raise
            yield event.head + opening
            async for block in data:
                yield block
            yield b"\n\n"

    async def _opening(self, event: Event, data: AsyncGenerator[bytes, None]) -> bytes:
        """The first of an event's data: where a picture stands in them, so much that it has been found readable."""
        if not any(isinstance(part, Base64Of) for part in event.data):
            return await anext(data)
        for part in event.data:
            if isinstance(part, Base64Of):
                self._sources.check(part.read_url, part.byte_count)
        return await anext(data) + await anext(data, b"")

    async def _stream(
        self, request: web.BaseRequest, begun: Begun, rest: AsyncGenerator[bytes, None], headers: CIMultiDict[str]
    ) -> web.StreamResponse:
        response = web.StreamResponse(status=begun.reply.status, headers=headers)
        if begun.reply.events is None:
            response.content_length = begun.reply.length
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        for block in begun.opening:
            await response.write(block)
        async with contextlib.aclosing(rest):
            async for block in rest:
                await response.write(block)
        await response.write_eof()
        return response

    async def _encoded(self, body: Sequence[bytes | Base64Of]) -> AsyncGenerator[bytes, None]:
        for part in body:
            if isinstance(part, bytes):
                yield part
                continue
            with self._blocks.sending():
                async for block in self._sources.blocks(part.read_url, part.byte_count, self._blocks.block_bytes):
                    yield pybase64.b64encode(block)


async def _with_pauses(events: AsyncIterator[Event]) -> AsyncGenerator[Event | None, None]:
    """The events, the first as it comes, and None whenever the next takes longer than a pause."""
    pause: float | None = None
    async with contextlib.AsyncExitStack() as stack:
        if isinstance(events, AsyncGenerator):
            await stack.enter_async_context(contextlib.aclosing(events))
        while True:
            following = asyncio.ensure_future(anext(events, None))
            stack.callback(following.cancel)
            while not (await asyncio.wait((following,), timeout=pause))[0]:
                yield None
            event = following.result()
            if event is None:
                return
            yield event
            pause = _PAUSE_SECONDS


def whole(reply: Reply, headers: Mapping[str, str] = MappingProxyType({})) -> web.Response:
    """A reply without pictures in it, with these headers beside its own."""
    body = b"".join(part for part in reply.body if isinstance(part, bytes)) if reply.body else None
    return web.Response(status=reply.status, headers=_head(reply, headers), body=body)


def _head(reply: Reply, headers: Mapping[str, str]) -> CIMultiDict[str]:
    everything = CIMultiDict({"Server": _SERVER, **headers, **reply.headers})
    if reply.body or reply.events is not None:
        everything["Content-Type"] = reply.content_type
    return everything
