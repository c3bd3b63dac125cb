"""Funds move outside a job's holds: granted, refunded, shown. Each is one transaction under the wallet's lock."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from asyncpg import Connection

from billing import budgets as rules
from billing.checks import MOST_MICROS, optional_text, within
from billing.holds import Balance, Hold, HoldState, Wallet
from billing.operations.acts import act, fingerprint
from billing.store import audit, budgets, holds, journal, requests, wallets
from billing.store.audit import Act
from servicekit.database import Database
from servicekit.faults import Conflict, InvalidField, NotFound

_MOST_POSTED_MICROS = 10**18


@dataclass(frozen=True, slots=True)
class HoldsAsked:
    """Which holds to list: None and empty for all."""

    state: HoldState | None
    review_before: datetime.datetime | None
    account_id: str | None


class Funds:
    """Grants, refunds, balances and the reading of holds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def grant(self, account_id: str, amount_micros: int, request_id: str, cause: str) -> Balance:
        """Add money. Idempotent by request_id. Raises InvalidField, NotFound, Conflict, Unavailable."""
        within("amount_micros", amount_micros, 1, MOST_MICROS)
        optional_text("cause", cause, longest=500)
        contents = fingerprint(request_id, "GrantCredits", account_id, amount_micros, cause)
        now = act(request_id)
        async with self._database.transaction() as connection:
            wallet = await wallets.lock_one(connection, account_id)
            if await requests.claim(connection, request_id, contents, account_id, now.at) is not None:
                return _balance(wallet, 0)
            await give(connection, now, wallet, amount_micros, request_id=request_id, cause=cause)
        return _balance(wallet, amount_micros)

    async def refund(
        self, account_id: str, hold_id: str, amount_micros: int, request_id: str, cause: str
    ) -> tuple[Balance, int]:
        """Give captured money back; returns the balance and what the hold has had refunded in all.

        Idempotent by request_id. Raises InvalidField, NotFound, Conflict where more than the capture would go back, Unavailable.
        """
        within("amount_micros", amount_micros, 1, MOST_MICROS)
        optional_text("cause", cause, longest=500)
        contents = fingerprint(request_id, "Refund", account_id, hold_id, amount_micros, cause)
        now = act(request_id)
        async with self._database.transaction() as connection:
            wallet = await wallets.lock_one(connection, account_id)
            hold = await holds.get(connection, account_id, hold_id)
            if hold is None:
                raise NotFound("hold", hold_id)
            if await requests.claim(connection, request_id, contents, hold_id, now.at) is not None:
                return _balance(wallet, 0), hold.refunded_micros
            await _give_back(connection, wallet, hold, amount_micros)
            await journal.refund(connection, hold, amount_micros, request_id=request_id, now=now.at)
            detail = {"amount_micros": amount_micros, "cause": cause}
            await audit.append(
                connection, now, "hold.refunded", account_id=account_id, subject_id=hold_id, detail=detail
            )
        return _balance(wallet, amount_micros), hold.refunded_micros + amount_micros

    async def balance(self, account_id: str) -> Balance:
        """Return an account's balance. Raises NotFound, Unavailable."""
        async with self._database.connection() as connection:
            return await wallets.balance(connection, account_id)

    async def hold(self, account_id: str, hold_id: str) -> Hold:
        """Return one hold. Raises NotFound, Unavailable."""
        async with self._database.connection() as connection:
            found = await holds.get(connection, account_id, hold_id)
        if found is None:
            raise NotFound("hold", hold_id)
        return found

    async def holds(self, asked: HoldsAsked, after: tuple[datetime.datetime, str], limit: int) -> Sequence[Hold]:
        """Return holds, oldest first, that come after a place in that order. Raises Unavailable."""
        async with self._database.connection() as connection:
            return await holds.listed(
                connection,
                after=after,
                state=asked.state,
                review_before=asked.review_before,
                account_id=asked.account_id,
                limit=limit,
            )


async def give(
    connection: Connection, now: Act, wallet: Wallet, amount_micros: int, *, request_id: str, cause: str
) -> None:
    """Book a grant to a locked wallet. Raises InvalidField where it would hold more than money can be."""
    if wallet.posted_micros + amount_micros > _MOST_POSTED_MICROS:
        raise InvalidField("amount_micros", f"An account holds at most {_MOST_POSTED_MICROS} micros.")
    await journal.grant(connection, wallet.account_id, amount_micros, request_id=request_id, now=now.at)
    await wallets.post(connection, wallet.account_id, amount_micros)
    detail = {"amount_micros": amount_micros, "cause": cause}
    account_id = wallet.account_id
    await audit.append(connection, now, "credits.granted", account_id=account_id, subject_id=account_id, detail=detail)


async def _give_back(connection: Connection, wallet: Wallet, hold: Hold, amount_micros: int) -> None:
    left = hold.captured_micros - hold.refunded_micros
    if amount_micros > left:
        raise Conflict("hold", hold.id, hold.state, f"{left} micros of the hold can still be refunded.")
    await holds.refund(connection, hold.id, amount_micros)
    await wallets.post(connection, wallet.account_id, amount_micros)
    if wallet.has_budgets:
        standing = (await budgets.read(connection, (wallet.account_id,)))[wallet.account_id]
        bounded = (b for b in standing if b.bounds(hold.api_key_id))
        await budgets.write(connection, (rules.settle(b, hold.created_at, 0, -amount_micros) for b in bounded))


def _balance(wallet: Wallet, more_micros: int) -> Balance:
    return Balance(wallet.account_id, wallet.posted_micros + more_micros, wallet.held_micros)
