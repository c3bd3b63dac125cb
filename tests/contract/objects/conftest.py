"""The stores that every case of this folder runs on: a local directory, and a real S3 server."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from servicekit.objects import Objects
from testkit.s3 import S3Server, s3_server


@pytest.fixture(scope="session")
async def s3() -> AsyncIterator[S3Server]:
    """One S3 server for the session, started by the first test that asks for it."""
    async with s3_server() as server:
        yield server


@pytest.fixture(params=["directory", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """An empty store of each kind."""
    if request.param == "directory":
        return Objects.from_url((tmp_path / "a store").as_uri())
    server: S3Server = request.getfixturevalue("s3")
    return Objects.from_url(server.url("objects-contract", uuid4().hex), server.environment)
