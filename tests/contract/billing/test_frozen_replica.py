"""A replica that freezes with a wallet in its hand keeps it from the others for a bounded time."""

import asyncio

import pytest

from billing.store import wallets
from servicekit.database import Database as Tables
from servicekit.faults import Unavailable
from testkit.database import Database

from .client import Billing, admission, reasons


async def test_a_wallet_is_let_go_where_its_holder_asks_nothing_more(database: Database, billing: Billing) -> None:
    account = await billing.account(grant_micros=1_000)

    async def freeze_and_go_on() -> None:
        async with frozen.transaction() as connection:
            assert account.id in await wallets.lock(connection, [account.id])
            async with asyncio.timeout(5):
                assert reasons(await billing.admit(admission(account.id, 10))) == ["OK"]
            await connection.execute("UPDATE accounts SET posted_micros = 0 WHERE id = $1", account.id)

    async with Tables.connect(database.url("billing"), schema="billing", idle_in_transaction_seconds=0.3) as frozen:
        with pytest.raises(Unavailable):
            await freeze_and_go_on()
        assert (
            await frozen.fetchval("SELECT posted_micros - held_micros FROM accounts WHERE id = $1", account.id) == 990
        )
