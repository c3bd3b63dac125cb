"""The whole platform as a test meets it: real processes on free ports, a scripted upstream, and a hand on each process.

`running_platform` is `gesso up` without its terminal: PostgreSQL and one process for each service. `running_replicas` adds a
second process of each service on the same database and object store; each edge is paired with its own generator, each
generator with its own billing and gallery, so that what must hold across replicas has only the database to hold by.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import grpc.aio
import msgspec
import openai
from grpc_health.v1 import health_pb2, health_pb2_grpc

from cli.operator import operator
from cli.places import Place
from embedded import layout as layouts
from embedded import ports, processes, roles
from embedded.environment import NAMES, SERVICES, Service, Wiring, environment
from embedded.layout import Layout, State
from embedded.platform import Platform, answers, up
from embedded.ports import DEFAULT_HOST, url_of
from embedded.processes import Process, Program
from gesso.billing.v1 import billing_pb2 as billing
from testkit.eventually import eventually
from testkit.upstreams.base import ScriptedUpstream
from testkit.upstreams.vendors import VENDORS

NOBODY = "http://127.0.0.1:9"
"""Where no vendor is: the port of `discard`, which nothing serves."""
QUICK: Mapping[str, str] = {
    **{vendor.address: NOBODY for name, vendor in VENDORS.items() if name not in ("a1111", "comfyui")},
    "GESSO_EGRESS_ALLOW": "127.0.0.0/8",
    "GESSO_FALLBACK_ENGINE": "none",
    "GESSO_GENERATOR_GRACE_SECONDS": "2",
}
"""What every platform under test is given: what waits for minutes in production waits for seconds here, and no provider key that a
test stores leads to a vendor's own host."""

MODEL = "gpt-image-2"
"""A model that the scripted upstream alone serves: its other routes are of vendors that are not configured."""

UP_SECONDS = 60.0
"""How long a process may take to come back, on a machine that is busy with other tests."""

