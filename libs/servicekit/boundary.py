"""The boundary of a gRPC server: callers checked, faults turned into statuses, each call and each streamed batch observed.

One interceptor does all three, once per call; calls are coalesced, so this is paid per batch.
"""

import asyncio
import contextlib
import contextvars
import functools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import grpc
from grpc import aio
from grpc.aio import EOF  # type: ignore[attr-defined]  # not in the stubs
from grpc_status import rpc_status

from servicekit.calls import Call, CallObserver, enter, leave
from servicekit.faults import Fault, Internal, to_status
from servicekit.identity import REQUEST_ID_KEY, SERVICE_KEY, TOKEN_KEY, TRACE_KEY, Access

_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"  # generic in the stubs alone
_Unary = Callable[[Any, Any], Awaitable[Any]]
_Stream = Callable[[Any, Any], AsyncIterator[Any]]
_OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.")


class Boundary(aio.ServerInterceptor):  # type: ignore[type-arg]  # generic in the stubs alone
    """Stands before every method of one server; `close` lets go of streams that wait for their next batch."""

    def __init__(self, access: Access, observer: CallObserver) -> None:
        self._access = access
        self._observer = observer
        self._wrapped: dict[str, _Handler] = {}
        self._resting: set[asyncio.Task[Any]] = set()
        self._closing = False

    def close(self) -> None:
        """End streams of batches: those that rest at once, the others after the answer that they owe."""
        self._closing = True
        for task in self._resting:
            task.cancel()

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
        serve: Any = inner.stream_stream
        wrapped = self._batches(method, serve) if asyncio.iscoroutinefunction(serve) else self._stream(method, serve)
        return grpc.stream_stream_rpc_method_handler(
            cast("Any", wrapped), inner.request_deserializer, inner.response_serializer
        )

    def _unary(self, method: str, serve: _Unary) -> _Unary:
        async def boundary(request: Any, context: Any) -> Any:
            async with self._observed(method, _sent(context), context):
                return await serve(request, context)

        return boundary

    def _stream(self, method: str, serve: _Stream) -> _Stream:
        async def boundary(requests: Any, context: Any) -> AsyncIterator[Any]:
            async with self._observed(method, _sent(context), context):
                async for response in serve(requests, context):
                    yield response

        return boundary

    def _batches(self, method: str, serve: _Unary) -> _Unary:
        async def boundary(requests: Any, context: Any) -> None:
            _stream_here.set(_BatchStream(self, method, _sent(context), context))
            await serve(requests, context)

        return boundary

    def _is_closing(self) -> bool:
        return self._closing

    async def answer(self, stream: "_BatchStream", serve: _Unary) -> None:
        """Answer a stream's batches one after the other, each observed as a call."""
        task = asyncio.current_task()
        assert task is not None, "a method is served in a task"
        while not self._is_closing():
            self._resting.add(task)
            try:
                request = await stream.context.read()
            except asyncio.CancelledError:
                if self._is_closing():  # the stream ends in good order, which the client reads as its end
                    task.uncancel()
                    return
                raise
            finally:
                self._resting.discard(task)
            if request is EOF:
                return
            async with self._observed(stream.method, stream.sent, stream.context):
                response = await serve(request, stream.context)
            await stream.context.write(response)

    @contextlib.asynccontextmanager
    async def _observed(self, method: str, sent: Mapping[str, str], context: Any) -> AsyncIterator[None]:
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


@dataclass(frozen=True, slots=True)
class _BatchStream:
    """A stream of batches that is served here."""

    boundary: Boundary
    method: str
    sent: Mapping[str, str]
    context: Any


_stream_here: contextvars.ContextVar[_BatchStream] = contextvars.ContextVar("gesso_batch_stream")


def batched(method: Callable[[Any, Any, Any], Awaitable[Any]]) -> Any:
    """Make the streamed form of a servicer's unary method: `AdmitBatches = batched(Admit)`."""

    async def serve(servicer: Any, request_iterator: Any, context: Any) -> None:
        stream = _stream_here.get()
        await stream.boundary.answer(stream, functools.partial(method, servicer))

    return serve


def _sent(context: Any) -> dict[str, str]:
    return dict(context.invocation_metadata() or ())
