"""The whole platform of one home: the database, then the five services, brought up together and taken down in order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from embedded import layout as layouts
from embedded import locks, logs, ports, processes, roles, sockets
from embedded.environment import NAMES, SECRETS, SERVICES, Service, Wiring, environment
from embedded.layout import Layout, State
from embedded.ports import DEFAULT_HOST, url_of
from embedded.postgres import Postgres
from embedded.processes import Process, Program

DEFAULT_PORT = "8080"
_HIGHEST_EDGE_PORT = 65_534  # the files are served on the next one
_ASK_SECONDS = 2.0


class SettingError(Exception):
    """A variable says what cannot be; the message names it."""


class PortTakenError(SettingError):
    """Another program listens where the edge or the files should."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A running platform: where it is reached, and its processes by name, PostgreSQL included."""

    layout: Layout
    state: State
    processes: Mapping[str, Process]

    @property
    def url(self) -> str:
        """The edge."""
        return self.state.url

    @property
    def files_url(self) -> str:
        """Where pictures are served."""
        return self.state.files_url

    async def until_given_up(self) -> None:
        """Wait until one of the processes cannot be kept running, and raise why."""
        waiting = [asyncio.ensure_future(process.until_given_up()) for process in self.processes.values()]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()
        for future in waiting:
            if future.done() and not future.cancelled():
                future.result()


async def answers(url: str) -> bool:
    """Say whether an HTTP GET of `url` (http://host:port/path) is answered by 200; by hand, to load no client for it."""
    authority, _, path = url.removeprefix("http://").partition("/")
    host, _, port = authority.rpartition(":")
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            reader, writer = await asyncio.open_connection(host.strip("[]"), int(port))
            try:
                writer.write(f"GET /{path} HTTP/1.0\r\nHost: {authority}\r\n\r\n".encode())
                return b" 200 " in await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False


async def listens(address: str) -> bool:
    """Say whether somebody listens at a gRPC address `unix:/path`: a service does when all of it stands."""
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            _, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


