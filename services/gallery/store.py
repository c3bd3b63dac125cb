"""The gallery's SQL: images, the blobs that they share, and what each account keeps."""

import datetime
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import asyncpg

from gallery.images import Image
from servicekit.crashpoints import crashpoint
from servicekit.database import Database
from servicekit.faults import Fault, Unavailable
from servicekit.ids import is_id

_COLUMNS = (
    "id, account_id, digest, blob_key, format, width, height, byte_count, created_at,"
    " state, source, job_id, task_index, image_index, expires_at"
)

# One statement for a flush of any size. Rows are taken in the order of their keys, so that two replicas that record the same
# pictures wait for each other instead of deadlocking.
_RECORD = f"""
WITH given AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::text[], $6::int[], $7::int[], $8::bigint[],
                         $9::timestamptz[], $10::smallint[], $11::smallint[], $12::text[], $13::int[], $14::int[],
                         $15::timestamptz[])
        AS g({_COLUMNS})
), gone AS (
    SELECT given.id FROM given JOIN blobs USING (account_id, digest) WHERE blobs.deleted_at IS NOT NULL
), inserted AS (
    INSERT INTO images ({_COLUMNS})
    SELECT {_COLUMNS} FROM given WHERE id NOT IN (SELECT id FROM gone) ORDER BY id
    ON CONFLICT (id) DO NOTHING
    RETURNING id, account_id, digest, blob_key, byte_count
), referred AS (
    INSERT INTO blobs (account_id, digest, blob_key, byte_count, reference_count)
    SELECT account_id, digest, min(blob_key), min(byte_count), count(*) FROM inserted
    GROUP BY account_id, digest ORDER BY account_id, digest
    ON CONFLICT (account_id, digest) DO UPDATE
        SET reference_count = blobs.reference_count + excluded.reference_count, unused_since = NULL
    RETURNING account_id, byte_count, (xmax = 0 OR reference_count = 1) AS is_new, deleted_at
), counted AS (
    INSERT INTO storage (account_id, image_count, byte_count)
    SELECT account_id, sum(images), sum(bytes) FROM (
        SELECT account_id, count(*) AS images, 0 AS bytes FROM inserted GROUP BY account_id
        UNION ALL
        SELECT account_id, 0, sum(byte_count) FROM referred WHERE is_new GROUP BY account_id
    ) AS changes
    GROUP BY account_id ORDER BY account_id
    ON CONFLICT (account_id) DO UPDATE
        SET image_count = storage.image_count + excluded.image_count, byte_count = storage.byte_count + excluded.byte_count
)
SELECT id, TRUE AS is_inserted FROM inserted
WHERE NOT (EXISTS (SELECT FROM referred WHERE deleted_at IS NOT NULL) AND refuse_late())
UNION ALL SELECT id, FALSE FROM gone
"""
_LATE = "GS001"

_BY_IDS = f"SELECT {_COLUMNS} FROM images WHERE id = ANY($1::text[])"
_BY_ID = f"SELECT {_COLUMNS} FROM images WHERE id = $1"
_LIST = f"""
SELECT {_COLUMNS} FROM images
WHERE ($1 = '' OR account_id = $1) AND id > $2 AND ($3 = '' OR job_id = $3) ORDER BY id LIMIT $4
"""

_FORGET = """
WITH forgotten AS (
    UPDATE images SET state = 2 WHERE id = ANY($1::text[]) AND state = 1 RETURNING account_id, digest
), released AS (
    UPDATE blobs SET reference_count = blobs.reference_count - freed.images,
                     unused_since = CASE WHEN blobs.reference_count = freed.images THEN now() END
    FROM (SELECT account_id, digest, count(*) AS images FROM forgotten GROUP BY account_id, digest) AS freed
    WHERE blobs.account_id = freed.account_id AND blobs.digest = freed.digest
    RETURNING blobs.account_id, CASE WHEN blobs.reference_count = 0 THEN blobs.byte_count ELSE 0 END AS bytes
)
UPDATE storage SET image_count = storage.image_count - freed.images, byte_count = storage.byte_count - freed.bytes
FROM (
    SELECT account_id, sum(images) AS images, sum(bytes) AS bytes FROM (
        SELECT account_id, count(*) AS images, 0 AS bytes FROM forgotten GROUP BY account_id
        UNION ALL
        SELECT account_id, 0, sum(bytes) FROM released GROUP BY account_id
    ) AS changes GROUP BY account_id
) AS freed
WHERE storage.account_id = freed.account_id
"""

