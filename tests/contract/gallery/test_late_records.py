"""A record that meets a blob which is being deleted at that very moment is undone and tried on what stands then."""

import asyncio
import hashlib

import asyncpg

from gallery.images import Image
from gallery.servicer import to_image
from gallery.store import Store
from gesso.gallery.v1 import gallery_pb2 as pb
from servicekit.database import Database, migrate
from servicekit.faults import Fault
from testkit.database import Database as OwnDatabase
from testkit.eventually import eventually

from .test_images import ACCOUNT, PNG, picture

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def test_a_record_beside_a_deletion_is_told_to_put_the_bytes_again(database: OwnDatabase) -> None:
    async with Database.connect(database.url("gallery"), schema="gallery") as opened:
        await migrate(opened, "gallery.migrations")
        store, first, second = Store(opened), to_image(picture()), to_image(picture())
        assert await store.record([first]) == [first]
        await store.forget([first.id])
        deleting = await asyncpg.connect(database.url("gallery"))
        mark = deleting.transaction()
        await mark.start()
        await deleting.execute("UPDATE gallery.blobs SET deleted_at = now()")
        recording = asyncio.create_task(store.record([second]))
        await eventually(lambda: _someone_waits(database))
        await mark.commit()
        await deleting.close()
        (result,) = await recording
        assert isinstance(result, Fault)
        assert (await store.storage(ACCOUNT)).image_count == 0
        assert await store.get(second.id) is None
        assert await store.revive(ACCOUNT, hashlib.sha256(PNG).digest(), _stands)
        (kept,) = await store.record([second])
        assert isinstance(kept, Image)
        assert kept.state == pb.Image.STATE_KEPT


async def _stands(key: str) -> bool:
    return True


async def _someone_waits(database: OwnDatabase) -> bool:
    connection = await asyncpg.connect(database.admin_url)
    try:
        return bool(await connection.fetchval(_WAITING))
    finally:
        await connection.close()
