"""Verification checks every invariant of the books in one snapshot, and returns what does not hold."""

from collections.abc import Sequence
from dataclasses import dataclass

from billing.store import invariants
from billing.store.invariants import Breach
from servicekit.database import Database


@dataclass(frozen=True, slots=True)
class Verified:
    """The breaches, none when all is well, and how much was looked at."""

    breaches: Sequence[Breach]
    accounts: int
    entries: int
    holds: int


class Verification:
    """Checks the books."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def verify(self) -> Verified:
        """Check every invariant. Raises Unavailable."""
        async with self._database.transaction() as connection:
            await invariants.begin_snapshot(connection)
            counts = await invariants.counts(connection)
            return Verified(await invariants.breaches(connection), *counts)
