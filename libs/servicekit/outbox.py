"""An outbox hands on what a service wrote in its own transactions: at least once, in order of writing, in batches.

The table is the service's own: `outbox (id bigserial primary key, payload bytea not null, created_at timestamptz not null)`.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from servicekit.crashpoints import crashpoint
from servicekit.database import Database
from servicekit.faults import Fault

_BATCH = 256


class Outbox:
    """Drains the table through `publish`, which must be idempotent per payload and raise Fault where it cannot take them now."""

    def __init__(
        self, database: Database, publish: Callable[[Sequence[bytes]], Awaitable[None]], *, poll_seconds: float = 2.0
    ) -> None:
        self._database = database
        self._publish = publish
        self._poll_seconds = poll_seconds
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Something was written: drain now instead of at the next poll."""
        self._wake.set()

    async def run(self) -> None:
        """Drain until cancelled."""
        while True:
            self._wake.clear()
            with contextlib.suppress(Fault):
                while await self.drain_once() == _BATCH:
                    pass
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._poll_seconds)

    async def drain_once(self) -> int:
        """Hand on one batch; returns how many. Several replicas may drain side by side: rows being handed on are skipped."""
        async with self._database.transaction() as connection:
            rows = await connection.fetch(
                "SELECT id, payload FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED", _BATCH
            )
            if rows:
                await self._publish([row["payload"] for row in rows])
                crashpoint("outbox.after_publish")
                await connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", [row["id"] for row in rows])
        return len(rows)
