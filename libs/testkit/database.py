"""Tests run on a PostgreSQL of their own, started when the first one asks; each gets an empty database."""

import asyncio
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from embedded import locks, roles
from embedded.postgres import ADMINISTRATOR, Postgres, Server

_PREFIX = "gesso-test-"
_TEMPLATE = "gesso_template"


@dataclass(frozen=True, slots=True)
class Database:
    """One database with the four services' roles and schemas, all of them empty at first."""

    server: Server
    name: str

    def url(self, role: str) -> str:
        """Return the URL that logs a service's role in; `gesso_admin` is the superuser."""
        return self.server.dsn(role, self.name)

    @property
    def admin_url(self) -> str:
        """The superuser's URL, for looking at what a service wrote."""
        return self.url(ADMINISTRATOR)


class Databases:
    """The test session's server, which makes a database by copying a template in a few milliseconds."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._numbers = itertools.count(1)
        self._one_at_a_time = asyncio.Lock()  # PostgreSQL copies a template for one client only

    @contextlib.asynccontextmanager
    async def fresh(self) -> AsyncIterator[Database]:
        """Lend a new database for the block, and drop it afterwards together with its connections."""
        name = f"test_{next(self._numbers)}"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE} STRATEGY file_copy")
        try:
            yield Database(self.server, name)
        finally:
            await self._execute(f"DROP DATABASE {name} WITH (FORCE)")

    async def _execute(self, statement: str) -> None:
        """Run one statement as the superuser, on a connection of its own because a test may kill the server."""
        async with self._one_at_a_time:
            connection = await asyncpg.connect(self.server.dsn(ADMINISTRATOR, "postgres"))
            try:
                await connection.execute(statement)
            finally:
                await connection.close()


@contextlib.asynccontextmanager
async def throwaway_postgres() -> AsyncIterator[Databases]:
    """Run a server that trades durability for speed; its state goes at the end, or by the next run after a kill."""
    _sweep(Path(tempfile.gettempdir()))
    folder = _folder()
    postgres = Postgres(state=folder / "pg", log=folder / "postgres.log", durable=False, max_connections=300)
    try:
        async with postgres.running() as server:
            await roles.provide(server, database=_TEMPLATE)
            yield Databases(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    """Make a folder that the server can reach even where it has to run as another user than root, who makes it."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    folder.chmod(0o711)
    return folder


def _sweep(parent: Path) -> None:
    """Remove the states of test runs that were killed; a living one still holds its lock."""
    for folder in parent.glob(f"{_PREFIX}*"):
        lock = folder / "pg" / "supervisor.lock"
        with contextlib.suppress(OSError, locks.InUseError):
            if lock.exists():
                with locks.held(lock, "a test run"):
                    shutil.rmtree(folder, ignore_errors=True)
