"""A running gallery on a database and a directory of the test's own."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gallery.app import running
from gallery.config import Config
from gesso.gallery.v1 import gallery_pb2_grpc as rpc
from servicekit.link import Link
from servicekit.objects import Objects
from servicekit.settings import load
from testkit.database import Database
from testkit.identities import SHARED_ENVIRONMENT, link_as
from testkit.ports import free_ports


@dataclass(frozen=True)
class Gallery:
    """The gallery as the other services see it."""

    generator: Link
    gateway: Link
    operator: Link
    files_url: str
    objects: Objects
    environment: dict[str, str]

    @property
    def images(self) -> "rpc.ImagesAsyncStub":
        return rpc.ImagesStub(self.generator.channel)

    @property
    def inputs(self) -> "rpc.InputsAsyncStub":
        return rpc.InputsStub(self.gateway.channel)


@pytest.fixture
async def gallery(database: Database, tmp_path: Path) -> AsyncIterator[Gallery]:
    (port,) = free_ports(1)
    environment = {
        **SHARED_ENVIRONMENT,
        "GESSO_GALLERY_LISTEN": f"unix:{tmp_path}/gallery.sock",
        "GESSO_GALLERY_DATABASE_URL": database.url("gallery"),
        "GESSO_GALLERY_FILES_LISTEN": f"127.0.0.1:{port}",
        "GESSO_STORE_URL": (tmp_path / "store").as_uri(),
        "GESSO_PROVENANCE_DIR": str(tmp_path / "provenance"),
        "GESSO_RETENTION_SECONDS": "0.05",
        "GESSO_UNUSED_GRACE_SECONDS": "0",
    }
    async with (
        running(load(Config, environment)) as address,
        link_as("generator", address) as generator,
        link_as("gateway", address) as gateway,
        link_as("operator", address) as operator,
    ):
        objects = Objects.from_url(environment["GESSO_STORE_URL"])
        yield Gallery(generator, gateway, operator, f"http://127.0.0.1:{port}", objects, environment)
