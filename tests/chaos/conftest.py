"""One platform for the tests that kill its services, and a vendor that remembers what it was asked and what it accepted."""

from collections.abc import AsyncIterator

import pytest
from tests.chaos.orders import QUICK_LEASES

from testkit.platform import PlatformUnderTest, running_platform
from testkit.upstreams.openai import OpenAIUpstream


@pytest.fixture(scope="package")
def vendor() -> OpenAIUpstream:
    """The upstream that the platform buys from."""
    return OpenAIUpstream()


@pytest.fixture(scope="package")
async def platform(
    vendor: OpenAIUpstream, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[PlatformUnderTest]:
    async with running_platform(
        tmp_path_factory.mktemp("platform"), upstream=vendor, environment=QUICK_LEASES
    ) as running:
        yield running


@pytest.fixture
async def standing(platform: PlatformUnderTest) -> PlatformUnderTest:
    """The platform once every process of it has come back from the test before."""
    await platform.until_up()
    return platform
