"""Fixtures that every test may ask for: a PostgreSQL of the test session, and an empty database of one's own."""

import gc
import os
from collections.abc import AsyncIterator, Callable

import pytest

from testkit.database import Database, Databases, throwaway_postgres

# As every service is started: with its preparations for a fork, gRPC can end the process that starts a child beside its threads.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"
os.environ["GRPC_EXPERIMENTS"] = "-event_engine_client,-event_engine_listener"  # see libs/embedded/environment.py


def pytest_collection_finish() -> None:
    """Leave thousands of tests out of every later round of garbage collection: some of them measure what things cost."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[Databases]:
    """The session's server, started by the first test that needs it."""
    async with throwaway_postgres() as databases:
        yield databases


@pytest.fixture
async def database(postgres: Databases) -> AsyncIterator[Database]:
    """A database of this test alone."""
    async with postgres.fresh() as fresh:
        yield fresh


@pytest.fixture(scope="module")
async def module_database(postgres: Databases) -> AsyncIterator[Database]:
    """A database that the tests of one module share."""
    async with postgres.fresh() as fresh:
        yield fresh


@pytest.fixture
def database_url(database: Database) -> Callable[[str], str]:
    """The URL of this test's database for a service's role: `database_url("billing")`."""
    return database.url
