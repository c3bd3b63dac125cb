"""Pictures are read from where the gallery says they lie, and what cannot be read is never passed off as a picture."""

import base64
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from gateway.sources import Sources
from gesso.generator.v1.generator_pb2 import Picture
from servicekit.faults import Unavailable

DATA = os.urandom(4_000_001)  # half of it is more than is read before an answer begins
BASE64 = {"prompt": "a fox", "response_format": "b64_json"}


@pytest.fixture
async def store(free_port: int) -> AsyncIterator[str]:
    """An object store: `/whole` has DATA, `/short` breaks off in its middle, the rest is missing."""

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/whole":
            return web.Response(body=DATA)
        if request.path != "/short":
            return web.Response(status=404)
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(DATA[: len(DATA) // 2])
        raise ConnectionResetError

    runner = web.ServerRunner(web.Server(serve))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", free_port).start()
    try:
        yield f"http://127.0.0.1:{free_port}"
    finally:
        await runner.cleanup()


def _picture(read_url: str, byte_count: int = len(DATA)) -> Picture:
    return Picture(image_id="img_1", format="png", byte_count=byte_count, read_url=read_url)


async def test_a_picture_of_an_object_store_is_streamed(edge: Any, store: str) -> None:
    edge.generator.answer = edge.generator.drawing(_picture(f"{store}/whole"))
    async with edge.post(BASE64) as response:
        answer = await response.json()
    assert base64.b64decode(answer["data"][0]["b64_json"]) == DATA


async def test_a_file_with_odd_characters_in_its_path_is_read(edge: Any, tmp_path: Path) -> None:
    file = tmp_path / "a b%20\u00fc#?.png"
    file.write_bytes(DATA)
    edge.generator.answer = edge.generator.drawing(_picture(file.as_uri()))
    async with edge.post(BASE64) as response:
        assert base64.b64decode((await response.json())["data"][0]["b64_json"]) == DATA


@pytest.mark.parametrize("name", ["missing", "shorter"])
async def test_a_file_that_is_not_there_in_full_is_an_error(edge: Any, tmp_path: Path, name: str) -> None:
    (tmp_path / "shorter").write_bytes(DATA[:-1])
    edge.generator.answer = edge.generator.drawing(_picture((tmp_path / name).as_uri()))
    async with edge.post(BASE64) as response:
        assert (response.status, response.headers["X-Should-Retry"]) == (503, "false")
        assert response.headers["X-Gesso-Job-Id"]


@pytest.mark.parametrize("byte_count", [100, 1_000_000])
async def test_what_the_disk_will_not_read_is_away(tmp_path: Path, byte_count: int) -> None:
    async with Sources.open() as sources:
        with pytest.raises(Unavailable):
            await anext(sources.blocks(tmp_path.as_uri(), byte_count, lambda: 12_288))


async def test_an_object_that_is_missing_is_an_error(edge: Any, store: str) -> None:
    edge.generator.answer = edge.generator.drawing(_picture(f"{store}/missing"))
    async with edge.post(BASE64) as response:
        assert response.status == 503


async def test_a_picture_that_breaks_off_breaks_the_answer_off(edge: Any, store: str) -> None:
    edge.generator.answer = edge.generator.drawing(_picture(f"{store}/short"))
    async with edge.post(BASE64) as response:
        assert response.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()
    async with edge.get("/v1/models") as response:
        assert response.status == 200
