"""Each call leaves one line, its metrics and, where its trace is sampled, its spans."""

import asyncio
import json
import logging
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
import structlog
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from servicekit import calls, tracing
from servicekit.calls import Call
from servicekit.telemetry import Telemetry

SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNSAMPLED = SAMPLED[:-1] + "0"


def finish(telemetry: Telemetry, call: Call, reason: str = calls.OK, error: BaseException | None = None) -> None:
    call.seconds, call.reason = 0.25, reason
    telemetry.call_finished(call, error)


@pytest.fixture
async def telemetry() -> AsyncIterator[Telemetry]:
    async with Telemetry.running("billing", "127.0.0.1:0", {}) as running:
        yield running


async def read(url: str, method: str = "GET") -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.request(method, url) as answer:
        return answer.status, await answer.text()


async def test_a_call_leaves_one_line_with_who_and_what(
    telemetry: Telemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    call = Call(
        "/gesso.billing.v1.Ledger/Admit", "generator", "req_1", SAMPLED, notes={"account": "acc_1", "items": 16}
    )
    telemetry.call_started(call)
    finish(telemetry, call, "INSUFFICIENT_FUNDS")
    [line] = [json.loads(text) for text in capsys.readouterr().err.splitlines()]
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "service": "billing",
        "event": "call",
        "level": "info",
        "method": "/gesso.billing.v1.Ledger/Admit",
        "peer": "generator",
        "request_id": "req_1",
        "trace_id": "0af7651916cd43dd8448eb211c80319c",
        "reason": "INSUFFICIENT_FUNDS",
        "seconds": 0.25,
        "account": "acc_1",
        "items": 16,
    }


