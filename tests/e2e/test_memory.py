"""Many large pictures at once wait in line for the memory that there is, and all of them are delivered."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.platform import MODEL, Account, PlatformUnderTest
from testkit.upstreams.openai import OpenAIUpstream

MOST_BYTES = 300_000_000
PICTURE_BYTES = 12_000_000
# Together more than any process may have.
PICTURES = 32


@pytest.fixture
def large(upstream: OpenAIUpstream) -> Iterator[None]:
    """The upstream draws large pictures."""
    before, upstream.payload_bytes = upstream.payload_bytes, PICTURE_BYTES
    yield
    upstream.payload_bytes = before


@pytest.mark.parametrize("response_format", ["url", "b64_json"])
@pytest.mark.usefixtures("large")
async def test_large_pictures_at_once_are_all_delivered_and_no_process_holds_them_all(
    platform: PlatformUnderTest, account: Account, response_format: str
) -> None:
    fields = {"model": MODEL, "prompt": "A mural", "response_format": response_format}

    async def status() -> int:
        return (await platform.generate(account, fields)).status

    assert set(await asyncio.gather(*(status() for _ in range(PICTURES)))) == {200}
    highest = {name: highest_bytes(process.pid) for name, process in platform.processes.items()}
    assert max(highest.values()) < MOST_BYTES, highest


def highest_bytes(process_id: int) -> int:
    """The most memory that a process has had."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", Path(f"/proc/{process_id}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024
