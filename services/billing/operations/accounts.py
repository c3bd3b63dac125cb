"""Accounts are made, changed and listed; each change and its audit entry are one transaction."""

import dataclasses
from collections.abc import Mapping, Sequence

from asyncpg import Connection

from billing.accounts import Account, Change, actions, changed, new_account, next_renewal
from billing.checks import MOST_MICROS, text, within
from billing.operations.acts import act, fingerprint
from billing.operations.funds import give
from billing.plans import Plans
from billing.store import accounts as store
from billing.store import audit, requests, wallets
from billing.store.audit import Act
from servicekit.database import Database
from servicekit.ids import derived_id


class Accounts:
    """Makes and changes accounts."""

    def __init__(self, database: Database, plans: Plans) -> None:
        self._database = database
        self._plans = plans

    async def create(self, name: str, plan_name: str, grant_micros: int, request_id: str, email: str = "") -> Account:
        """Make an account and grant it money. Idempotent by request_id. Raises InvalidField, Conflict, Unavailable."""
        text("name", name, longest=200)
        within("grant_micros", grant_micros, 0, MOST_MICROS)
        plan = self._plans.plan(plan_name)
        # Without an address it is the fingerprint of before there were any: the demo account's request outlives an upgrade.
        contents = fingerprint(request_id, "CreateAccount", name, plan_name, grant_micros, *filter(None, (email,)))
        now = act(request_id)
        account = new_account(name, plan, email, now.at)
        async with self._database.transaction() as connection:
            earlier = await requests.claim(connection, request_id, contents, account.id, now.at)
            if earlier is not None:
                return await store.get(connection, earlier)
            await store.add(connection, account)
            await _record(connection, now, "account.created", account.id, {"name": name, "plan": plan_name})
            if grant_micros:
                wallet = await wallets.lock_one(connection, account.id)
                await give(connection, now, wallet, grant_micros, request_id=request_id, cause="account created")
            return await store.get(connection, account.id)

    async def get(self, account_id: str) -> Account:
        """Return one account. Raises NotFound, Unavailable."""
        async with self._database.connection() as connection:
            return await store.get(connection, account_id)

    async def update(self, account_id: str, change: Change) -> Account:
        """Change what the change names. Raises InvalidField, NotFound, Conflict, Unavailable."""
        for name, limit in change.set_limits.items():
            within(f"limits.{name}", limit, 0, self._plans.largest_override(name))
        now = act()
        async with self._database.transaction() as connection:
            await wallets.lock_one(connection, account_id)
            before = await store.get(connection, account_id)
            after = changed(before, change, self._plans.plan(change.plan or before.plan), now.at)
            await store.change(connection, after)
            for action, detail in actions(before, after):
                await _record(connection, now, action, account_id, detail)
        return after

    def storage_mb(self, account: Account) -> int:
        """Return the storage that the account has, by its plan or a figure of its own; 0 for no bound."""
        return self._plans.plan_of(account.plan, account.limits).storage_mb

    async def listed(self, after: str, limit: int) -> Sequence[Account]:
        """Return accounts, oldest first, that come after an id. Raises Unavailable."""
        async with self._database.connection() as connection:
            return await store.listed(connection, after=after, limit=limit)

    async def check_plans(self) -> None:
        """Raise InvalidField where an account has a plan that the table no longer knows; Unavailable."""
        async with self._database.connection() as connection:
            for name in await store.plans_in_use(connection):
                self._plans.plan(name)

    async def renew(self) -> int:
        """Renew subscriptions that are due, granting what their plan grants by the month; returns how many. Raises Unavailable.

        Each renewal is a transaction that looks again under the lock, so replicas may do this side by side.
        """
        now = act()
        async with self._database.connection() as connection:
            due = await store.due(connection, now.at)
        for account_id in due:
            async with self._database.transaction() as connection:
                await self._renew(connection, now, account_id)
        return len(due)

    async def _renew(self, connection: Connection, now: Act, account_id: str) -> None:
        wallet = await wallets.lock_one(connection, account_id)
        account = await store.get(connection, account_id)
        if account.renews_at is None or account.renews_at > now.at or not account.subscription_active:
            return
        renewed = dataclasses.replace(account, renews_at=next_renewal(account.renews_at))
        await store.change(connection, renewed)
        await _record(connection, now, "subscription.renewed", account_id, {"renews_at": str(renewed.renews_at)})
        monthly_micros = self._plans.plan(account.plan).monthly_micros
        if monthly_micros:
            request_id = derived_id("renewal", account_id, account.renews_at.isoformat())
            await give(connection, now, wallet, monthly_micros, request_id=request_id, cause="monthly credits")


async def _record(connection: Connection, now: Act, action: str, account_id: str, detail: Mapping[str, object]) -> None:
    await audit.append(connection, now, action, account_id=account_id, subject_id=account_id, detail=detail)
