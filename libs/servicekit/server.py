"""The gRPC server that each service runs: callers checked, faults turned into statuses, calls observed; health and reflection.

One interceptor does all three, once per call; calls are coalesced, so this is paid per batch.
"""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import grpc
from grpc import aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status

from servicekit.calls import Call, CallObserver, enter, leave
from servicekit.faults import Fault, Internal, to_status
from servicekit.identity import REQUEST_ID_KEY, SERVICE_KEY, TOKEN_KEY, TRACE_KEY, Access

_OPTIONS = (
    ("grpc.max_receive_message_length", 16 << 20),
    ("grpc.max_send_message_length", 16 << 20),
    ("grpc.so_reuseport", 0),
    ("grpc.http2.min_ping_interval_without_data_ms", 30_000),  # links ping every 60 s
)
Context = aio.ServicerContext[Any, Any]
"""What a servicer's method gets beside its request."""

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic in the stubs alone
_Unary = Callable[[Any, Any], Awaitable[Any]]
_Stream = Callable[[Any, Any], AsyncIterator[Any]]
_OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.")


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
    server = aio.server(interceptors=[_Boundary(access, observer)], options=_OPTIONS)
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
        await server.stop(grace_seconds)


class _Boundary(aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs alone
    def __init__(self, access: Access, observer: CallObserver) -> None:
        self._access = access
        self._observer = observer
        self._wrapped: dict[str, _Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        method = handler_call_details.method
        if method.startswith(_OPEN_SERVICES):
            return await continuation(handler_call_details)
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            inner: _Handler | None = await continuation(handler_call_details)
            if inner is None:
                return None  # type: ignore[return-value]  # grpc answers UNIMPLEMENTED
            wrapped = self._wrapped[method] = self._wrap(method, inner)
        return wrapped

    def _wrap(self, method: str, inner: _Handler) -> _Handler:
        if inner.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(
                self._unary(method, cast("_Unary", inner.unary_unary)),
                inner.request_deserializer,
                inner.response_serializer,
            )
        assert inner.stream_stream is not None, "our services have unary and bidirectional methods only"
        return grpc.stream_stream_rpc_method_handler(
            self._stream(method, cast("_Stream", inner.stream_stream)),
            inner.request_deserializer,
            inner.response_serializer,
        )

    def _unary(self, method: str, serve: _Unary) -> _Unary:
        async def boundary(request: Any, context: Any) -> Any:
            async with self._observed(method, context):
                return await serve(request, context)

        return boundary

    def _stream(
        self, method: str, serve: Callable[[Any, Any], AsyncIterator[Any]]
    ) -> Callable[[Any, Any], AsyncIterator[Any]]:
        async def boundary(requests: Any, context: Any) -> AsyncIterator[Any]:
            async with self._observed(method, context):
                async for response in serve(requests, context):
                    yield response

        return boundary

    @contextlib.asynccontextmanager
    async def _observed(self, method: str, context: Any) -> AsyncIterator[None]:
        sent = dict(context.invocation_metadata() or ())
        call = Call(method, sent.get(SERVICE_KEY, ""), sent.get(REQUEST_ID_KEY, ""), sent.get(TRACE_KEY, ""))
        token = enter(call)
        fault: Fault | None = None
        error: BaseException | None = None
        self._observer.call_started(call)
        try:
            self._access.check(method, call.peer, sent.get(TOKEN_KEY, ""))
            yield
        except Fault as raised:
            fault = raised
        except GeneratorExit:
            raise
        except Exception as raised:  # noqa: BLE001 - the boundary of the process: a bug is logged and answered as one
            error, fault = raised, Internal()
        finally:
            call.seconds = time.perf_counter() - call.started_at
            call.reason = fault.reason_name if fault else call.reason
            self._observer.call_finished(call, error)
            leave(token)
        if fault is not None:
            await context.abort_with_status(rpc_status.to_status(to_status(fault)))
