"""One round of retention is enough: what has expired is forgotten, and its bytes are gone when the round is over."""

import datetime
from pathlib import Path

import pytest

from gallery.images import rendition_key
from gallery.retention import Retention
from gallery.servicer import to_image
from gallery.store import Store
from servicekit.database import Database, migrate
from servicekit.objects import ObjectNotFound, Objects
from testkit.database import Database as OwnDatabase

from .test_images import ACCOUNT, PNG, picture


@pytest.mark.parametrize(("grace_seconds", "gone"), [(0.0, True), (3600.0, False)])
async def test_a_round_takes_the_file_of_what_has_expired_once_its_grace_is_over(
    database: OwnDatabase, tmp_path: Path, grace_seconds: float, gone: bool
) -> None:
    message = picture()
    message.expires_at.GetCurrentTime()
    image, objects = to_image(message), Objects.from_url((tmp_path / "store").as_uri())
    keys = (image.blob_key, rendition_key(image.blob_key, "thumb"))
    for key in keys:
        await objects.put_new(key, (PNG,))
    async with Database.connect(database.url("gallery"), schema="gallery") as opened:
        await migrate(opened, "gallery.migrations")
        store = Store(opened)
        await store.record([image])
        retention = Retention(store, objects, pause_seconds=60, unused_grace_seconds=grace_seconds)
        await retention.round(datetime.datetime.now(datetime.UTC))
        assert (await store.storage(ACCOUNT)).image_count == 0
    for key in keys:
        assert await _missing(objects, key) == gone


async def _missing(objects: Objects, key: str) -> bool:
    try:
        await objects.head(key)
    except ObjectNotFound:
        return True
    return False
