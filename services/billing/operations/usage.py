"""Use of keys is counted in memory and written every two seconds: the last two may be lost in a crash, no money depends on it."""

import asyncio
import contextlib
import datetime

from billing.store import api_keys
from servicekit.database import Database
from servicekit.faults import Unavailable

_PAUSE_SECONDS = 2.0


class Usage:
    """Counts each key's requests and the time of the last one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._used: dict[str, tuple[int, datetime.datetime]] = {}

    def count(self, api_key_id: str, requests: int) -> None:
        """Count requests that a key has just made."""
        before, _ = self._used.get(api_key_id, (0, None))
        self._used[api_key_id] = (before + requests, datetime.datetime.now(datetime.UTC))

    async def write(self) -> None:
        """Write what was counted; where that fails it stays counted. Raises Unavailable."""
        used, self._used = self._used, {}
        if not used:
            return
        try:
            async with self._database.transaction(durable=False) as connection:
                await api_keys.count_use(connection, used)
        except Unavailable:
            for api_key_id, (requests, at) in used.items():
                more, last = self._used.get(api_key_id, (0, at))
                self._used[api_key_id] = (requests + more, last)
            raise

    async def run(self) -> None:
        """Write for ever; at the end, when this is cancelled, once more."""
        try:
            while True:
                await asyncio.sleep(_PAUSE_SECONDS)
                with contextlib.suppress(Unavailable):
                    await self.write()
        finally:
            with contextlib.suppress(Unavailable):
                await self.write()