@contextlib.asynccontextmanager
async def up(
    home: Path, operators: Mapping[str, str], before_edge: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[Platform]:
    """Run the platform for the block; `operators` is the environment of whoever starts it.

    `before_edge` runs once billing answers, and the edge starts after it: whom the edge answers finds what it made.
    Raises locks.InUseError where a platform runs on this home, SettingError, postgres.PostgresError, and
    processes.ProgramError where a process does not get ready.
    """
    layout = _made(home)
    with locks.held(layout.lock, f"another `gesso up` runs on {layout.home}"), _Notes(layout) as notes:
        host, allotted = _listening(operators)
        notes.settle(host, allotted, operators)
        log = layout.log("postgres")
        async with Postgres(state=layout.postgres, log=log, started=notes.starter("postgres")).running() as server:
            await roles.provide(server)
            wiring = Wiring(layout, notes.state, roles.urls(server), host, allotted)
            programs = [_program(service, wiring, operators, notes) for service in SERVICES]
            async with _services(programs, before_edge) as running, _logs_kept_small(layout):
                yield Platform(
                    layout, notes.state, dict(zip(("postgres", *NAMES), (server.process, *running), strict=True))
                )


@contextlib.asynccontextmanager
async def _services(
    programs: Sequence[Program], before_edge: Callable[[], Awaitable[None]] | None
) -> AsyncIterator[tuple[Process, ...]]:
    """Keep the services running for the block, all of them ready; billing is the first of them, the edge the last."""
    if before_edge is None:
        async with processes.all_running(programs) as running:
            yield running
        return
    async with processes.kept(programs[:-1]) as behind:
        await behind[0].until_ready()
        await before_edge()
        async with processes.kept(programs[-1:]) as edge:
            running = (*behind, *edge)
            await asyncio.gather(*(process.until_ready() for process in running))
            yield running


class _Notes:
    """state.json as it changes: what is settled at the start, and the process id of every child's latest start."""

    def __init__(self, layout: Layout) -> None:
        known = layouts.find(layout.home) if layout.state_file.exists() else State()
        self._layout = layout
        self.state = replace(layouts.with_secrets(known, SECRETS), pids={})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._change(replace(self.state, pids={}))
        sockets.leave(self._layout.sockets)

    def settle(self, host: str, allotted: ports.Ports, operators: Mapping[str, str]) -> None:
        """Note where the platform will be reached, and the operator's token where the operator chose one."""
        metrics = (url_of(DEFAULT_HOST, port) + "/metrics" for port in allotted.metrics)
        chosen = {"operator_token": operators["GESSO_ADMIN_TOKEN"]} if operators.get("GESSO_ADMIN_TOKEN") else {}
        state = replace(
            self.state,
            secrets={**self.state.secrets, **chosen},
            url=operators.get("GESSO_PUBLIC_URL", "").rstrip("/") or url_of(host, allotted.edge),
            files_url=operators.get("GESSO_FILES_URL", "").rstrip("/") or url_of(host, allotted.files),
            addresses={name: self._layout.socket(name) for name in NAMES if name != "gateway"},
            metrics=dict(zip(NAMES, metrics, strict=True)),
        )
        self._change(state)

    def starter(self, name: str) -> Callable[[int], None]:
        """Return what notes the process id of a child."""
        return lambda process_id: self._change(replace(self.state, pids={**self.state.pids, name: process_id}))

    def _change(self, state: State) -> None:
        self.state = state
        layouts.save(self._layout, state)


def _made(home: Path) -> Layout:
    try:
        return layouts.make(home)
    except OSError as error:
        raise SettingError(f"GESSO_HOME: no state can be kept in {home} ({error.strerror})") from error


def _listening(operators: Mapping[str, str]) -> tuple[str, ports.Ports]:
    """Choose where to listen; raises SettingError, PortTakenError among them."""
    host, edge = operators.get("GESSO_HOST") or DEFAULT_HOST, operators.get("GESSO_PORT") or DEFAULT_PORT
    if not edge.isdecimal() or int(edge) > _HIGHEST_EDGE_PORT:
        raise SettingError(f"GESSO_PORT must be 0 to {_HIGHEST_EDGE_PORT}, not {edge!r}")
    try:
        ports.check_host(host)
    except OSError as error:
        raise SettingError(f"GESSO_HOST: this machine cannot listen on {host!r} ({error.strerror})") from error
    allotted = ports.allot(
        int(edge),
        len(NAMES),
        lambda port: ports.is_free(host, port),
        lambda: ports.any_port(host),
    )
    for port in (allotted.edge, allotted.files):
        if not ports.is_free(host, port):
            raise PortTakenError(f"port {port} of {host} is not free: set GESSO_PORT to another one, or to 0 for any")
    return host, allotted


def _program(service: Service, wiring: Wiring, operators: Mapping[str, str], notes: _Notes) -> Program:
    """Describe a service's process. The edge is ready by its own port, the others by those of their metrics and their gRPC."""
    is_edge = service.name == "gateway"
    port = wiring.ports.edge if is_edge else wiring.metrics_port(service.name)
    ready_url = url_of(wiring.host if is_edge else DEFAULT_HOST, port) + service.ready_path

    async def ready(_process_id: int) -> bool:
        return await answers(ready_url) and (is_edge or await listens(wiring.layout.socket(service.name)))

    return Program(
        name=service.name,
        argv=service.argv,
        environment=environment(service, wiring, operators),
        folder=wiring.layout.home,
        log=wiring.layout.log(service.name),
        ready=ready,
        started=notes.starter(service.name),
    )


@contextlib.asynccontextmanager
async def _logs_kept_small(layout: Layout) -> AsyncIterator[None]:
    """Cut the logs that grow too long, for the block."""
    cutting = asyncio.create_task(logs.keep_small(layout.log(name) for name in ("postgres", *NAMES)))
    try:
        yield
    finally:
        cutting.cancel()
