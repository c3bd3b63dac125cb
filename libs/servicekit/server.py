"""The gRPC server that each service runs: its methods behind one boundary, with health, reflection and an orderly end."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from servicekit.boundary import Boundary
from servicekit.calls import CallObserver
from servicekit.identity import Access

_OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.max_send_message_length", 16 << 20),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),  # links ping every 60 s
)
Context = aio.ServicerContext[Any, Any]
"""What a servicer's method gets beside its request."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One servicer and the generated function that adds it; `name` is the full service name."""

    name: str
    add: Callable[[Any, aio.Server], None]
    servicer: object


@contextlib.asynccontextmanager
async def serving(
    address: str,
    registrations: Sequence[Registration],
    *,
    access: Access,
    observer: CallObserver,
    grace_seconds: float = 10.0,
) -> AsyncIterator[str]:
    """Serve on `unix:/path` or `host:port` (0 for any port); yields the address that clients use.

    On leaving, health says NOT_SERVING, no call is taken any more and running ones have `grace_seconds` to end.
    """
    boundary = Boundary(access, observer)
    server = aio.server(interceptors=[boundary], options=_OPTIONS)
    for registration in registrations:
        registration.add(registration.servicer, server)
    health_servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]  # not in the stubs
    health_pb2_grpc.add_HealthServicer_to_server(health_servicer, server)
    names = [registration.name for registration in registrations]
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    port = server.add_insecure_port(address)
    await server.start()
    for name in ("", *names):
        await health_servicer.set(name, health_pb2.HealthCheckResponse.SERVING)
    try:
        yield address if address.startswith("unix:") else f"{address.rpartition(':')[0]}:{port}"
    finally:
        await health_servicer.enter_graceful_shutdown()
        boundary.close()
        await server.stop(grace_seconds)
