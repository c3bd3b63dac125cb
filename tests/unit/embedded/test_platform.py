"""The platform comes up with its services wired to each other, comes back after crashes, and goes down in order.

Stand-ins take the services' places here: the same modules' names, run as the same processes; the real ones are tried
end to end.
"""

import asyncio
import hashlib
import json
import os
import signal
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from embedded import layout, locks, ports
from embedded.environment import NAMES
from embedded.platform import Platform, PortTakenError, SettingError, answers, listens, up
from embedded.ports import url_of
from servicekit.identity import parse_peers
from testkit.eventually import eventually
from testkit.ports import free_port

PROGRAMS = Path(__file__).parent / "programs"


@pytest.fixture(scope="module")
def operators(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of whoever starts a platform of stand-ins on any free ports."""
    modules = tmp_path_factory.mktemp("modules")
    for name in NAMES:
        (modules / f"{name}.py").write_text(f"import stand_in\nstand_in.serve({name!r})\n")
    path = os.pathsep.join((str(modules), str(PROGRAMS)))
    return {
        **os.environ,
        "PYTHONPATH": path,
        "GESSO_PORT": "0",
        "GESSO_FALLBACK_ENGINE": "none",
        "GESSO_ADMIN_TOKEN": "operators-own",
        "OPENAI_API_KEY": "sk-vendor",
    }


@pytest.fixture(scope="module")
async def platform(operators: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    async with up(tmp_path_factory.mktemp("home") / "state", operators) as running:
        yield running


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


async def seen_by(platform: Platform, name: str) -> dict[str, str]:
    """Return the environment that a service was started with."""
    url = platform.url if name == "gateway" else platform.state.metrics[name]

    def read() -> bytes:
        with urllib.request.urlopen(url) as answer:
            body: bytes = answer.read()
            return body

    environment: dict[str, str] = json.loads(await asyncio.to_thread(read))
    return environment


async def test_each_service_can_log_in_to_its_own_schema(platform: Platform) -> None:
    for name in ("billing", "generator", "gallery", "webhooks"):
        url = (await seen_by(platform, name))[f"GESSO_{name.upper()}_DATABASE_URL"]
        connection = await asyncpg.connect(url)
        try:
            assert await connection.fetchval("SELECT current_schema()") == name
        finally:
            await connection.close()


async def test_a_service_knows_the_others_tokens_by_their_digests_only(platform: Platform) -> None:
    peers = parse_peers((await seen_by(platform, "billing"))["GESSO_PEERS"])
    assert set(peers) == {*NAMES, "operator"}
    for name in NAMES:
        seen = set((await seen_by(platform, name)).values())
        others = {platform.state.secrets[f"{other}_token"] for other in NAMES if other != name}
        assert not seen & others


async def test_the_operator_may_choose_the_token_that_opens_the_edges_administration(platform: Platform) -> None:
    assert (await seen_by(platform, "gateway"))["GESSO_ADMIN_TOKEN"] == "operators-own"
    assert platform.state.secrets["operator_token"] == "operators-own"
    assert "GESSO_ADMIN_TOKEN" not in await seen_by(platform, "billing")
    peers = parse_peers((await seen_by(platform, "billing"))["GESSO_PEERS"])
    assert peers["operator"] == hashlib.sha256(b"operators-own").digest()


async def test_the_edge_knows_neither_the_caller_tokens_key_nor_a_database(platform: Platform) -> None:
    seen = await seen_by(platform, "gateway")
    assert platform.state.secrets["caller_token_key"] not in seen.values()
    assert not any(name.endswith("DATABASE_URL") for name in seen)


async def test_a_vendors_key_reaches_the_generator_alone(platform: Platform) -> None:
    knowing = [name for name in NAMES if "sk-vendor" in (await seen_by(platform, name)).values()]
    assert knowing == ["generator"]


async def test_the_operators_choice_goes_before_a_default_and_no_further(platform: Platform) -> None:
    assert (await seen_by(platform, "generator"))["GESSO_FALLBACK_ENGINE"] == "none"
    assert (await seen_by(platform, "gallery"))["GESSO_STORE_URL"] == platform.layout.store.as_uri()
    assert (await seen_by(platform, "gateway"))["GESSO_PORT"] == platform.url.rpartition(":")[2]


async def test_state_is_for_its_owner_alone_and_names_the_running_processes(platform: Platform) -> None:
    assert mode(platform.layout.state_file) == 0o600
    state = layout.find(platform.layout.home)
    assert set(state.pids) == {"postgres", *NAMES}
    assert state.pids["billing"] == platform.processes["billing"].pid


async def test_a_killed_service_comes_back_and_its_new_process_is_noted(platform: Platform) -> None:
    killed = platform.processes["gallery"].pid
    os.kill(killed, signal.SIGKILL)
    await eventually(lambda: platform.processes["gallery"].pid != killed)
    await platform.processes["gallery"].until_ready()
    assert layout.find(platform.layout.home).pids["gallery"] == platform.processes["gallery"].pid


async def test_a_second_platform_on_the_same_home_is_refused(platform: Platform, operators: dict[str, str]) -> None:
    with pytest.raises(locks.InUseError, match="another `gesso up` runs"):
        async with up(platform.layout.home, operators):
            pytest.fail("two platforms on one home")


async def test_a_taken_port_is_named(tmp_path: Path, operators: dict[str, str]) -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(PortTakenError, match=f"port {port} of 127.0.0.1 is not free"):
            async with up(tmp_path / "home", {**operators, "GESSO_PORT": str(port)}):
                pytest.fail("the port is taken")


async def test_what_comes_before_the_edge_is_done_when_billing_answers_and_the_edge_does_not(
    tmp_path: Path, operators: dict[str, str]
) -> None:
    home = tmp_path / "home"
    seen: list[tuple[bool, bool]] = []

    async def look() -> None:
        state = layout.find(home)
        seen.append((await answers(state.metrics["billing"]), await answers(f"{state.url}/readyz")))

    async with up(home, operators, look) as platform:
        assert await answers(f"{platform.url}/readyz")
        assert set(platform.processes) == {"postgres", *NAMES}
    assert seen == [(True, False)]


async def test_what_fails_before_the_edge_ends_the_start(tmp_path: Path, operators: dict[str, str]) -> None:
    async def fail() -> None:
        raise SettingError("no account could be made")

    with pytest.raises(SettingError, match="no account"):
        async with up(tmp_path / "home", operators, fail):
            pytest.fail("it came up")
    assert layout.find(tmp_path / "home").pids == {}


async def test_a_signal_stops_everything_in_order_and_a_second_start_keeps_the_secrets(
    tmp_path: Path, operators: dict[str, str]
) -> None:
    home = tmp_path / "a home"
    secrets = []
    for number in (signal.SIGTERM, signal.SIGINT):
        process = await asyncio.create_subprocess_exec(
            sys.executable, PROGRAMS / "stay.py", home, env=operators, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(30):
            url = (await process.stdout.readline()).decode().split()[1]
            assert await answers(url + "/readyz")
            secrets.append(layout.find(home).secrets)
            process.send_signal(number)
            assert await process.stdout.readline() == b"stopped\n"
            assert await process.wait() == 0
        assert not await answers(url + "/readyz")
        assert layout.find(home).pids == {}
    assert secrets[0] == secrets[1]


async def test_a_signal_while_the_platform_starts_stops_it_too(tmp_path: Path, operators: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, PROGRAMS / "stay.py", tmp_path / "home", env=operators, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    await eventually((tmp_path / "home" / "pg").exists)
    process.terminate()
    async with asyncio.timeout(30):
        assert await process.stdout.read() == b"stopped\n"
        assert await process.wait() == 0


async def test_nothing_answers_where_nothing_listens() -> None:
    assert not await answers(f"http://127.0.0.1:{free_port()}/healthz")


def test_files_lie_beside_the_edge_and_a_taken_metrics_port_gives_way() -> None:
    drawn = iter((10, 8081, 9000))
    allotted = ports.allot(8080, 3, free=lambda port: port != 8083, draw=lambda: next(drawn))
    assert allotted == ports.Ports(edge=8080, files=8081, metrics=(8082, 10, 8084))


def test_the_edge_on_any_port_takes_one_whose_neighbour_is_free() -> None:
    drawn = iter((5000, 6000))
    assert ports.allot(0, 0, free=lambda port: port != 5001, draw=lambda: next(drawn)).edge == 6000


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104
        ("::1", "http://[::1]:80"),
        ("::", "http://[::1]:80"),
    ],
)
def test_a_host_that_stands_for_all_is_reached_by_the_local_one(host: str, url: str) -> None:
    assert url_of(host, 80) == url


@pytest.mark.parametrize(
    ("name", "value"),
    [("GESSO_PORT", "eighty"), ("GESSO_PORT", "65535"), ("GESSO_HOST", "192.0.2.1"), ("GESSO_HOST", "no.such.invalid")],
)
async def test_a_setting_that_cannot_be_is_named(
    operators: dict[str, str], tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(SettingError, match=name):
        async with up(tmp_path / "state", {**operators, name: value}):
            pass


async def test_a_home_that_is_no_folder_is_named(operators: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    with pytest.raises(SettingError, match="GESSO_HOME"):
        async with up(tmp_path / "state", operators):
            pass


async def test_a_service_that_lives_but_serves_nothing_is_not_ready(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    assert not await listens(f"unix:{path}")
    server = await asyncio.start_unix_server(lambda _reader, writer: writer.close(), path)
    async with server:
        assert await listens(f"unix:{path}")
    path.touch()
    assert not await listens(f"unix:{path}")
