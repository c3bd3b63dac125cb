"""Reads pictures in blocks from where the gallery says they lie: a local file, or an address inside the platform."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp
from yarl import URL

from servicekit import direct
from servicekit.faults import Unavailable

BlockSize = Callable[[], int]
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=30)


class Sources:
    """Opens pictures by their `read_url`."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls) -> "AsyncIterator[Sources]":
        """With connections that live as long as the block."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT, auto_decompress=False, trust_env=False) as session:
            yield cls(session)

    def check(self, read_url: str, byte_count: int) -> None:
        """Raise Unavailable where a local picture is not there in full; an address is only found out by reading."""
        parts = urlsplit(read_url)
        if parts.scheme != "file":
            return
        try:
            found = Path(unquote(parts.path)).stat().st_size
        except OSError:
            found = -1
        if found != byte_count:
            raise Unavailable("picture store")

    async def blocks(self, read_url: str, byte_count: int, block_bytes: BlockSize) -> AsyncIterator[memoryview | bytes]:
        """Exactly `byte_count` bytes, each block of the size that is asked for just before, the last one shorter.

        A block is valid until the next is asked for. Raises Unavailable.
        """
        parts = urlsplit(read_url)
        if parts.scheme == "file":
            async for view in _file_blocks(unquote(parts.path), byte_count, block_bytes):
                yield view
        else:
            async for block in self._http_blocks(read_url, byte_count, block_bytes):
                yield block

    async def _http_blocks(self, url: str, byte_count: int, block_bytes: BlockSize) -> AsyncIterator[bytes]:
        try:
            async with self._session.get(URL(url, encoded=True)) as response:
                if response.status != 200:
                    raise Unavailable("picture store")
                left = byte_count
                while left:
                    size = min(block_bytes(), left)
                    yield await response.content.readexactly(size)
                    left -= size
        except (aiohttp.ClientError, asyncio.IncompleteReadError, TimeoutError) as error:
            raise Unavailable("picture store") from error


async def _file_blocks(path: str, byte_count: int, block_bytes: BlockSize) -> AsyncIterator[memoryview]:
    """Large files are read past the page cache, where whoever wrote them left nothing (see `servicekit.direct`)."""
    is_large = byte_count >= direct.FROM_BYTES
    read = _read_from_disk if is_large else _read_cached
    try:
        descriptor = direct.open_to_read(path) if is_large else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise Unavailable("picture store") from error
    try:
        buffer = direct.aligned(min(block_bytes(), byte_count + direct.ALIGNMENT_BYTES))
        offset = 0
        while offset < byte_count:
            size = min(block_bytes(), byte_count - offset, len(buffer))
            try:
                count = await read(descriptor, buffer, size, offset)
            except OSError as error:
                raise Unavailable("picture store") from error
            if count < size:
                raise Unavailable("picture store")
            yield buffer[:size]
            offset += size
    finally:
        os.close(descriptor)


async def _read_from_disk(descriptor: int, buffer: memoryview, size: int, offset: int) -> int:
    whole_bytes = size + -size % direct.ALIGNMENT_BYTES
    return await asyncio.get_running_loop().run_in_executor(
        None, direct.read_into, descriptor, buffer[:whole_bytes], offset
    )


async def _read_cached(descriptor: int, buffer: memoryview, size: int, offset: int) -> int:
    """Read at once what the page cache holds, and in a thread what the disk has to bring."""
    view = buffer[:size]
    try:
        if os.preadv(descriptor, [view], offset, os.RWF_NOWAIT) == size:
            return size
    except OSError:  # not cached, or a file system that cannot tell
        pass
    return await asyncio.to_thread(os.preadv, descriptor, [view], offset)
