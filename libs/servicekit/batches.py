"""Batches go over one long-lived stream per link and method: a message on a stream costs a third of a call.

Measured with four items, both ends together: 420 us of CPU for a unary call, 160 us for a message and its answer on a stream. The
unary method stays beside it, and serves where a stream cannot: it carries a sampled trace, and tells why a stream broke.
"""

import asyncio
import contextlib
from typing import Any, Generic, TypeVar

from grpc import aio
from grpc.aio import EOF  # type: ignore[attr-defined]  # not in the stubs

from gesso.errors.v1 import reason_pb2 as reasons
from servicekit import tracing
from servicekit.faults import Fault
from servicekit.link import Link, Method

Sent = TypeVar("Sent")
Got = TypeVar("Got")


class Batches(Generic[Sent, Got]):
    """Calls one batch method of a link, over a stream where that can be.

    Made for a Coalescer with one flush under way; a call beside another is made by itself. Every batch must be repeatable: where a
    stream breaks, whether its last request was served is not known, and the request is sent again as a call.
    """

    def __init__(self, link: Link, unary: "Method[Sent, Got]", stream: Any, *, timeout_seconds: float = 10.0) -> None:
        self._link = link
        self._unary = unary
        self._stream = stream
        self._timeout_seconds = timeout_seconds
        self._open: Any = None
        self._busy = False

    async def call(self, request: Sent) -> Got:
        """Send a batch and return its answer. Raises what `Link.call` raises."""
        answer: Got | None = None
        if not self._busy and not tracing.is_sampled():
            self._busy = True
            try:
                answer = await self._over_stream(request)
            finally:
                self._busy = False
        if answer is None:
            return await self._link.call(self._unary, request, timeout_seconds=self._timeout_seconds)
        return answer

    async def _over_stream(self, request: Sent) -> Got | None:
        """Return the answer, or None where the stream broke."""
        if self._open is None:
            self._open = self._stream(metadata=self._link.identity)
        answer = None
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._open.write(request)
                answer = await self._open.read()
        except TimeoutError as error:
            raise Fault(
                reasons.REASON_TIMEOUT,
                f"The {self._link.component} did not answer in time.",
                details={"component": self._link.component},
            ) from error
        except (aio.AioRpcError, asyncio.InvalidStateError):
            answer = None
        finally:
            if answer is None or answer is EOF:
                self._drop()
        return None if answer is EOF else answer

    def _drop(self) -> None:
        broken, self._open = self._open, None
        with contextlib.suppress(asyncio.InvalidStateError):
            broken.cancel()
