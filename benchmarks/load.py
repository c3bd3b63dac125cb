"""A closed-loop HTTP load that costs little itself: raw sockets, one request at a time on each of n connections."""

import asyncio
import time
from dataclasses import dataclass

_READ_LIMIT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Request:
    """One POST of JSON, sent again and again."""

    host: str
    port: int
    path: str
    authorization: str
    body: bytes
    prefer: str = ""
    """The header of that name, where it is not empty."""

    def wire(self) -> bytes:
        """The bytes on the wire."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: {self.authorization}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(self.body)}\r\n"
        )
        prefer = f"Prefer: {self.prefer}\r\n" if self.prefer else ""
        return f"{head}{prefer}\r\n".encode() + self.body


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run of requests took."""

    count: int
    seconds: float
    latencies: tuple[float, ...]
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.count / self.seconds

    def percentile(self, share: float) -> float:
        """Seconds within which this share of the requests was answered."""
        ordered = sorted(self.latencies)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


async def run(request: Request, *, clients: int, count: int) -> Measured:
    """Send `count` requests over `clients` connections."""
    wire, remaining = request.wire(), iter(range(count))
    latencies: list[float] = []
    statuses: dict[int, int] = {}

    async def client() -> None:
        reader, writer = await asyncio.open_connection(request.host, request.port, limit=_READ_LIMIT_BYTES)
        for _ in remaining:
            started = time.perf_counter()
            writer.write(wire)
            status = await _answer(reader)
            latencies.append(time.perf_counter() - started)
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return Measured(count, time.perf_counter() - started, tuple(latencies), statuses)


async def _answer(reader: asyncio.StreamReader) -> int:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    status = int(head[9:12])
    if b"transfer-encoding: chunked" in head:
        while size := int(await reader.readline(), 16):
            await _skip(reader, size + 2)
        await reader.readline()
        return status
    _, _, length = head.partition(b"content-length:")
    await _skip(reader, int(length.partition(b"\r\n")[0]) if length else 0)
    return status


async def _skip(reader: asyncio.StreamReader, size: int) -> None:
    while size > 0:
        size -= len(await reader.read(min(size, _READ_LIMIT_BYTES)))
