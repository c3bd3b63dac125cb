"""Metrics of one process: their names in one place, and the small port that Prometheus reads them from."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import cached_property

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

_CALL_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_PROVIDER_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300)
_LONGEST_REQUEST = 8192
_REQUEST_TIMEOUT_SECONDS = 5.0


class Metrics:
    """The metrics of a process, each made when it is first used, so that a service shows only its own.

    The registry is this object's, not the library's global one: tests run several services in one process.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)

    @cached_property
    def calls(self) -> Counter:
        """Calls that ended, by method and by reason: OK or a fault's name."""
        return Counter("gesso_calls", "Calls ended.", ["method", "reason"], registry=self.registry)

    @cached_property
    def call_seconds(self) -> Histogram:
        """How long calls took."""
        labels = ["method"]
        return Histogram(
            "gesso_call_seconds", "Duration of calls.", labels, buckets=_CALL_BUCKETS, registry=self.registry
        )

    @cached_property
    def provider_seconds(self) -> Histogram:
        """How long an upstream took for one attempt, by provider and outcome (a reason, or OK)."""
        return Histogram(
            "gesso_provider_seconds",
            "Duration of attempts at providers.",
            ["provider", "outcome"],
            buckets=_PROVIDER_BUCKETS,
            registry=self.registry,
        )

    @cached_property
    def queue_depth(self) -> Gauge:
        """What waits, by queue: tasks, deliveries, outbox, spool."""
        return Gauge("gesso_queue_depth", "Entries that wait.", ["queue"], registry=self.registry)

    @cached_property
    def holds_open(self) -> Gauge:
        """Holds that are neither captured nor released."""
        return Gauge("gesso_holds_open", "Holds that are open.", registry=self.registry)

    def watch_pool(self, use: Callable[[], tuple[int, int]]) -> None:
        """Show a connection pool; ``use`` returns (connections in use, connections open) and is called per scrape."""
        self.registry.register(_PoolUse(use))

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)


class _PoolUse(Collector):
    def __init__(self, use: Callable[[], tuple[int, int]]) -> None:
        self._use = use

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("gesso_pool_connections", "Connections of the database pool.", labels=["state"])
        for state, count in zip(("used", "open"), self._use(), strict=True):
            family.add_metric([state], count)
        yield family


@asynccontextmanager
async def serving_metrics(metrics: Metrics, listen: str) -> AsyncIterator[str]:
    """Serve ``/metrics`` and ``/healthz`` on ``host:port`` (0 for any port) by hand-written HTTP, one answer a connection.

    No HTTP library is imported: at rest each would cost every service 8 MB. Yields the URL.
    """
    host, _, port = listen.rpartition(":")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_REQUEST_TIMEOUT_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(_answer(metrics, head))
                await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return  # a scraper that does not speak or does not listen is no matter of ours
        finally:
            writer.close()

    server = await asyncio.start_server(answer, host.strip("[]"), int(port), limit=_LONGEST_REQUEST)
    async with server:
        yield f"http://{host}:{server.sockets[0].getsockname()[1]}"


def _answer(metrics: Metrics, head: bytes) -> bytes:
    method, _, rest = head.partition(b" ")
    path = rest.partition(b" ")[0].partition(b"?")[0]
    if method not in (b"GET", b"HEAD"):
        return _response("405 Method Not Allowed", "text/plain", b"GET or HEAD\n")
    if path == b"/healthz":
        return _response("200 OK", "text/plain", b"ok\n")
    if path == b"/metrics":
        return _response("200 OK", CONTENT_TYPE_PLAIN_0_0_4, metrics.text())
    return _response("404 Not Found", "text/plain", b"/metrics or /healthz\n")


def _response(status: str, content_type: str, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
