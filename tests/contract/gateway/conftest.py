"""An edge between two peers that speak billing's and the generator's protocols by a script that each test writes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.app import running
from gateway.config import Config
from gesso.gallery.v1 import gallery_pb2
from gesso.generator.v1 import generator_pb2 as generator_pb
from servicekit.ids import new_id
from servicekit.settings import load
from testkit import ports
from testkit.upstreams.serving import serving

from .peers import ADMIN_TOKEN, KEY, TOKENS, Billing, Gallery, Generator, picture, serving_peer


@dataclass
class Edge:
    """A running edge with its two peers."""

    url: str
    billing: Billing
    generator: Generator
    gallery: Gallery
    config: Config
    session: aiohttp.ClientSession
    key: str = KEY
    started: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self) -> None:
        """Begin the shutdown."""
        self.stopping.set()

    def post(self, body: Any = None, *, path: str = "/v1/images/generations", **kwargs: Any) -> Any:
        headers = {"Authorization": f"Bearer {KEY}", **kwargs.pop("headers", {})}
        return self.session.post(self.url + path, json=body, headers=headers, **kwargs)

    def get(self, path: str, **kwargs: Any) -> Any:
        headers = {"Authorization": f"Bearer {KEY}", **kwargs.pop("headers", {})}
        return self.session.get(self.url + path, headers=headers, **kwargs)


def environment(folder: Path, **variables: str) -> dict[str, str]:
    """The edge's variables, with its peers' sockets in `folder`."""
    return {
        "GESSO_PORT": "0",
        "GESSO_GATEWAY_TOKEN": TOKENS["gateway"],
        "GESSO_BILLING_ADDRESS": f"unix:{folder}/billing.sock",
        "GESSO_GENERATOR_ADDRESS": f"unix:{folder}/generator.sock",
        "GESSO_GALLERY_ADDRESS": f"unix:{folder}/gallery.sock",
        "GESSO_WEBHOOKS_ADDRESS": f"unix:{folder}/generator.sock",
        "GESSO_LINK_KEY": "00" * 32,
        "GESSO_FILES_URL": "http://files.test",
        "GESSO_ADMIN_TOKEN": ADMIN_TOKEN,
        "GESSO_GATEWAY_GRACE_SECONDS": "0.2",
        **variables,
    }


@contextlib.asynccontextmanager
async def running_edge(folder: Path, **variables: str) -> AsyncIterator[Edge]:
    """An edge with both peers, until the block ends; the peers outlive the edge. Variables may lead it elsewhere."""
    billing, generator, gallery = Billing(), Generator(), Gallery()
    async with (
        serving(gallery.upload) as uploads_url,
        serving_peer(
            folder / "billing.sock", billing.services(), closed_to_the_edge="gesso.billing.v1.Accounts/CreateAccount"
        ),
        serving_peer(folder / "gallery.sock", gallery.services()),
        generator.running(folder / "generator.sock"),
        aiohttp.ClientSession() as session,
        asyncio.TaskGroup() as group,
    ):
        config = load(Config, environment(folder, **{"GESSO_UPLOADS_URL": uploads_url, **variables}))
        edge = Edge("", billing, generator, gallery, config, session)
        group.create_task(_run(edge))
        await edge.started.wait()
        try:
            yield edge
        finally:
            edge.stop()


async def _run(edge: Edge) -> None:
    async with running(edge.config) as edge.url:
        edge.started.set()
        await edge.stopping.wait()


@pytest.fixture
def start_edge(tmp_path: Path) -> Callable[..., contextlib.AbstractAsyncContextManager[Edge]]:
    """Starts an edge with other settings: `async with start_edge(GESSO_DEFAULT_MODEL="m") as edge`."""
    return lambda **variables: running_edge(tmp_path, **variables)


@pytest.fixture
def settings_of(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """The variables of an edge whose peers would lie in this test's folder."""
    return lambda **variables: environment(tmp_path, **variables)


@pytest.fixture
def free_port() -> int:
    """A port that was free a moment ago."""
    return ports.free_port()


@pytest.fixture
def keep(tmp_path: Path) -> Callable[[bytes], generator_pb.Picture]:
    """Keeps a picture's bytes in a file, as the gallery does."""
    return lambda data: picture(tmp_path / f"{new_id('img')}.png", data)


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    """An edge with its default settings."""
    async with running_edge(tmp_path) as running_one:
        yield running_one


@pytest.fixture
def studio(edge: Any) -> Any:
    """An edge whose gallery measures every source and mask alike."""
    edge.gallery.scripts["AnalyseImage"] = lambda _: gallery_pb2.ImageAnalysis(dominant_colors=["#ff5733", "#33ff57"])
    edge.gallery.scripts["MeasureMask"] = lambda _: gallery_pb2.MaskMeasures(
        area_percent=23.5, regions=[gallery_pb2.MaskMeasures.Region(x=100, y=200, width=300, height=400)]
    )
    return edge
