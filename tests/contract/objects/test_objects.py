"""A directory and S3 keep the same promises."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp
import pytest

from servicekit.objects import ObjectNotFound, Objects


def read_file(url: str) -> bytes:
    return Path(unquote(urlsplit(url).path)).read_bytes()


async def read(url: str) -> bytes:
    if url.startswith("file://"):
        return read_file(url)
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 200
        return await answer.read()


async def test_what_was_put_is_got(objects: Objects) -> None:
    assert await objects.put_new("ac/01/picture.png", [b"one ", bytearray(b"two "), memoryview(b"three")])
    assert bytes(await objects.get("ac/01/picture.png")) == b"one two three"


async def test_a_key_keeps_its_first_bytes(objects: Objects) -> None:
    assert await objects.put_new("k", [b"first"])
    assert not await objects.put_new("k", [b"second"])
    assert bytes(await objects.get("k")) == b"first"


async def test_of_many_writers_of_a_new_key_one_wins(objects: Objects) -> None:
    bodies = [bytes([i]) * 1000 for i in range(16)]
    won = await asyncio.gather(*(objects.put_new("race/k", [body]) for body in bodies))
    assert won.count(True) == 1
    assert bytes(await objects.get("race/k")) == bodies[won.index(True)]


async def test_large_objects_come_back_whole_and_in_ranges(objects: Objects) -> None:
    body = os.urandom(9_000_001)
    assert await objects.put_new("large", [body[:5_000_000], body[5_000_000:]])
    assert bytes(await objects.get("large")) == body
    assert b"".join([chunk async for chunk in objects.stream("large", 10, 30)]) == body[10:30]
    chunks = [chunk async for chunk in objects.stream("large", 1, 9_000_000, chunk_bytes=100_000)]
    assert b"".join(chunks) == body[1:-1]
    assert len(chunks) > 1


async def test_an_empty_object_is_an_object(objects: Objects) -> None:
    assert await objects.put_new("empty", [])
    assert bytes(await objects.get("empty")) == b""
    assert [chunk async for chunk in objects.stream("empty", 0, 0)] == []


async def test_head_tells_size_and_time(objects: Objects) -> None:
    await objects.put_new("k", [b"12345"])
    info = await objects.head("k")
    assert info.size_bytes == 5
    assert abs(info.modified_at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_a_missing_object_is_said_to_be_missing(objects: Objects) -> None:
    with pytest.raises(ObjectNotFound):
        await objects.get("k")
    with pytest.raises(ObjectNotFound):
        await objects.head("k")
    with pytest.raises(ObjectNotFound):
        await anext(objects.stream("k", 0, 1))


async def test_deleting_twice_is_deleting_once_and_frees_the_key(objects: Objects) -> None:
    await objects.put_new("a/k", [b"x"])
    await objects.delete("a/k")
    await objects.delete("a/k")
    with pytest.raises(ObjectNotFound):
        await objects.get("a/k")
    assert await objects.put_new("a/k", [b"y"])


async def test_a_read_url_is_read_without_credentials(objects: Objects) -> None:
    await objects.put_new("ac/k", [b"readable"])
    assert await read(await objects.read_url("ac/k", 60)) == b"readable"


async def test_a_directory_of_any_name_gives_addresses_that_can_be_read(tmp_path: Path) -> None:
    objects = Objects.from_url((tmp_path / "50% größer ?").as_uri())
    await objects.put_new("ac/k.png", [b"readable"])
    assert read_file(await objects.read_url("ac/k.png", 60)) == b"readable"


async def test_a_working_store_passes_its_check(objects: Objects) -> None:
    await objects.check()
    await objects.check()


@pytest.mark.parametrize("key", ["", "/abs", "a//b", "../up", "a/../b", ".incoming/x", "a b", "a/", "ü"])
async def test_an_ill_formed_key_is_a_bug(objects: Objects, key: str) -> None:
    with pytest.raises(AssertionError):
        await objects.put_new(key, [b"x"])