_NO_ERROR = {"message": None, "type": None, "param": None, "code": None}
_KEPT_VARIABLES = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Account:
    """A customer of the platform under test."""

    id: str
    api_key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; header names are matched without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)

    @property
    def error(self) -> Any:
        """The error object of an answer in OpenAI's words; that of a success says nothing."""
        return self.json["error"] if self.status >= 400 else _NO_ERROR


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that has ended."""

    status: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return msgspec.json.decode(self.output)


class PlatformUnderTest:
    """One platform, or one half of two replicas: its addresses, its customers, its command line, its processes by name."""

    def __init__(
        self, layout: Layout, state: State, kept: Mapping[str, Process], http: aiohttp.ClientSession, crash_file: Path
    ) -> None:
        self.home = layout.home
        self.layout = layout
        self.state = state
        self.processes = kept
        self.http = http
        self._crash_file = crash_file

    @property
    def url(self) -> str:
        """The edge."""
        return self.state.url

    @property
    def anchors_pem(self) -> str:
        """The roots that a reader of this platform's Content Credentials has to trust."""
        return (self.layout.keys / "provenance" / "anchors.pem").read_text()

    def client(self, api_key: str, *, max_retries: int = 0, timeout_seconds: float = 60.0) -> openai.AsyncOpenAI:
        """The official SDK, pointed here."""
        return openai.AsyncOpenAI(
            api_key=api_key, base_url=f"{self.url}/v1", max_retries=max_retries, timeout=timeout_seconds
        )

    async def account(self, *, plan: str = "enterprise", usd: float = 50.0, name: str = "Test") -> Account:
        """Make an account with a key, as the operator does; the plan `enterprise` has no limits."""
        return await asyncio.to_thread(_make_account, self._place, plan, round(usd * 1_000_000), name)

    async def balance(self, account: Account) -> billing.Balance:
        """What an account has and holds."""
        request = billing.GetAccountRequest(account_id=account.id)
        shown = await asyncio.to_thread(
            operator(self._place).call, "gesso.billing.v1.Accounts/GetAccount", request, billing.Account
        )
        return shown.balance

    async def settled(self, account: Account) -> billing.Balance:
        """What an account has once nothing of it is held any more: the ledger follows an answer, it does not lead it."""

        async def released() -> billing.Balance:
            balance = await self.balance(account)
            assert balance.held_micros == 0
            return balance

        return await eventually(released)

    @property
    def _place(self) -> Place:
        return Place({"GESSO_HOME": str(self.home)})

    async def ask(
        self,
        method: str,
        path: str,
        *,
        api_key: str = "",
        json: object = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and read its answer; `path` may be a whole URL. `json` is sent with its content type."""
        sent = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        if json is not None:
            body, sent["Content-Type"] = msgspec.json.encode(json), "application/json"
        url = path if path.startswith("http") else self.url + path
        async with self.http.request(method, url, data=body, headers={**sent, **(headers or {})}) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def generate(
        self, account: Account, fields: Mapping[str, object], *, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """POST /v1/images/generations with these fields."""
        return await self.ask("POST", "/v1/images/generations", api_key=account.api_key, json=fields, headers=headers)

    async def gesso(
        self, *words: str, environment: Mapping[str, str] | None = None, folder: Path | None = None
    ) -> Ended:
        """Run the command line on this platform, as a process."""
        return await run(
            (str(Path(sys.executable).with_name("gesso")), *words),
            {"GESSO_HOME": str(self.home), **(environment or {})},
            folder or self.home,
        )

    async def verify(self) -> Any:
        """Run `gesso ledger verify` and return its report. Raises AssertionError with the breaches where there are any."""
        ended = await self.gesso("ledger", "verify", "--json")
        assert ended.status == 0, ended.output + ended.errors
        return ended.json

    def arm(self, arming: str) -> "Armed":
        """Arm a crash point (`name[:nth][:kill|hang]`) in the running processes."""
        draft = self._crash_file.with_suffix(".draft")
        draft.write_text(arming)
        draft.rename(self._crash_file)
        return Armed(self._crash_file)

    async def kill(self, name: str) -> None:
        """SIGKILL a process once it is ready, a service or `postgres`; returns when the supervisor has started it again."""
        process = self.processes[name]
        await process.until_ready()
        starts = process.starts
        os.kill(process.pid, signal.SIGKILL)
        await eventually(lambda: process.starts > starts, timeout_seconds=UP_SECONDS)

    async def until_restarted(self, name: str, starts: int) -> None:
        """Wait until a process has been started more often than `starts` times, and everything answers."""
        await eventually(lambda: self.processes[name].starts > starts, timeout_seconds=UP_SECONDS)
        await self.until_up()

    async def until_up(self) -> None:
        """Wait until every process is ready, every service serves, and the edge reaches all of them."""
        for process in self.processes.values():
            await asyncio.wait_for(process.until_ready(), UP_SECONDS)
        for address in self.state.addresses.values():
            await eventually(partial(_serves, address), timeout_seconds=UP_SECONDS)
        await eventually(lambda: answers(f"{self.url}/readyz"), timeout_seconds=UP_SECONDS)


@dataclass(frozen=True, slots=True)
class Armed:
    """An armed crash point; the process that fires it removes the file first."""

    file: Path

    @property
    def fired(self) -> bool:
        """Whether a process has passed the point."""
        return not self.file.exists()

    def disarm(self) -> None:
        """Take the arming back."""
        self.file.unlink(missing_ok=True)


async def _serves(address: str) -> bool:
    """Ask a service itself: its process counts as ready, and the edge may remember it as ready, before it serves again."""
    async with grpc.aio.insecure_channel(address, options=(("grpc.use_local_subchannel_pool", 1),)) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=2.0)
        except grpc.aio.AioRpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


async def run(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> Ended:
    """Run a program to its end, with no more of our environment than it needs."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**kept_environment(), **environment},
        cwd=folder,
    )
    output, errors = await process.communicate()
    assert process.returncode is not None
    return Ended(process.returncode, output.decode(), errors.decode())


def kept_environment() -> dict[str, str]:
    """Our own environment without what would change a platform: no vendor's key, none of Gesso's variables."""
    return {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}