async def test_a_bug_is_logged_with_its_traceback_and_without_secrets(
    telemetry: Telemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    key = "sk-" + "a1" * 20
    finish(telemetry, Call("m"), "INTERNAL", RuntimeError(f"refused {key}"))
    text = capsys.readouterr().err
    line = json.loads(text)
    assert key not in text
    assert line["level"] == "error"
    assert "RuntimeError: refused sk-[redacted]" in line["exception"]


async def test_libraries_and_events_are_logged_in_the_same_form(
    telemetry: Telemetry, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert telemetry.metrics_url
    logging.getLogger("some.library").warning("odd: %s", 7)
    logging.getLogger("some.library").info("not worth a line")
    structlog.get_logger().info("lease lost", task="task_1", text="x" * 10_000)
    first, second = (json.loads(text) for text in capsys.readouterr().err.splitlines())
    assert (first["event"], first["logger"], first["level"]) == ("odd: 7", "some.library", "warning")
    assert (second["event"], second["task"], len(second["text"])) == ("lease lost", "task_1", 8193)


async def test_calls_are_counted_and_timed_on_a_port_of_their_own(telemetry: Telemetry) -> None:
    for reason in ("OK", "OK", "NOT_FOUND"):
        finish(telemetry, Call("Get"), reason)
    telemetry.watch_pool(lambda: (3, 4))
    telemetry.metrics.queue_depth.labels("tasks").set(5)
    telemetry.metrics.provider_seconds.labels("openai", "OK").observe(2)
    status, text = await read(f"{telemetry.metrics_url}/metrics")
    assert status == 200
    for sample in (
        'gesso_calls_total{method="Get",reason="OK"} 2.0',
        'gesso_calls_total{method="Get",reason="NOT_FOUND"} 1.0',
        'gesso_call_seconds_bucket{le="0.25",method="Get"} 3.0',
        'gesso_pool_connections{state="used"} 3.0',
        'gesso_pool_connections{state="open"} 4.0',
        'gesso_queue_depth{queue="tasks"} 5.0',
        'gesso_provider_seconds_count{outcome="OK",provider="openai"} 1.0',
        "process_resident_memory_bytes",
    ):
        assert sample in text
    assert "gesso_holds_open" not in text


async def test_the_metrics_port_answers_health_and_nothing_else(telemetry: Telemetry) -> None:
    assert await read(f"{telemetry.metrics_url}/healthz") == (200, "ok\n")
    assert (await read(f"{telemetry.metrics_url}/"))[0] == 404
    assert (await read(f"{telemetry.metrics_url}/metrics", "POST"))[0] == 405


async def test_the_metrics_port_survives_a_peer_that_does_not_speak_http(telemetry: Telemetry) -> None:
    host, _, port = telemetry.metrics_url.removeprefix("http://").partition(":")
    for sent in (b"x" * 20_000, b"\r\n\r\n", b""):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(sent)
        writer.write_eof()
        async with asyncio.timeout(5):
            await reader.read()
        writer.close()
    assert (await read(f"{telemetry.metrics_url}/healthz"))[0] == 200


async def test_without_an_exporter_a_trace_is_passed_on_and_nothing_is_recorded(telemetry: Telemetry) -> None:
    call = Call("Get", traceparent=SAMPLED)
    token = calls.enter(call)
    telemetry.call_started(call)
    with telemetry.span("inner"):
        assert tracing.inject() == SAMPLED
    with tracing.extract(UNSAMPLED):
        assert tracing.inject() == UNSAMPLED
    with tracing.extract("no trace"):
        assert tracing.inject() == SAMPLED
    calls.leave(token)
    assert tracing.inject() == ""


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[dict[str, str], list[Span]]]:
    """A real OTLP receiver; yields the variables that name it and the spans that it got, with their service's name first."""
    spans: list[Span] = []

    async def serve(request: web.BaseRequest) -> web.Response:
        got = ExportTraceServiceRequest.FromString(await request.read())
        for resource in got.resource_spans:
            for scope in resource.scope_spans:
                spans.extend(scope.spans)
        return web.Response(content_type="application/x-protobuf")

    runner = web.ServerRunner(web.Server(serve), shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{runner.addresses[0][1]}"}, spans
    finally:
        await runner.cleanup()


async def record(variables: dict[str, str], traceparent: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Serve one call with an inner span in a process with these variables; return the traceparent sent onwards."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    traces = tracing.start("billing", variables)
    call = Call("/gesso.billing.v1.Ledger/Admit", request_id="req_1", traceparent=traceparent)
    token = calls.enter(call)
    span = traces.call_began(call)
    with traces.span("sql hold", {"rows": 16}), traces.span("innermost"):
        onwards = tracing.inject()
    call.reason = "NOT_FOUND"
    if span is not None:
        traces.call_ended(call, span)
    calls.leave(token)
    await asyncio.to_thread(traces.stop)
    return onwards


async def test_a_sampled_trace_is_exported_with_its_parents(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collector() as (variables, spans):
        onwards = await record(variables, SAMPLED, monkeypatch)
    innermost, sql, served = spans
    assert [span.name for span in spans] == ["innermost", "sql hold", "/gesso.billing.v1.Ledger/Admit"]
    assert {span.trace_id.hex() for span in spans} == {SAMPLED[3:35]}
    assert (innermost.parent_span_id, sql.parent_span_id) == (sql.span_id, served.span_id)
    assert served.parent_span_id.hex() == SAMPLED[36:52]
    assert onwards == f"00-{SAMPLED[3:35]}-{innermost.span_id.hex()}-01"
    assert (served.status.code, served.status.message) == (2, "NOT_FOUND")


async def test_an_unsampled_trace_stays_unsampled(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collector() as (variables, spans):
        assert await record(variables, UNSAMPLED, monkeypatch) == UNSAMPLED
    assert spans == []


async def test_the_standard_sampler_decides_where_a_trace_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collector() as (variables, spans):
        always = variables | {"OTEL_TRACES_SAMPLER": "parentbased_always_on"}
        begun = await record(always, "", monkeypatch)
        never = variables | {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"}
        dropped = await record(never, "", monkeypatch)
    assert len(spans) == 3
    assert begun.endswith("-01")
    assert int(dropped[-2:], 16) & 1 == 0


async def test_a_malformed_trace_begins_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with collector() as (variables, _):
        onwards = await record(variables | {"OTEL_TRACES_SAMPLER": "always_on"}, "00-zz", monkeypatch)
    assert tracing.trace_id(onwards)


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"OTEL_TRACES_EXPORTER": "none", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
        {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"},
    ],
)
def test_the_sdk_and_http_libraries_are_not_imported_unless_an_exporter_is_asked_for(variables: dict[str, str]) -> None:
    code = (
        "import asyncio, sys\n"
        "from servicekit.telemetry import Telemetry\n"
        "async def main():\n"
        f"    async with Telemetry.running('x', '127.0.0.1:0', {variables!r}):\n"
        "        print(*(name for name in ('opentelemetry.sdk', 'aiohttp', 'requests') if name in sys.modules))\n"
        "asyncio.run(main())\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "\n"


@pytest.mark.parametrize(("protocol", "warned"), [("grpc", True), ("http/protobuf", False), ("", False)])
def test_a_protocol_that_has_no_exporter_is_told(
    caplog: pytest.LogCaptureFixture, protocol: str, *, warned: bool
) -> None:
    made = tracing.start(
        "test", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    )
    assert made.records
    assert ("there is no exporter for grpc" in caplog.text) == warned
    made.stop()
    tracing.start("test", {})
