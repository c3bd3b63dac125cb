"""One platform for all end-to-end tests, a scripted OpenAI behind it, and an account for each test."""

from collections.abc import AsyncIterator, Iterator

import openai
import pytest

from testkit.platform import Account, PlatformUnderTest, running_platform
from testkit.upstreams.openai import OpenAIUpstream

HURRIED = {"GESSO_JOB_DEADLINE_SECONDS": "10", "GESSO_GENERATOR_SALVAGE_SECONDS": "1"}
"""A vendor that hangs is given up within a test's patience."""


@pytest.fixture(scope="package")
def vendor() -> OpenAIUpstream:
    """The upstream that the platform buys from."""
    return OpenAIUpstream()


@pytest.fixture(scope="package")
async def platform(
    vendor: OpenAIUpstream, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PlatformUnderTest]:
    """The platform; whatever the tests did to it, the ledger holds in the end."""
    folder = tmp_path_factory.mktemp("platform")
    async with running_platform(folder, upstream=vendor, environment=HURRIED) as running:
        yield running
        await running.verify()


@pytest.fixture
def upstream(vendor: OpenAIUpstream) -> Iterator[OpenAIUpstream]:
    """The upstream with a clean slate: nothing scripted, nothing remembered."""
    vendor.script.clear()
    vendor.requests.clear()
    vendor.purchases = 0
    yield vendor
    vendor.script.clear()


@pytest.fixture
async def account(platform: PlatformUnderTest) -> Account:
    """A customer with 50 USD and no limits."""
    return await platform.account()


@pytest.fixture
async def client(platform: PlatformUnderTest, account: Account) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official SDK with that customer's key; it retries nothing by itself."""
    async with platform.client(account.api_key) as sdk:
        yield sdk
