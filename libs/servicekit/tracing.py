"""Traces across HTTP, gRPC and SQL: W3C trace contexts carried by hand, spans only where a trace is sampled.

OpenTelemetry's SDK is imported only when the standard variables ask for an exporter (``OTEL_TRACES_EXPORTER=otlp``, or
an OTLP endpoint). Without it a trace that comes in is passed on unchanged, and `span` costs a fraction of a microsecond.
With it, ``OTEL_TRACES_SAMPLER`` decides at a trace's beginning (parentbased_traceidratio, 0.01, where it is not set), and
in an unsampled trace a span costs a look at its flag.
"""

import contextvars
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from servicekit import calls

Attributes = Mapping[str, str | int | float | bool]

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = frozenset("13579bdf")  # the last digit of flags whose lowest bit is set
_DEFAULT_RATIO = "0.01"
_PROTOCOL = "http/protobuf"
_log = logging.getLogger(__name__)
_NOTHING: AbstractContextManager[None] = nullcontext()

_current: contextvars.ContextVar[str] = contextvars.ContextVar("gesso_traceparent", default="")


class Tracing:
    """The spans of one process; does nothing but pass trace contexts on unless it is given an SDK's provider."""

    def __init__(self, provider: Any = None) -> None:
        self._provider = provider
        self._tracer: trace.Tracer | None = provider.get_tracer("gesso") if provider else None

    @property
    def records(self) -> bool:
        """Whether spans are recorded at all."""
        return self._tracer is not None

    def span(self, name: str, attributes: Attributes | None = None) -> AbstractContextManager[None]:
        """Record the block as a span of the trace that is current here, if that trace is sampled.

        Spans inside the block, in tasks that it starts too, become its children. An error that leaves it is recorded
        by its type.
        """
        if self._tracer is None:
            return _NOTHING
        parent = inject()
        if parent[-1:] not in _SAMPLED:
            return _NOTHING
        return self._recorded(self._begin(name, parent, SpanKind.INTERNAL, attributes))

    @contextmanager
    def _recorded(self, span: Span) -> Iterator[None]:
        token = _current.set(_traceparent(span))
        try:
            yield
        except BaseException as error:
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            _current.reset(token)
            span.end()

    def call_began(self, call: calls.Call) -> Span | None:
        """Begin the span of an incoming call and make it the call's traceparent; a trace begins where none came in."""
        came_in = call.traceparent if _TRACEPARENT.fullmatch(call.traceparent) else ""
        if self._tracer is None or (came_in and came_in[-1] not in _SAMPLED):
            return None
        span = self._begin(call.method, came_in, SpanKind.SERVER, None)
        call.traceparent = _traceparent(span)
        return span if span.is_recording() else None

    def call_ended(self, call: calls.Call, span: Span) -> None:
        """End the span of an incoming call with what is known of it now."""
        span.update_name(call.method)
        span.set_attributes({"gesso.request_id": call.request_id, "gesso.reason": call.reason})
        if call.reason != calls.OK:
            span.set_status(Status(StatusCode.ERROR, call.reason))
        span.end()

    def stop(self) -> None:
        """Send what is not sent yet; blocks for as long as the exporter takes."""
        if self._provider is not None:
            self._provider.shutdown()

    def _begin(self, name: str, parent: str, kind: SpanKind, attributes: Attributes | None) -> Span:
        assert self._tracer is not None
        context = trace.set_span_in_context(_remote(parent), Context()) if parent else Context()
        return self._tracer.start_span(
            name, context=context, kind=kind, attributes=dict(attributes or {}), record_exception=False
        )


def span(name: str, attributes: Attributes | None = None) -> AbstractContextManager[None]:
    """Record the block as a span of this process's tracing; see `Tracing.span`."""
    return _process.span(name, attributes)


def inject() -> str:
    """Return the W3C traceparent to send along with what is called here, or an empty text."""
    traceparent = _current.get()
    if traceparent:
        return traceparent
    call = calls.current()
    return call.traceparent if call else ""


def is_sampled() -> bool:
    """Whether the trace that is current here is recorded by this process."""
    return _process.records and inject()[-1:] in _SAMPLED


@contextmanager
def extract(traceparent: str) -> Iterator[None]:
    """Continue, within the block, the trace that came along with something: a task's row, an item of a batch.

    What is malformed or empty is no trace.
    """
    token = _current.set(traceparent if _TRACEPARENT.fullmatch(traceparent) else "")
    try:
        yield
    finally:
        _current.reset(token)


def trace_id(traceparent: str) -> str:
    """Return the trace's id in hex, or an empty text."""
    match = _TRACEPARENT.fullmatch(traceparent)
    return match[1] if match else ""


def start(service: str, environment: Mapping[str, str]) -> Tracing:
    """Begin the process's tracing as the standard ``OTEL_`` variables of ``environment`` describe it, and return it."""
    global _process  # noqa: PLW0603 - like the SDK itself, once in a process
    _process = _made(service, environment)
    return _process


def _made(service: str, environment: Mapping[str, str]) -> Tracing:
    if not _wanted(environment):
        return Tracing()
    sdk, resources = import_module("opentelemetry.sdk.trace"), import_module("opentelemetry.sdk.resources")
    export = import_module("opentelemetry.sdk.trace.export")
    otlp = import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    if protocol not in (None, "", _PROTOCOL):
        _log.warning("spans are sent by %s: there is no exporter for %s", _PROTOCOL, protocol)
    name = environment.get("OTEL_SERVICE_NAME") or f"gesso-{service}"
    provider = sdk.TracerProvider(
        sampler=_default_sampler(environment), resource=resources.Resource.create({"service.name": name})
    )
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    return Tracing(provider)


def _wanted(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER")
    if exporter is not None:
        return exporter == "otlp"
    return any(environment.get(f"OTEL_EXPORTER_OTLP{signal}_ENDPOINT") for signal in ("", "_TRACES"))


def _default_sampler(environment: Mapping[str, str]) -> object:
    if environment.get("OTEL_TRACES_SAMPLER"):
        return None  # the SDK reads it
    sampling = import_module("opentelemetry.sdk.trace.sampling")
    return sampling.ParentBasedTraceIdRatio(float(environment.get("OTEL_TRACES_SAMPLER_ARG", _DEFAULT_RATIO)))


def _remote(traceparent: str) -> Span:
    match = _TRACEPARENT.fullmatch(traceparent)
    assert match, f"not a traceparent: {traceparent}"
    trace_number, span_number, flags = (int(part, 16) for part in match.groups())
    return NonRecordingSpan(SpanContext(trace_number, span_number, is_remote=True, trace_flags=TraceFlags(flags & 1)))


def _traceparent(span: Span) -> str:
    context = span.get_span_context()
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


_process = Tracing()
"""The tracing of this process: none before `start`."""
