"""The telemetry of a process: what each call was, in one log line, in metrics and, where sampled, in a trace."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractContextManager, asynccontextmanager
from typing import Any

import structlog
from opentelemetry.trace import Span
from prometheus_client import Counter, Histogram

from servicekit import logs, tracing
from servicekit.calls import Call
from servicekit.metrics import Metrics, serving_metrics


class Telemetry:
    """Observes the calls of one service (see `servicekit.calls.CallObserver`) and carries its metrics and its tracing."""

    def __init__(self, traces: tracing.Tracing) -> None:
        self.metrics = Metrics()
        self.metrics_url = ""
        self._tracing = traces
        self._log: Any = structlog.get_logger().bind()
        self._spans: dict[int, Span] = {}
        self._observed: dict[tuple[str, str], tuple[Counter, Histogram]] = {}

    @classmethod
    @asynccontextmanager
    async def running(
        cls, service: str, metrics_listen: str, environment: Mapping[str, str] = os.environ
    ) -> "AsyncIterator[Telemetry]":
        """Configure the process's logs and traces, and serve its metrics on ``metrics_listen`` (``host:port``).

        What is served where stands in ``metrics_url``, and in the log. Raises OSError if the port is taken.
        """
        logs.configure(service, environment)
        telemetry = cls(tracing.start(service, environment))
        try:
            async with serving_metrics(telemetry.metrics, metrics_listen) as telemetry.metrics_url:
                structlog.get_logger().info("metrics served", url=f"{telemetry.metrics_url}/metrics")
                yield telemetry
        finally:
            telemetry._tracing.stop()

    def span(self, name: str, attributes: tracing.Attributes | None = None) -> AbstractContextManager[None]:
        """Record the block as a span, if the trace that is current here is sampled; see `tracing.Tracing.span`."""
        return self._tracing.span(name, attributes)

    def watch_pool(self, use: Callable[[], tuple[int, int]]) -> None:
        """Show a connection pool in the metrics; ``use`` returns (connections in use, connections open)."""
        self.metrics.watch_pool(use)

    def call_started(self, call: Call) -> None:
        """A call begins, and with it its span, if its trace is sampled."""
        span = self._tracing.call_began(call)
        if span is not None:
            self._spans[id(call)] = span

    def call_finished(self, call: Call, error: BaseException | None) -> None:
        """A call has ended: count it, write its line, end its span. ``error`` is a bug and is logged with its traceback."""
        ended, seconds = self._of(call)
        ended.inc()
        seconds.observe(call.seconds)
        span = self._spans.pop(id(call), None)
        if span is not None:
            self._tracing.call_ended(call, span)
        fields = {
            "method": call.method,
            "peer": call.peer,
            "request_id": call.request_id,
            "trace_id": tracing.trace_id(call.traceparent),
            "reason": call.reason,
            "seconds": round(call.seconds, 6),
            **call.notes,
        }
        if error is not None:
            self._log.error("call", exc_info=error, **fields)
        else:
            self._log.info("call", **fields)

    def _of(self, call: Call) -> tuple[Counter, Histogram]:
        """Return the metrics of calls that ended so; looking them up by label costs as much as the observation."""
        key = (call.method, call.reason)
        found = self._observed.get(key)
        if found is None:
            found = (self.metrics.calls.labels(*key), self.metrics.call_seconds.labels(call.method))
            self._observed[key] = found
        return found
