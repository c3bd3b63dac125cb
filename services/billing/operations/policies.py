"""Each account's plan and limit overrides are remembered for 5 s, so that counting a request needs no look at its account."""

import time
from collections.abc import Iterable, Mapping

from billing.store import accounts
from servicekit.database import Database

_FRESH_SECONDS = 5.0
_MOST = 50_000

Policy = tuple[str, Mapping[str, int]]
_NEVER: tuple[float, Policy] = (0.0, ("", {}))


class Policies:
    """Plan and overrides by account. A change holds everywhere after 5 s."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[str, tuple[float, Policy]] = {}

    def learn(self, account_id: str, plan: str, overrides: Mapping[str, int]) -> None:
        """Remember what was just read."""
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[account_id] = (time.monotonic() + _FRESH_SECONDS, (plan, overrides))

    async def of(self, account_ids: Iterable[str]) -> dict[str, Policy]:
        """Return the policies of the accounts that exist; those not remembered are read by one query. Raises Unavailable."""
        now = time.monotonic()
        found: dict[str, Policy] = {}
        unknown: list[str] = []
        for account_id in account_ids:
            until, policy = self._known.get(account_id, _NEVER)
            if until > now:
                found[account_id] = policy
            else:
                unknown.append(account_id)
        if unknown:
            async with self._database.connection() as connection:
                read = await accounts.policies(connection, unknown)
            for account_id, policy in read.items():
                self.learn(account_id, *policy)
            found |= read
        return found