@contextlib.asynccontextmanager
async def running_platform(
    folder: Path, *, upstream: ScriptedUpstream | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[PlatformUnderTest]:
    """Run a platform in `folder/state` for the block; `upstream` serves as OpenAI, `environment` goes before `QUICK`."""
    async with _surroundings(folder, upstream, environment) as (operators, http), up(folder / "state", operators) as it:
        yield PlatformUnderTest(it.layout, it.state, it.processes, http, Path(operators["GESSO_CRASHPOINT_FILE"]))


@contextlib.asynccontextmanager
async def running_replicas(
    folder: Path,
    *,
    upstream: ScriptedUpstream | None = None,
    environment: Mapping[str, str] | None = None,
    second_environment: Mapping[str, str] | None = None,
) -> AsyncIterator[tuple[PlatformUnderTest, PlatformUnderTest]]:
    """Run two replicas of each service on one database and one object store; the first half has PostgreSQL's process.

    `second_environment` is added for the second half alone.
    """
    store = folder / "store"
    store.mkdir()
    shared = {**(environment or {}), "GESSO_STORE_URL": store.as_uri()}
    async with _surroundings(folder, upstream, shared) as (operators, http), up(folder / "a", operators) as first:
        crash_file = Path(operators["GESSO_CRASHPOINT_FILE"])
        wiring = _second_wiring(first, folder / "b")
        programs = [_program(service, wiring, operators | dict(second_environment or {})) for service in SERVICES]
        async with processes.all_running(programs) as started:
            kept = dict(zip(NAMES, started, strict=True))
            yield (
                PlatformUnderTest(first.layout, first.state, first.processes, http, crash_file),
                PlatformUnderTest(wiring.layout, wiring.state, kept, http, crash_file),
            )


@contextlib.asynccontextmanager
async def _surroundings(
    folder: Path, upstream: ScriptedUpstream | None, environment: Mapping[str, str] | None
) -> AsyncIterator[tuple[dict[str, str], aiohttp.ClientSession]]:
    """Serve the upstream; yields the operator's environment, and a client of HTTP."""
    async with contextlib.AsyncExitStack() as stack:
        operators = {
            **kept_environment(),
            **QUICK,
            "GESSO_PORT": "0",
            "GESSO_CRASHPOINT_FILE": str(folder / "crashpoint"),
        }
        if upstream is not None:
            url = await stack.enter_async_context(upstream.running())
            operators |= {"OPENAI_API_KEY": "sk-scripted", "OPENAI_BASE_URL": url}
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        yield {**operators, **(environment or {})}, http


def _second_wiring(first: Platform, home: Path) -> Wiring:
    """Wire the second half: the first one's secrets, database and signing authority, with addresses of its own."""
    home.mkdir()
    (home / "keys").symlink_to(first.layout.keys)
    layout = layouts.make(home)
    allotted = ports.allot(
        0, len(NAMES), lambda port: ports.is_free(DEFAULT_HOST, port), lambda: ports.any_port(DEFAULT_HOST)
    )
    metrics = (url_of(DEFAULT_HOST, port) + "/metrics" for port in allotted.metrics)
    state = replace(
        first.state,
        url=url_of(DEFAULT_HOST, allotted.edge),
        files_url=url_of(DEFAULT_HOST, allotted.files),
        addresses={name: layout.socket(name) for name in NAMES if name != "gateway"},
        metrics=dict(zip(NAMES, metrics, strict=True)),
        pids={},
    )
    layouts.save(layout, state)
    urls = {
        name: first.processes[name].program.environment[f"GESSO_{name.upper()}_DATABASE_URL"] for name in roles.SERVICES
    }
    return Wiring(layout, state, urls, DEFAULT_HOST, allotted)


def _program(service: Service, wiring: Wiring, operators: Mapping[str, str]) -> Program:
    is_edge = service.name == "gateway"
    port = wiring.ports.edge if is_edge else wiring.metrics_port(service.name)
    ready_url = url_of(DEFAULT_HOST, port) + service.ready_path

    async def ready(_process_id: int) -> bool:
        return await answers(ready_url)

    return Program(
        name=service.name,
        argv=service.argv,
        environment=environment(service, wiring, operators),
        folder=wiring.layout.home,
        log=wiring.layout.log(service.name),
        ready=ready,
    )


def _make_account(place: Place, plan: str, grant_micros: int, name: str) -> Account:
    services, request_id = operator(place), f"test-{os.urandom(12).hex()}"
    account = services.call(
        "gesso.billing.v1.Accounts/CreateAccount",
        billing.CreateAccountRequest(request_id=request_id, name=name, plan=plan, grant_micros=grant_micros),
        billing.Account,
    )
    key = services.call(
        "gesso.billing.v1.ApiKeys/CreateApiKey",
        billing.CreateApiKeyRequest(request_id=f"{request_id}-key", account_id=account.id, name="first"),
        billing.ApiKey,
    )
    return Account(account.id, key.secret)
