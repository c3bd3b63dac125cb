"""The billing service, put together: operations on one database around one gRPC server, and its background work."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from grpc.aio import Server

from billing import metrics, servicer
from billing.access import ACCESS
from billing.config import Config
from billing.operations.accounts import Accounts
from billing.operations.api_keys import ApiKeys
from billing.operations.auditing import Auditing
from billing.operations.budgets import Budgets
from billing.operations.callers import Callers
from billing.operations.funds import Funds
from billing.operations.ledger import Ledger
from billing.operations.limits import Limits
from billing.operations.policies import Policies
from billing.operations.usage import Usage
from billing.operations.verification import Verification
from billing.proof import Proven
from billing.publishing import publishing
from billing.store import windows
from gesso.billing.v1 import billing_pb2
from gesso.billing.v1 import billing_pb2_grpc as rpc
from servicekit.background import running_task
from servicekit.database import Database, migrate
from servicekit.faults import Unavailable
from servicekit.identity import Access
from servicekit.server import Registration, serving
from servicekit.telemetry import Telemetry

_PACKAGE = "gesso.billing.v1"
_UPKEEP_SECONDS = 60.0


@contextlib.asynccontextmanager
async def running(config: Config) -> AsyncIterator[str]:
    """Run billing; yields its gRPC address."""
    async with contextlib.AsyncExitStack() as stack:
        telemetry = await stack.enter_async_context(Telemetry.running("billing", config.metrics_listen))
        database = await stack.enter_async_context(
            Database.connect(config.database_url, schema="billing", max_connections=config.database_connections)
        )
        await migrate(database, "billing.migrations")
        telemetry.watch_pool(database.pool_use)
        told = await stack.enter_async_context(publishing(database, config))
        policies, usage = Policies(database), Usage(database)
        accounts, api_keys = Accounts(database, config.plans), ApiKeys(database, usage, config.caller_token_key)
        await accounts.check_plans()
        limits = Limits(
            database, config.plans, policies, config.caller_token_key, metrics.limits_refused(telemetry.metrics)
        )
        await stack.enter_async_context(running_task(usage.run()))
        await stack.enter_async_context(running_task(_upkeep(database, accounts, api_keys)))
        await stack.enter_async_context(running_task(metrics.watch(telemetry.metrics, database)))
        servicers = (
            servicer.CallersServicer(Callers(database, config.plans, policies, usage, config.caller_token_key)),
            servicer.LimitsServicer(limits),
            servicer.LedgerServicer(Ledger(database, told), Funds(database), Verification(database)),
            servicer.AccountsServicer(accounts),
            servicer.ApiKeysServicer(api_keys),
            servicer.BudgetsServicer(Budgets(database, told)),
            servicer.AuditServicer(Auditing(database)),
        )
        yield await stack.enter_async_context(
            serving(
                config.listen,
                _registrations(servicers, config.caller_token_key),
                access=Access(config.peers, ACCESS),
                observer=telemetry,
                grace_seconds=config.grace_seconds,
            )
        )


def _registrations(servicers: Sequence[object], caller_token_key: bytes) -> tuple[Registration, ...]:
    described = billing_pb2.DESCRIPTOR.services_by_name
    adders: tuple[tuple[str, Callable[[Any, Server], None]], ...] = (
        ("Callers", rpc.add_CallersServicer_to_server),
        ("Limits", rpc.add_LimitsServicer_to_server),
        ("Ledger", rpc.add_LedgerServicer_to_server),
        ("Accounts", rpc.add_AccountsServicer_to_server),
        ("ApiKeys", rpc.add_ApiKeysServicer_to_server),
        ("Budgets", rpc.add_BudgetsServicer_to_server),
        ("Audit", rpc.add_AuditServicer_to_server),
    )
    return tuple(
        Registration(f"{_PACKAGE}.{name}", add, Proven(served, described[name], caller_token_key))
        for (name, add), served in zip(adders, servicers, strict=True)
    )


async def _upkeep(database: Database, accounts: Accounts, api_keys: ApiKeys) -> None:
    """Forget old windows and what secrets were derived with, and renew subscriptions, once a minute."""
    while True:
        with contextlib.suppress(Unavailable):
            await windows.forget(database)
            await accounts.renew()
            await api_keys.forget()
        await asyncio.sleep(_UPKEEP_SECONDS)
