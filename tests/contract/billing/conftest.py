"""A running billing service, or two on one database, spoken to over real gRPC."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from billing.app import running
from billing.config import Config
from servicekit.settings import load
from testkit.database import Database
from testkit.identities import SHARED_ENVIRONMENT, TOKENS, link_as

from .client import Billing, Replica


@pytest.fixture
def plans_file(tmp_path: Path) -> Path:
    """Where a test may write plans of its own, for replicas that start later."""
    return tmp_path / "plans.toml"


@pytest.fixture
def replica(database: Database, tmp_path: Path, plans_file: Path) -> Replica:
    """Starts one more replica on the test's database."""
    numbers = itertools.count(1)

    @contextlib.asynccontextmanager
    async def start() -> AsyncIterator[Billing]:
        environment = {
            **SHARED_ENVIRONMENT,
            "GESSO_BILLING_LISTEN": f"unix:{tmp_path}/billing-{next(numbers)}.sock",
            "GESSO_BILLING_DATABASE_URL": database.url("billing"),
            "GESSO_BILLING_TOKEN": TOKENS["billing"],
            "GESSO_BILLING_PLANS": str(plans_file) if await asyncio.to_thread(plans_file.exists) else "",
        }
        async with running(load(Config, environment)) as address, link_as("operator", address) as link:
            yield Billing(link, address)

    return start


@pytest.fixture
async def billing(replica: Replica) -> AsyncIterator[Billing]:
    """One replica."""
    async with replica() as one:
        yield one


@pytest.fixture
async def tables(database: Database, billing: Billing) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the service's own role, to look at its tables and to try what it must not."""
    connection = await asyncpg.connect(database.url("billing"))
    try:
        yield connection
    finally:
        await connection.close()
