"""The documents beside the checkout, and one platform on which every example of theirs is run."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from testkit.platform import running_platform
from testkit.upstreams.openai import OpenAIUpstream
from testkit.webhooks import webhook_receiver

from .pictures import pictures
from .stage import Stage
from .tap import tap


@pytest.fixture(scope="package")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A platform of which no vendor is configured: the embedded engine draws, and OpenAI's address serves accounts' own keys."""
    folder: Path = tmp_path_factory.mktemp("documents")
    async with OpenAIUpstream().running() as vendor_url, aiohttp.ClientSession() as http:
        environment = {"GESSO_FALLBACK_ENGINE": "sketch", "OPENAI_BASE_URL": vendor_url}
        async with (
            running_platform(folder, environment=environment) as platform,
            tap(platform.url) as tapped,
            pictures() as pictures_url,
            webhook_receiver() as hooks,
        ):
            yield Stage(platform, tapped, pictures_url, hooks, http)
            await platform.verify()
