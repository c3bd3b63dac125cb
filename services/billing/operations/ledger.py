"""The ledger's hot path: holds placed and ended, all that wait at once in one transaction.

Each replica runs one flush of admissions and one of settlements at a time; what arrives meanwhile is the next. Replicas
are told apart by the wallets' locks alone, so two of them on one database are as exact as one.
"""

import datetime
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

from asyncpg import Connection

from billing import admission, events, settlement
from billing.budgets import Budget
from billing.holds import Admission, Outcome, Settlement, Wallet
from billing.store import budgets, holds, outbox, wallets
from servicekit.coalescer import Coalescer
from servicekit.crashpoints import crashpoint
from servicekit.database import Database
from servicekit.faults import Fault, Internal

_REQUESTS_PER_FLUSH = 8  # of at most 256 items each
_TRIES = 5

Item = TypeVar("Item", Admission, Settlement)
Batch = Sequence[Item]


class _Taken(Exception):
    """An id was taken between reading and writing: the transaction is rolled back and tried again."""


class Ledger:
    """Places and ends holds; every method answers one outcome per item, in order."""

    def __init__(self, database: Database, told: Callable[[], None] = lambda: None) -> None:
        """`told` is called after a commit that wrote events."""
        self._database = database
        self._told = told
        self._admissions = Coalescer[Batch[Admission], list[Outcome]](
            lambda batches: _each(batches, self._admit), max_items=_REQUESTS_PER_FLUSH
        )
        self._settlements = Coalescer[Batch[Settlement], list[Outcome]](
            lambda batches: _each(batches, self._settle), max_items=_REQUESTS_PER_FLUSH
        )

    async def admit(self, admissions: Batch[Admission]) -> list[Outcome]:
        """Place holds, each whole or not at all. Raises Unavailable, and then the same call may be repeated."""
        return await self._admissions.submit(admissions) if admissions else []

    async def settle(self, settlements: Batch[Settlement]) -> list[Outcome]:
        """End holds. Raises Unavailable, and then the same call may be repeated."""
        return await self._settlements.submit(settlements) if settlements else []

    async def _admit(self, items: Batch[Admission]) -> list[Outcome]:
        for attempt in range(_TRIES):
            try:
                async with self._database.transaction() as connection:
                    decided = await _place(connection, items, repeats=attempt > 0)
                    crashpoint("billing.before_admit_commit")
            except _Taken:
                continue
            crashpoint("billing.after_admit_commit")
            if decided.alerts:
                self._told()
            return decided.outcomes
        raise Internal("The holds' ids changed hands too often.")

    async def _settle(self, items: Batch[Settlement]) -> list[Outcome]:
        for _ in range(_TRIES):
            try:
                async with self._database.transaction() as connection:
                    decided = await _end(connection, items)
                    crashpoint("billing.before_settle_commit")
            except _Taken:
                continue
            crashpoint("billing.after_settle_commit")
            return decided.outcomes
        raise Internal("The holds' ids changed hands too often.")


async def _place(connection: Connection, items: Batch[Admission], *, repeats: bool) -> admission.Admitted:
    """Decide and write a flush. Ids are taken for new at first; they are looked up where that finds one taken or refused."""
    locked = await wallets.lock(connection, {item.account_id for item in items})
    standing = await _budgets(connection, locked.values())
    now = datetime.datetime.now(datetime.UTC)
    decided = admission.admit(items, locked, {}, standing, now)
    if repeats or any(isinstance(outcome, Fault) for outcome in decided.outcomes):
        known = await holds.read(connection, [item.hold_id for item in items])
        decided = admission.admit(items, locked, known, standing, now)
    if decided.placed and not await holds.place(connection, decided):
        raise _Taken
    if standing:
        await budgets.write(connection, (budget for found in decided.budgets.values() for budget in found))
    if decided.alerts:
        await outbox.add(connection, [events.budget_alert(alert) for alert in decided.alerts])
    return decided


async def _end(connection: Connection, items: Batch[Settlement]) -> settlement.Settled:
    locked = await wallets.lock(connection, {item.account_id for item in items})
    found = await holds.read(connection, [item.hold_id for item in items])
    standing = await _budgets(connection, locked.values())
    decided = settlement.settle(items, locked, found, standing)
    now = datetime.datetime.now(datetime.UTC)
    if decided.tombstones and not await holds.bury(connection, decided.tombstones, now):
        raise _Taken
    if decided.ended:
        await holds.end(connection, decided, now)
    if standing:
        await budgets.write(connection, (budget for rows in decided.budgets.values() for budget in rows))
    return decided


async def _budgets(connection: Connection, locked: Iterable[Wallet]) -> dict[str, list[Budget]]:
    accounts = [wallet.account_id for wallet in locked if wallet.has_budgets]
    return await budgets.read(connection, accounts) if accounts else {}


async def _each(
    batches: list[Batch[Item]], flush: Callable[[Batch[Item]], Awaitable[list[Outcome]]]
) -> list[list[Outcome]]:
    """Flush several requests' items as one, and give each request its own outcomes."""
    outcomes = iter(await flush([item for batch in batches for item in batch]))
    return [[next(outcomes) for _ in batch] for batch in batches]