_EXPIRED = """
SELECT id FROM images WHERE state = 1 AND expires_at <= $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED
"""
# A blob that nothing refers to goes in three steps, so that a record at any moment is either told to put the bytes again, or
# safe: marked (1), erased under the row's lock (2), and its row dropped when no put can be older (3).
_MARK = """
UPDATE blobs SET deleted_at = now() WHERE (account_id, digest) IN (
    SELECT account_id, digest FROM blobs
    WHERE reference_count = 0 AND deleted_at IS NULL AND unused_since <= now() - $1::interval
    ORDER BY account_id, digest LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""
_MARKED = """
SELECT account_id, digest, blob_key FROM blobs WHERE reference_count = 0 AND deleted_at IS NOT NULL AND erased_at IS NULL
ORDER BY account_id, digest LIMIT $1 FOR UPDATE SKIP LOCKED
"""
_ERASED = "UPDATE blobs SET erased_at = now() WHERE account_id = $1 AND digest = $2"
_DROP = "DELETE FROM blobs WHERE reference_count = 0 AND erased_at <= $1"
_LOCK = "SELECT blob_key FROM blobs WHERE account_id = $1 AND digest = $2 AND deleted_at IS NOT NULL FOR UPDATE"
_REVIVE = "UPDATE blobs SET deleted_at = NULL, erased_at = NULL WHERE account_id = $1 AND digest = $2"


@dataclass(frozen=True, slots=True)
class Storage:
    """What an account keeps; each blob counted once."""

    image_count: int
    byte_count: int


class Store:
    """Images and blobs in PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, images: Sequence[Image]) -> list[Image | Fault]:
        """Write images down; one result per image: it as it stands, or Unavailable("blob") where its bytes were removed."""
        distinct = list({image.id: image for image in images}.values())
        crashpoint("gallery.before_record_commit")
        try:
            rows = await self._database.fetch(_RECORD, *_arrays(distinct))
        except asyncpg.PostgresError as error:
            if error.sqlstate != _LATE:
                raise
            return await self.record(images)  # a blob was marked as deleted meanwhile: try on what stands now
        crashpoint("gallery.after_record_commit")
        inserted = {row["id"]: row["is_inserted"] for row in rows}
        stood = await self._by_ids([image.id for image in distinct if image.id not in inserted])
        results: list[Image | Fault] = []
        for image in images:
            fresh = inserted.get(image.id)
            results.append(image if fresh else Unavailable("blob") if fresh is False else stood[image.id])
        return results

    async def get(self, image_id: str) -> Image | None:
        """One image of any account and state, or None."""
        row = await self._database.fetchrow(_BY_ID, image_id)
        return _image(row) if row else None

    async def standing(self, account_id: str, image_id: str, now: datetime.datetime) -> Image | None:
        """An account's image whose bytes may be read; None for one that is another's, forgotten, expired or no image at all."""
        image = await self.get(image_id) if is_id("img", image_id) else None
        return image if image is not None and image.account_id == account_id and image.stands(now) else None

    async def list_images(self, account_id: str, *, after: str, job_id: str, limit: int) -> list[Image]:
        """Images in the order of their ids; an empty account or job means all of them."""
        return [_image(row) for row in await self._database.fetch(_LIST, account_id, after, job_id, limit)]

    async def forget(self, image_ids: Iterable[str]) -> None:
        """Mark images as forgotten and let go of their blobs; those that are forgotten already stay so."""
        await self._database.execute(_FORGET, sorted(image_ids))

    async def forget_expired(self, now: datetime.datetime, *, limit: int) -> int:
        """Forget images whose time is over; returns how many."""
        async with self._database.transaction() as connection:
            rows = await connection.fetch(_EXPIRED, now, limit)
            if rows:
                await connection.execute(_FORGET, [row["id"] for row in rows])
        return len(rows)

    async def erase_unused(
        self, unused_for: datetime.timedelta, erase: Callable[[str], Awaitable[None]], *, limit: int
    ) -> int:
        """Let `erase(blob_key)` remove the bytes of blobs that nothing has referred to for so long; returns how many."""
        await self._database.execute(_MARK, unused_for, limit)
        async with self._database.transaction() as connection:
            rows = await connection.fetch(_MARKED, limit)
            for row in rows:
                await erase(row["blob_key"])
                await connection.execute(_ERASED, row["account_id"], row["digest"])
        return len(rows)

    async def drop_erased(self, erased_before: datetime.datetime) -> None:
        """Remove the rows of blobs whose bytes went before then."""
        await self._database.execute(_DROP, erased_before)

    async def revive(self, account_id: str, digest: bytes, stands: Callable[[str], Awaitable[bool]]) -> bool:
        """Allow a deleted blob to be referred to again if its bytes stand (again) under its key; returns whether they do."""
        async with self._database.transaction() as connection:
            key = await connection.fetchval(_LOCK, account_id, digest)
            if key is not None and not await stands(key):
                return False
            await connection.execute(_REVIVE, account_id, digest)
        return True

    async def storage(self, account_id: str) -> Storage:
        """What an account keeps."""
        row = await self._database.fetchrow(
            "SELECT image_count, byte_count FROM storage WHERE account_id = $1", account_id
        )
        return Storage(row["image_count"], row["byte_count"]) if row else Storage(0, 0)

    async def _by_ids(self, image_ids: Sequence[str]) -> dict[str, Image]:
        if not image_ids:
            return {}
        return {row["id"]: _image(row) for row in await self._database.fetch(_BY_IDS, image_ids)}


def _arrays(images: Sequence[Image]) -> tuple[list[object], ...]:
    names = [name.strip() for name in _COLUMNS.split(",")]
    return tuple([getattr(image, name) for image in images] for name in names)


def _image(row: "asyncpg.Record") -> Image:
    return Image(
        id=row["id"],
        account_id=row["account_id"],
        digest=row["digest"],
        blob_key=row["blob_key"],
        format=row["format"],
        width=row["width"],
        height=row["height"],
        byte_count=row["byte_count"],
        created_at=row["created_at"],
        state=row["state"],
        source=row["source"],
        job_id=row["job_id"],
        task_index=row["task_index"],
        image_index=row["image_index"],
        expires_at=row["expires_at"],
    )
