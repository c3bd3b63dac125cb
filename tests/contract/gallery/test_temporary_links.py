"""A temporary link serves its picture without a signature, as long as the picture stands, and not a moment longer."""

import datetime
import time

import aiohttp
import asyncpg

from gesso.gallery.v1 import gallery_pb2 as pb
from servicekit.ids import new_id
from servicekit.objects import ObjectNotFound
from servicekit.temporary_links import temporary_path
from testkit.database import Database
from testkit.eventually import eventually
from testkit.identities import LINK_KEY

from .conftest import Gallery
from .test_images import ACCOUNT, PNG, keep, picture


async def kept(gallery: Gallery, *, seconds: float = 60) -> tuple[pb.Image, str]:
    """A picture that expires, and its temporary link."""
    message = picture()
    message.expires_at.FromMilliseconds(int((time.time() + seconds) * 1000))
    await keep(gallery, message)
    return message, gallery.files_url + temporary_path(message.id, 0, "png", int(time.time() * 1000), LINK_KEY)


async def test_it_serves_the_picture_as_any_file(gallery: Gallery) -> None:
    _, url = await kept(gallery)
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert (answer.status, await answer.read()) == (200, PNG)
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.content_type == "image/png"
            etag = answer.headers["ETag"]
            assert 0 < int(answer.headers["Cache-Control"].split("max-age=")[1].split(",")[0]) <= 60
        async with session.get(url, headers={"Range": "bytes=5-9"}) as answer:
            assert (answer.status, await answer.read()) == (206, PNG[5:10])
        async with session.get(url, headers={"If-None-Match": etag}) as answer:
            assert answer.status == 304
        async with session.head(url) as answer:
            assert (answer.status, answer.content_length) == (200, len(PNG))


async def test_what_names_no_picture_is_404(gallery: Gallery) -> None:
    message, url = await kept(gallery)
    head, random, tail = url.rsplit("-", 2)
    forged = random[:-1] + ("0" if random[-1] != "0" else "1")
    unknown = gallery.files_url + temporary_path(new_id("img"), 0, "png", 1, LINK_KEY)
    another_key = gallery.files_url + temporary_path(message.id, 0, "png", 1, bytes(32))
    wrong_type = gallery.files_url + temporary_path(message.id, 0, "jpg", 1, LINK_KEY)
    async with aiohttp.ClientSession() as session:
        for address in (f"{head}-{forged}-{tail}", unknown, another_key, wrong_type, f"{head}-{random}-x.png"):
            async with session.get(address) as answer:
                assert answer.status == 404, address


async def test_from_the_moment_a_picture_expires_its_link_is_404_also_before_retention_comes_by(
    gallery: Gallery, database: Database
) -> None:
    message, url = await kept(gallery, seconds=0.3)
    connection = await asyncpg.connect(database.url("gallery"))
    state = "SELECT state FROM images WHERE id = $1 FOR UPDATE"
    try:
        async with connection.transaction(), aiohttp.ClientSession() as session:
            # Retention passes over a row that is locked.
            assert await connection.fetchval(state, message.id) == pb.Image.STATE_KEPT

            async def gone() -> None:
                async with session.get(url) as answer:
                    assert answer.status == 404

            await eventually(gone)
            assert await connection.fetchval(state, message.id) == pb.Image.STATE_KEPT
    finally:
        await connection.close()


async def test_an_expired_picture_is_forgotten_and_its_file_deleted(gallery: Gallery, database: Database) -> None:
    message, url = await kept(gallery)
    await gallery.objects.head(message.blob_key)
    connection = await asyncpg.connect(database.url("gallery"))
    try:
        await connection.execute(
            "UPDATE images SET expires_at = $2 WHERE id = $1", message.id, datetime.datetime.now(datetime.UTC)
        )

        await eventually(lambda: _gone(gallery, message.blob_key))
        state = await connection.fetchval("SELECT state FROM images WHERE id = $1", message.id)
    finally:
        await connection.close()
    assert state == pb.Image.STATE_FORGOTTEN
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert answer.status == 404
    storage = await gallery.generator.call(gallery.images.GetStorage, pb.GetStorageRequest(account_id=ACCOUNT))
    assert (storage.image_count, storage.byte_count) == (0, 0)


async def _gone(gallery: Gallery, key: str) -> bool:
    try:
        await gallery.objects.head(key)
    except ObjectNotFound:
        return True
    return False
