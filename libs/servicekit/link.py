"""A Link is one long-lived channel to another service, with this process's identity on each call and faults read back.

One channel per pair of processes: a channel costs a connection and its keepalive, a call on it nothing more.
"""

import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable
from typing import Protocol, TypeVar

import grpc
import grpc.aio

from servicekit import calls, tracing
from servicekit.faults import from_rpc_error
from servicekit.identity import CALLER_TOKEN_KEY, REQUEST_ID_KEY, TRACE_KEY, Identity

_OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.max_send_message_length", 16 << 20),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.default_authority", "gesso"),
)

Request = TypeVar("Request", contravariant=True)
Response = TypeVar("Response", covariant=True)
Sent = TypeVar("Sent")
Got = TypeVar("Got")


class Method(Protocol[Request, Response]):
    """A unary method of a generated stub."""

    def __call__(
        self, request: Request, *, timeout: float | None = None, metadata: tuple[tuple[str, str], ...] = ()
    ) -> Awaitable[Response]:
        """Call it."""


class Link:
    """A channel to the service `component`; make stubs on `channel` and call their unary methods through `call`."""

    def __init__(self, channel: grpc.aio.Channel, component: str, identity: Identity) -> None:
        self.channel = channel
        self.component = component
        self._metadata = identity.metadata()
        self._attributes = {"rpc.system": "grpc", "rpc.service": component}

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, address: str, *, component: str, identity: Identity) -> "AsyncIterator[Link]":
        """Open the channel to `unix:/path` or `host:port`; nothing is connected before the first call."""
        async with grpc.aio.insecure_channel(address, options=_OPTIONS) as channel:
            yield cls(channel, component, identity)

    async def call(
        self,
        method: "Method[Sent, Got]",
        request: Sent,
        *,
        timeout_seconds: float = 10.0,
        caller_token: bytes = b"",
    ) -> Got:
        """Call a unary method, with a caller's token where it is for one account.

        Raises the Fault that the service answered, Unavailable, or Fault TIMEOUT.
        """
        token = ((CALLER_TOKEN_KEY, base64.b64encode(caller_token).decode()),) if caller_token else ()
        try:
            with tracing.span("rpc", self._attributes):
                return await method(request, timeout=timeout_seconds, metadata=(*self.metadata(), *token))
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, self.component) from error

    @property
    def identity(self) -> tuple[tuple[str, str], ...]:
        """This process's identity alone, for what outlives the call that happens to begin it."""
        return tuple(self._metadata)

    def metadata(self) -> tuple[tuple[str, str], ...]:
        """This process's identity, and the request id and trace of the call that it serves."""
        call = calls.current()
        extra = ((REQUEST_ID_KEY, call.request_id if call else ""), (TRACE_KEY, tracing.inject()))
        return (*self._metadata, *(entry for entry in extra if entry[1]))
