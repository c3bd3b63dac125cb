"""A webhook receiver that remembers: every delivery's raw bytes and headers, answered as the test says."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Answer:
    """What the receiver answers.

    ``delay_seconds`` passes first, or the time until ``gate`` is set; ``drop`` closes the connection instead.
    """

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay_seconds: float = 0.0
    gate: asyncio.Event | None = field(default=None, compare=False)
    drop: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery as it came: header names in lower case, the body untouched, as signatures are made over bytes."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    arrived_at: float  # the event loop's time, in seconds

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return msgspec.json.decode(self.body)


class WebhookReceiver:
    """An HTTP server on 127.0.0.1 that takes any method on any path; made by `webhook_receiver`.

    ``answers`` is consumed one a delivery, then ``default`` answers. ``url`` takes any path behind it, so that one
    receiver stands for many endpoints. Wait with ``eventually(lambda: receiver.on("/a"))``.
    """

    def __init__(self) -> None:
        self.url = ""
        self.received: list[Received] = []
        self.answers: deque[Answer] = deque()
        self.default = Answer()

    def on(self, path: str) -> list[Received]:
        """Return what came to ``path``, in order; an empty list fails an `eventually`."""
        found = [delivery for delivery in self.received if delivery.path == path]
        assert found, f"nothing has come to {path}; there is {[delivery.path for delivery in self.received]}"
        return found

    async def serve(self, request: web.BaseRequest) -> web.Response:
        """Record one delivery and answer it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = await request.read()
        arrived_at = asyncio.get_running_loop().time()
        self.received.append(Received(request.method, request.path, headers, body, arrived_at))
        answer = self.answers.popleft() if self.answers else self.default
        if answer.gate is not None:
            await answer.gate.wait()
        await asyncio.sleep(answer.delay_seconds)
        if answer.drop and request.transport is not None:
            request.transport.abort()
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


@asynccontextmanager
async def webhook_receiver(port: int = 0) -> AsyncIterator[WebhookReceiver]:
    """Start a receiver on 127.0.0.1 (any port where 0); its memory outlives the server."""
    receiver = WebhookReceiver()
    server = web.Server(receiver.serve, handler_cancellation=True, access_log=None)
    runner = web.ServerRunner(server, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
