"""The guarded client reaches what it may, stops where it must, and tells no one what an internal name resolves to."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from servicekit.addresses import parse_networks
from servicekit.egress import (
    BadStatus,
    EgressError,
    Fetched,
    ForbiddenUrl,
    GuardedClient,
    TimedOut,
    TooLarge,
    Unreachable,
    check_host,
    check_url,
)
from testkit.ports import free_port

LOOPBACK = parse_networks("127.0.0.0/8,::1/128")
ELSEWHERE = parse_networks("10.0.0.0/8")
Serve = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(serve: Serve, host: str = "127.0.0.1") -> AsyncIterator[int]:
    runner = web.ServerRunner(web.Server(serve, handler_cancellation=True), shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


async def fetch(client: GuardedClient, url: str, **options: object) -> tuple[Fetched, bytes]:
    body = bytearray()

    async def sink(chunk: bytes) -> None:
        body.extend(chunk)

    limits = {"max_bytes": 1 << 20, "timeout_seconds": 5.0} | options
    return await client.fetch(url, sink=sink, **limits), bytes(body)  # type: ignore[arg-type]


@pytest.fixture
async def client() -> AsyncIterator[GuardedClient]:
    async with GuardedClient(LOOPBACK, connect_timeout_seconds=2) as opened:
        yield opened


async def test_an_opened_address_is_read_whole(client: GuardedClient) -> None:
    async def serve(_: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x" * 300_000, content_type="image/png")

    async with serving(serve) as port:
        found, body = await fetch(client, f"http://127.0.0.1:{port}/a.png#part")
    assert found == Fetched(f"http://127.0.0.1:{port}/a.png", "image/png", 300_000)
    assert len(body) == 300_000


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0"])
async def test_no_spelling_of_an_internal_address_is_connected_to(host: str) -> None:
    seen = []

    async def serve(request: web.BaseRequest) -> web.Response:
        seen.append(request.path)
        return web.Response()

    async with serving(serve) as port, GuardedClient(ELSEWHERE) as client:
        with pytest.raises(ForbiddenUrl) as refusal:
            await fetch(client, f"http://{host}:{port}/")
        with pytest.raises(ForbiddenUrl):
            await fetch(client, f"https://{host}:{port}/")
        with pytest.raises(ForbiddenUrl):
            await client.post(f"https://{host}:{port}/", body=b"", headers={}, timeout_seconds=5)
        with pytest.raises(ForbiddenUrl):
            await client.check(f"https://{host}:{port}/")
    assert seen == []
    assert ("127.0.0.1" in str(refusal.value)) == (host == "127.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/", "ftp://example.com/", "file:///etc/passwd", "gopher://x/", "//example.com/", "example.com",
        "https://", "https:///path", "", "https://user@example.com/", "https://user:word@example.com/",
        "https://169.254.169.254/latest", "https://[::1]/", "https://[fe80::1%25eth0]/", "https://[::ffff:10.0.0.1]/",
        "https://①②⑦.0.0.1/", "https://example.com:99999/", "https://a b/", "https://a..b/", "https://-a.com/",
        "https://" + "a" * 64 + ".com/", "https://" + "a." * 127 + "com/", "https://example.com/" + "x" * 9000,
        "https://example.com/\x00", "https://\x00/", "https://example.com/a\nb", "https://example.com/?a\x7f", "\thttps://example.com/",
    ],
)  # fmt: skip
def test_some_urls_are_refused_by_their_form(url: str) -> None:
    with pytest.raises(ForbiddenUrl):
        check_url(url)


def test_public_https_urls_are_well_formed() -> None:
    check_url("https://example.com:8443/a?b=c#d")
    check_url("https://8.8.8.8/")
    check_url("https://m\u00fcnchen.example/")
    check_url("https://" + "a" * 63 + ".a_b.example./")
    check_url("http://127.0.0.1:80/", LOOPBACK)


def test_http_is_spoken_to_opened_addresses_only() -> None:
    with pytest.raises(ForbiddenUrl, match="by http"):
        check_url("http://8.8.8.8/", LOOPBACK)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed(client: GuardedClient, status: int) -> None:
    async def serve(request: web.BaseRequest) -> web.Response:
        if request.path == "/a/start":
            return web.Response(status=status, headers={"Location": "../end?x=1"})
        return web.Response(text=request.path_qs)

    async with serving(serve) as port:
        found, body = await fetch(client, f"http://127.0.0.1:{port}/a/start")
    assert (found.url, body) == (f"http://127.0.0.1:{port}/end?x=1", b"/end?x=1")


@pytest.mark.parametrize(
    "location",
    [
        "http://[::1]:{port}/",
        "http://localhost:{port}/",
        "https://10.0.0.1/",
        "file:///etc/passwd",
        "http://u@127.0.0.1:{port}/",
    ],
)
async def test_a_redirect_to_a_forbidden_place_is_not_followed(location: str) -> None:
    seen = []

    async def serve(request: web.BaseRequest) -> web.Response:
        seen.append(request.path)
        return web.Response(status=302, headers={"Location": location.format(port=request.url.port)})

    async with serving(serve, "127.0.0.2") as port, GuardedClient(parse_networks("127.0.0.2/32")) as client:
        with pytest.raises(ForbiddenUrl):
            await fetch(client, f"http://127.0.0.2:{port}/")
    assert seen == ["/"]


async def test_credentials_stay_with_the_first_host(client: GuardedClient) -> None:
    seen: list[tuple[str, str | None]] = []

    async def serve(request: web.BaseRequest) -> web.Response:
        seen.append((request.path, request.headers.get("Authorization")))
        if request.path == "/start":
            return web.Response(status=302, headers={"Location": "/same"})
        if request.path == "/same":
            return web.Response(status=302, headers={"Location": f"http://localhost:{request.url.port}/other"})
        return web.Response()

    async with serving(serve) as port:
        await fetch(client, f"http://127.0.0.1:{port}/start", headers={"Authorization": "Bearer secret"})
    assert seen == [("/start", "Bearer secret"), ("/same", "Bearer secret"), ("/other", None)]


async def test_redirects_without_end_are_given_up(client: GuardedClient) -> None:
    visits = []

    async def serve(request: web.BaseRequest) -> web.Response:
        visits.append(request.path)
        return web.Response(status=302, headers={"Location": "/again"})

    async with serving(serve) as port:
        with pytest.raises(BadStatus, match="more than 5 times"):
            await fetch(client, f"http://127.0.0.1:{port}/")
    assert len(visits) == 6


async def test_a_redirect_to_nowhere_is_a_bad_status(client: GuardedClient) -> None:
    async def serve(_: web.BaseRequest) -> web.Response:
        return web.Response(status=302)

    async with serving(serve) as port:
        with pytest.raises(BadStatus) as refusal:
            await fetch(client, f"http://127.0.0.1:{port}/")
    assert refusal.value.status == 302


async def test_a_declared_size_over_the_limit_is_refused_before_it_is_read(client: GuardedClient) -> None:
    async def serve(_: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x" * 1001)

    taken = []

    async def sink(chunk: bytes) -> None:
        taken.append(chunk)

    async with serving(serve) as port:
        with pytest.raises(TooLarge):
            await client.fetch(f"http://127.0.0.1:{port}/", max_bytes=1000, timeout_seconds=5, sink=sink)
    assert taken == []


async def test_an_undeclared_size_is_counted_while_it_is_read(client: GuardedClient) -> None:
    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        answer.enable_chunked_encoding()
        await answer.prepare(request)
        while True:
            await answer.write(b"x" * 1000)

    size = 0

    async def sink(chunk: bytes) -> None:
        nonlocal size
        size += len(chunk)

    async with serving(serve) as port:
        with pytest.raises(TooLarge):
            await client.fetch(f"http://127.0.0.1:{port}/", max_bytes=50_000, timeout_seconds=5, sink=sink)
    assert size <= 50_000


async def test_a_compressed_body_is_not_inflated(client: GuardedClient) -> None:
    async def serve(request: web.BaseRequest) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=b"\x1f\x8b not really", headers={"Content-Encoding": "gzip"})

    async with serving(serve) as port:
        assert (await fetch(client, f"http://127.0.0.1:{port}/"))[1] == b"\x1f\x8b not really"


@pytest.mark.parametrize("status", [304, 400, 404, 500, 503])
async def test_an_answer_that_is_no_success_is_told_by_its_status(client: GuardedClient, status: int) -> None:
    async def serve(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status)

    async with serving(serve) as port:
        with pytest.raises(BadStatus) as refusal:
            await fetch(client, f"http://127.0.0.1:{port}/")
    assert refusal.value.status == status


async def test_the_time_is_for_the_whole_and_a_slow_body_uses_it_up(client: GuardedClient) -> None:
    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        await answer.write(b"x")
        await asyncio.Event().wait()
        return answer

    async with serving(serve) as port:
        with pytest.raises(TimedOut):
            await fetch(client, f"http://127.0.0.1:{port}/", timeout_seconds=0.1)


async def test_a_closed_port_and_an_unknown_host_are_unreachable(client: GuardedClient) -> None:
    for url in (f"http://127.0.0.1:{free_port()}/", "https://no-such-host.invalid/"):
        with pytest.raises(Unreachable):
            await fetch(client, url)


async def test_a_peer_that_breaks_off_is_unreachable(client: GuardedClient) -> None:
    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Length": "100"})
        await answer.prepare(request)
        await answer.write(b"x")
        assert request.transport is not None
        request.transport.abort()
        return answer

    async with serving(serve) as port:
        with pytest.raises(Unreachable):
            await fetch(client, f"http://127.0.0.1:{port}/")


async def test_a_peer_that_does_not_speak_http_is_unreachable(client: GuardedClient) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 smtp.internal.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        with pytest.raises(Unreachable) as failure:
            await fetch(client, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert "smtp" not in str(failure.value)


async def test_what_the_sink_raises_is_raised(client: GuardedClient) -> None:
    async def serve(_: web.BaseRequest) -> web.Response:
        return web.Response(body=b"x")

    async def sink(_: bytes) -> None:
        raise ConnectionResetError("the sink's own")

    async with serving(serve) as port:
        with pytest.raises(ConnectionResetError, match="the sink's own"):
            await client.fetch(f"http://127.0.0.1:{port}/", max_bytes=10, timeout_seconds=5, sink=sink)


async def test_proxy_variables_are_not_read(client: GuardedClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")

    async def serve(_: web.BaseRequest) -> web.Response:
        return web.Response(text="direct")

    async with serving(serve) as port:
        assert (await fetch(client, f"http://127.0.0.1:{port}/"))[1] == b"direct"


async def test_a_post_returns_any_answer_cut_at_its_limit(client: GuardedClient) -> None:
    async def serve(request: web.BaseRequest) -> web.Response:
        body = await request.read()
        return web.Response(status=302, headers={"Location": "/else", "X-Got": body.decode()}, body=b"y" * 100_000)

    async with serving(serve) as port:
        answer = await client.post(
            f"http://127.0.0.1:{port}/", body=b"event", headers={"webhook-id": "1"}, timeout_seconds=5, max_bytes=1000
        )
    assert (answer.status, answer.headers["X-Got"], answer.body) == (302, "event", b"y" * 1000)


async def test_an_early_check_resolves_names(client: GuardedClient) -> None:
    await client.check("http://localhost:1/")
    with pytest.raises(ForbiddenUrl):
        await check_host("https://localhost/")
    with pytest.raises(Unreachable):
        await client.check("https://no-such-host.invalid/")


async def test_every_fault_is_an_egress_error() -> None:
    assert all(issubclass(kind, EgressError) for kind in (ForbiddenUrl, Unreachable, TimedOut, TooLarge, BadStatus))
