"""The HTTP server around the edge: listening, time limits for idle and slow connections, and an orderly end."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

from aiohttp import web

from gateway.clients.watch import Watch
from gateway.edge import Edge

_IDLE_SECONDS = 75.0
"""For a connection without a complete request head: longer than load balancers keep theirs, and the bound for slow heads."""
_LINGER_SECONDS = 5.0
_MAX_LINE_BYTES = 16 * 1024
_BACKLOG = 1024


class _Connection(web.RequestHandler):
    """Has the edge word what is no HTTP at all and so reaches no route; aiohttp's own answer is plain text, its log a traceback."""

    __slots__ = ("_edge",)

    def __init__(self, server: web.Server, edge: Edge) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # none at all: the edge logs its calls itself
            auto_decompress=False,
            keepalive_timeout=_IDLE_SECONDS,
            lingering_time=_LINGER_SECONDS,
            max_line_size=_MAX_LINE_BYTES,
            max_field_size=_MAX_LINE_BYTES,
        )
        self._edge = edge

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that could not be read; what nobody foresaw stays aiohttp's to log and to answer."""
        if status >= 500 or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        answer = self._edge.unreadable(request.remote or "")
        answer.force_close()
        return answer


class Listener:
    """A bound socket: its address is known before anything is served on it."""

    def __init__(self, bound: socket.socket) -> None:
        self._socket = bound

    @classmethod
    def bind(cls, host: str, port: int) -> "Listener":
        """Take the port; 0 for any. Raises OSError."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.create_server((host, port), family=family, backlog=_BACKLOG)
        bound.setblocking(False)
        return cls(bound)

    @property
    def url(self) -> str:
        """Where it is reached."""
        host, port = self._socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @contextlib.asynccontextmanager
    async def serving(self, edge: Edge, watch: Watch, *, grace_seconds: float) -> AsyncIterator[None]:
        """Serve for the length of the block.

        At its end no connection is taken any more, calls that wait have `grace_seconds` for their jobs, and then each gets
        its dialect's answer of a wait that ran out.
        """
        server = web.Server(edge.serve, handler_cancellation=True)
        loop = asyncio.get_running_loop()
        listening = await loop.create_server(lambda: _Connection(server, edge), sock=self._socket)
        try:
            yield
        finally:
            listening.close()
            server.pre_shutdown()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(watch.idle(), grace_seconds)
            watch.end_all()
            await server.shutdown(_LINGER_SECONDS)
