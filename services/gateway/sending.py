"""Sends replies: whole where they are small, in blocks where pictures stand in them as base64, with an exact Content-Length.

Pictures never lie in memory whole: all replies share one budget of block buffers, so that many at once get smaller blocks.
"""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping

import pybase64
from aiohttp import web
from multidict import CIMultiDict

from gateway.sources import Sources
from gateway.wire import Base64Of, Reply

_SERVER = "gesso"
_UNIT_BYTES = 3 * 1024
"""Blocks are multiples of 3 bytes, so that the base64 of one runs into that of the next."""
_SMALLEST_BLOCK_BYTES = 16 * _UNIT_BYTES
_LARGEST_BLOCK_BYTES = 128 * _UNIT_BYTES
_BUFFERED_PER_BLOCK_BYTE = 3
"""A block, its base64, and what the transport keeps of it."""


class BlockSizes:
    """Divides the memory for blocks among the replies that are being sent."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._sending = 0

    @contextlib.contextmanager
    def sending(self) -> Iterator[None]:
        """Count one reply for the length of the block."""
        self._sending += 1
        try:
            yield
        finally:
            self._sending -= 1

    @property
    def block_bytes(self) -> int:
        """How large the next block may be."""
        share = self._memory_bytes // (_BUFFERED_PER_BLOCK_BYTE * max(self._sending, 1))
        bounded = min(max(share, _SMALLEST_BLOCK_BYTES), _LARGEST_BLOCK_BYTES)
        return bounded - bounded % _UNIT_BYTES


class Sending:
    """Sends the replies of one process."""

    def __init__(self, sources: Sources, *, memory_bytes: int) -> None:
        self._sources = sources
        self._blocks = BlockSizes(memory_bytes)

    def check(self, reply: Reply) -> None:
        """Raise Unavailable where a picture of the reply is known not to be readable, while another answer can still be given."""
        for part in reply.body:
            if isinstance(part, Base64Of):
                self._sources.check(part.read_url, part.byte_count)

    async def send(self, request: web.BaseRequest, reply: Reply, headers: Mapping[str, str]) -> web.StreamResponse:
        """Send a reply with these headers beside its own."""
        everything = CIMultiDict({"Server": _SERVER, **headers, **reply.headers})
        if reply.body:
            everything["Content-Type"] = reply.content_type
        if len(reply.body) <= 1 and not any(isinstance(part, Base64Of) for part in reply.body):
            body = reply.body[0] if reply.body else None
            return web.Response(status=reply.status, headers=everything, body=body)
        return await self._stream(request, reply, everything)

    async def _stream(self, request: web.BaseRequest, reply: Reply, headers: CIMultiDict[str]) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status, headers=headers)
        response.content_length = reply.length
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        with self._blocks.sending():
            async for block in self._encoded(reply):
                await response.write(block)
        await response.write_eof()
        return response

    async def _encoded(self, reply: Reply) -> AsyncIterator[bytes]:
        for part in reply.body:
            if isinstance(part, bytes):
                yield part
                continue
            async for block in self._sources.blocks(part.read_url, part.byte_count, lambda: self._blocks.block_bytes):
                yield pybase64.b64encode(block)
