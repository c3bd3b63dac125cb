"""A house for each test: real services, one database, scripted providers."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from testkit.database import Database

from .house import Generator, House
from .purchases import Customer
from .scripted import Scripted


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    """Billing and gallery, without a generator."""
    house = House(database, tmp_path)
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(house.billing())
        await stack.enter_async_context(house.gallery())
        yield house


@pytest.fixture
def alpha() -> Scripted:
    """The provider that the tests' model prefers."""
    return Scripted("alpha")


@pytest.fixture
def beta() -> Scripted:
    """The provider that comes next."""
    return Scripted("beta")


@pytest.fixture
async def generator(house: House, alpha: Scripted, beta: Scripted) -> AsyncIterator[Generator]:
    """One replica."""
    async with house.generator({"alpha": alpha, "beta": beta}) as generator:
        yield generator


@pytest.fixture
async def customer(house: House) -> Customer:
    """Who pays: 1 USD."""
    return await house.customer()


@pytest.fixture
async def house_without_billing(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    """The gallery alone: the test says when billing is there."""
    house = House(database, tmp_path)
    async with house.gallery():
        yield house
