"""One service's PostgreSQL: a small fixed pool in the service's own schema, forward-only migrations, and a listener that resyncs.

What time mends (a lost connection, a full disk, a standby, a deadlock) is raised as Unavailable("database"), once, here; every
write of the platform can be repeated by its id.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from importlib import resources
from typing import Any

import asyncpg

from servicekit import tracing
from servicekit.faults import Unavailable

_LOST: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,  # class 57: it shuts down, starts up, or a statement was cancelled
    asyncpg.InsufficientResourcesError,  # class 53: no room on the disk, in memory, or for a connection
    asyncpg.TransactionRollbackError,  # class 40: a deadlock, or what a serial order would not allow
    asyncpg.ReadOnlySQLTransactionError,  # a standby, until it has become the primary
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InternalClientError,  # the server's farewell was read on an idle connection, and its end not yet
    OSError,
    TimeoutError,
)
_MIGRATION = re.compile(r"\d{4}_[a-z0-9_]+\.sql")


class Database:
    """A pool of connections whose search_path is the service's schema alone.

    Built by `connect`. `fetch`, `fetchrow`, `fetchval` and `execute` take a connection for one statement; `transaction` lends one
    for several. Each raises Unavailable where PostgreSQL cannot do it now, and asyncpg's own errors for all else.
    """

    def __init__(self, pool: "asyncpg.Pool", schema: str) -> None:
        self._pool = pool
        self.schema = schema
        self._attributes = {"db.system.name": "postgresql", "db.namespace": schema}

    @classmethod
    @contextlib.asynccontextmanager
    async def connect(
        cls,
        dsn: str,
        *,
        schema: str,
        max_connections: int = 4,
        command_timeout_seconds: float = 30.0,
        idle_in_transaction_seconds: float = 15.0,
    ) -> "AsyncIterator[Database]":
        """Open the pool (one connection at first) and close it in the end. Raises Unavailable.

        A transaction in which nothing was asked for `idle_in_transaction_seconds` is undone by the server: a process that froze
        with a row in its hand, a wallet say, must not keep it from the other replicas.
        """
        settings = {
            "search_path": schema,
            "application_name": f"gesso-{schema}",
            "jit": "off",
            "idle_in_transaction_session_timeout": str(round(idle_in_transaction_seconds * 1000)),
        }
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=max_connections,
                command_timeout=command_timeout_seconds,
                server_settings=settings,
                max_inactive_connection_lifetime=300,
                reset=_keep_session,
            )
        except _LOST as error:
            raise Unavailable("database") from error
        try:
            yield cls(pool, schema)
        finally:
            try:
                await asyncio.wait_for(pool.close(), timeout=5)
            except _LOST:
                pool.terminate()

    @contextlib.asynccontextmanager
    async def connection(self) -> "AsyncIterator[asyncpg.Connection]":
        """Lend a connection outside a transaction."""
        try:
            with tracing.span("sql", self._attributes):
                async with self._pool.acquire() as connection:
                    yield connection
        except _LOST as error:
            raise Unavailable("database") from error

    @contextlib.asynccontextmanager
    async def transaction(self, *, durable: bool = True) -> "AsyncIterator[asyncpg.Connection]":
        """Lend a connection inside a transaction.

        `durable=False` commits without waiting for the disk: for heartbeats, progress and counters only.
        """
        async with self.connection() as connection, connection.transaction():
            if not durable:
                await connection.execute("SET LOCAL synchronous_commit = off")
            yield connection

    async def fetch(self, query: str, *arguments: object) -> "Sequence[asyncpg.Record]":
        """Run one statement and return its rows."""
        async with self.connection() as connection:
            rows: Sequence[asyncpg.Record] = await connection.fetch(query, *arguments)
            return rows

    async def fetchrow(self, query: str, *arguments: object) -> "asyncpg.Record | None":
        """Run one statement and return its first row, or None."""
        async with self.connection() as connection:
            return await connection.fetchrow(query, *arguments)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        """Run one statement and return the first column of its first row, or None."""
        async with self.connection() as connection:
            return await connection.fetchval(query, *arguments)

    async def execute(self, query: str, *arguments: object) -> str:
        """Run one statement and return its command tag."""
        async with self.connection() as connection:
            tag: str = await connection.execute(query, *arguments)
            return tag

    def pool_use(self) -> tuple[int, int]:
        """Return (connections in use, connections open), for metrics."""
        return self._pool.get_size() - self._pool.get_idle_size(), self._pool.get_size()


async def migrate(database: Database, package: str) -> tuple[str, ...]:
    """Apply the package's `NNNN_name.sql` files that this database has not seen, in order, each in its own transaction.

    Several replicas may start at once: an advisory lock lets one apply. Returns the names that were applied.
    """
    files = sorted(
        (f for f in resources.files(package).iterdir() if _MIGRATION.fullmatch(f.name)), key=lambda f: f.name
    )
    applied = []
    async with database.connection() as connection:
        await connection.execute("SELECT pg_advisory_lock(hashtext('gesso-migrations-' || current_schema()))")
        try:
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_migrations"
                " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
            )
            seen = {row["name"] for row in await connection.fetch("SELECT name FROM schema_migrations")}
            for file in files:
                if file.name not in seen:
                    async with connection.transaction():
                        await connection.execute(file.read_text(encoding="utf-8"))
                        await connection.execute("INSERT INTO schema_migrations (name) VALUES ($1)", file.name)
                    applied.append(file.name)
        finally:
            await connection.execute("SELECT pg_advisory_unlock(hashtext('gesso-migrations-' || current_schema()))")
    return tuple(applied)


async def listen(
    dsn: str, channels: Sequence[str], received: Callable[[str, str], None], resync: Callable[[], Awaitable[None]]
) -> None:
    """Call `received(channel, payload)` for each notification, for ever; `resync` after every (re)connection.

    Notifications sent while the connection was lost are gone, so `resync` must read what they would have told.
    """
    while True:
        with contextlib.suppress(*_LOST, Unavailable):
            await _listen_once(dsn, channels, received, resync)
        await asyncio.sleep(0.5)


async def _listen_once(
    dsn: str, channels: Sequence[str], received: Callable[[str, str], None], resync: Callable[[], Awaitable[None]]
) -> None:
    connection = await asyncpg.connect(dsn, server_settings={"application_name": "gesso-listener"})
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    try:
        for channel in channels:
            await connection.add_listener(channel, lambda _c, _pid, name, payload: received(name, payload))
        await resync()
        await lost.wait()
    finally:
        with contextlib.suppress(*_LOST):
            await connection.close(timeout=1)


async def _keep_session(connection: "asyncpg.Connection") -> None:
    """Our statements leave no session state behind, so the four statements of asyncpg's own reset would be CPU for nothing."""
