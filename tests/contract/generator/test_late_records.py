"""A paid picture whose bytes are those of one that is just being deleted is put again, and not lost with it."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from gesso.gallery.v1 import gallery_pb2
from gesso.gallery.v1.gallery_pb2_grpc import ImagesStub
from gesso.generator.v1 import generator_pb2 as pb
from testkit.eventually import eventually
from testkit.identities import link_as

from .house import Generator, House, ended
from .purchases import Customer, draw, purchase
from .scripted import Scripted, answering, picture

_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


async def test_bytes_that_are_deleted_between_their_put_and_their_record_are_put_again(
    house: House, generator: Generator, customer: Customer, alpha: Scripted
) -> None:
    data = picture(7)
    alpha.acts.extend([answering(data), answering(data)])
    first = await generator.submit(customer.token(), purchase())
    (old,) = (await ended(generator, customer.token(), first.id)).tasks[0].pictures
    file = Path(urlsplit(house.store_url).path) / old.blob_key
    async with link_as("generator", house.socket("gallery")) as link:
        request = gallery_pb2.DeleteImageRequest(account_id=customer.id, image_id=old.image_id)
        await link.call(ImagesStub(link.channel).DeleteImage, request)
    deleting = await asyncpg.connect(house.database.url("gallery"))
    try:
        async with deleting.transaction():
            await deleting.execute("UPDATE gallery.blobs SET deleted_at = now()")
            second = await generator.submit(customer.token(), purchase(draw(prompt="the same again")))
            await eventually(lambda: _someone_waits(house))
            await asyncio.to_thread(file.unlink)
            await deleting.execute("UPDATE gallery.blobs SET erased_at = now()")
        job = await ended(generator, customer.token(), second.id)
    finally:
        await deleting.close()
    assert (job.state, job.tasks[0].pictures[0].blob_key) == (pb.Job.STATE_SUCCEEDED, old.blob_key)
    assert await asyncio.to_thread(file.exists)


async def _someone_waits(house: House) -> bool:
    connection = await asyncpg.connect(house.database.admin_url)
    try:
        return bool(await connection.fetchval(_WAITING))
    finally:
        await connection.close()
