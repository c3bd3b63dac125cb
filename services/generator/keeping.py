"""Step 5: a picture that has been paid for is inspected, made what was asked for, signed, stored and written down."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from generator.material import Material
from generator.peers import Gallery, SignItem
from generator.providers.base import Bought, Pixels, UpstreamFault
from generator.records import JobRecord, TaskRecord, image_id_of
from generator.steps import persist
from generator.storehouse import Storehouse
from generator.transforming import Change, known_quality, transformed, wanted
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.gallery.v1 import gallery_pb2 as gallery
from gesso.generator.v1 import generator_pb2 as pb
from pictures.facts import Buffer, Facts, Flaw, NotAPicture, Standing, extension
from pictures.inspection import inspect
from pictures.slots import MANIFEST_SLOT_BYTES, Slot, slot
from pictures.studio import Picture, Studio, StudioUnavailable
from servicekit.crashpoints import crashpoint
from servicekit.faults import Fault
from servicekit.objects import blob_key
from servicekit.timestamps import to_timestamp

T = TypeVar("T")

# Above this a walk over the bytes is worth a thread: it takes milliseconds, in which the loop would serve nobody. Below, where it
# takes one at most, the thread was measured to cost half as much again: it and the loop wait for one another at every step.
_OFF_LOOP_BYTES = 2 << 20
_log = logging.getLogger(__name__)
_IMPROVING = frozenset({pb.OPERATION_UPSCALE, pb.OPERATION_REMOVE_BACKGROUND, pb.OPERATION_FILTER})


@dataclass(frozen=True, slots=True)
class Origin:
    """What drew a picture: said in its credentials."""

    provider: str
    upstream_model: str
    trained: bool


@dataclass(frozen=True, slots=True)
class _Ready:
    """A picture as it will be kept, all but its credentials."""

    facts: Facts
    digest: bytes
    size_bytes: int
    buffers: Sequence[Buffer]
    slot: Slot | None
    transformations: tuple[str, ...] = ()


class Keeper:
    """Keeps pictures one by one. What fails on our side is tried until it works: the bytes are paid for."""

    def __init__(self, gallery: Gallery, storehouse: Storehouse, studio: Studio) -> None:
        self._gallery = gallery
        self._storehouse = storehouse
        self._studio = studio

    async def keep(
        self,
        job: JobRecord,
        task: TaskRecord,
        position: int,
        pixels: Pixels,
        origin: Origin,
        material: Material,
    ) -> tuple[pb.Picture, Sequence[str]]:
        """Return the kept picture and what is to be said of its changes; `material` is what it was drawn from.

        Raises UpstreamFault UPSTREAM_BAD_IMAGE. Kept again, after a crash or by another worker, the picture that was first stands.
        """
        draw = job.purchase.draws[task.index]
        ready, warnings = await self._prepared(pixels, draw, origin.provider, material)
        image_id = image_id_of(task, position)
        buffers = await self._signed(ready, draw, image_id, origin)
        key = blob_key(job.account_id, ready.digest, extension(ready.facts.format))
        record = _record(job, task, position, image_id=image_id, key=key, ready=ready)

        async def put_and_record() -> gallery.Image:
            await self._storehouse.put(key, buffers)
            crashpoint("generator.after_put")
            return await self._gallery.record(record)

        # Both again where one fails: retention may have removed the same bytes of an older picture between the two.
        stands = await persist(put_and_record)
        return picture_of(stands, pixels.seed, ready.transformations), warnings

    async def _prepared(
        self, pixels: Pixels, draw: pb.Draw, provider: str, material: Material
    ) -> tuple[_Ready, Sequence[str]]:
        try:
            facts, change, ready = await _off_loop(pixels.data, lambda: _looked(pixels, draw))
            if ready is not None:
                return ready, ()
            if change is not None:
                return await self._changed(pixels.data, facts, change, draw, material)
        except NotAPicture as flaw:
            raise bad_image(provider, flaw) from flaw
        return await self._untouched(pixels.data, facts), ()

    async def _changed(
        self, data: Buffer, facts: Facts, change: Change, draw: pb.Draw, material: Material
    ) -> tuple[_Ready, Sequence[str]]:
        try:
            if change.takes_colours:
                change, made = await self._recoloured(data, change, draw, material)
            else:
                made = await transformed(self._studio, data, change, draw, None)
        except StudioUnavailable:
            warning = "The picture is as the upstream drew it: it could not be converted."
            return await self._untouched(data, facts), (warning,)
        ready = await _off_loop(made.data, lambda: _cut(made.data, made.facts))
        return replace(ready, transformations=change.transformations), change.warnings

    async def _recoloured(
        self, data: Buffer, change: Change, draw: pb.Draw, material: Material
    ) -> tuple[Change, Picture]:
        """With the colours of the first input; a picture that is paid for is not lost with that."""

        async def made() -> Picture:
            async with material.at_hand() as pictures:
                return await transformed(self._studio, data, change, draw, pictures.inputs[0])

        try:
            return change, await persist(made)
        except Fault as gone:
            _log.info("an input is gone whose colours a picture was to have: %s", gone.reason_name)
        plain = change.without_colours()
        return plain, await transformed(self._studio, data, plain, draw, None)

    async def _untouched(self, data: Buffer, facts: Facts) -> _Ready:
        """The upstream's own file, with its own credentials where they are valid."""
        if facts.has_manifest and await self._has_valid_manifest(data):
            return await _off_loop(data, lambda: _as_it_is(data, facts))
        return await _off_loop(data, lambda: _cut(data, facts))

    async def _has_valid_manifest(self, data: Buffer) -> bool:
        try:
            manifest = await self._studio.manifest(data)
        except (NotAPicture, StudioUnavailable):  # in doubt it is left alone: what it says was not ours to take away
            return True
        return manifest is not None and manifest.standing is not Standing.INVALID

    async def _signed(self, ready: _Ready, draw: pb.Draw, image_id: str, origin: Origin) -> Sequence[Buffer]:
        if ready.slot is None:
            return ready.buffers
        item = SignItem(
            image_id=image_id,
            digest=ready.digest,
            format=ready.facts.format,
            slot_offset=ready.slot.offset_bytes,
            slot_length=ready.slot.length_bytes,
            model=draw.model,
            upstream_model=origin.upstream_model,
            provider=origin.provider,
            trained=origin.trained,
            composite=bool(draw.input_image_ids),
            drawn_at=to_timestamp(datetime.now(UTC)),
            transformations=ready.transformations,
            enhanced=draw.operation in _IMPROVING,
        )
        return ready.slot.filled(await persist(lambda: self._gallery.sign(item)))


def _looked(pixels: Pixels, draw: pb.Draw) -> tuple[Facts, Change | None, _Ready | None]:
    """One walk over the bytes: what they are, what must be changed, and if nothing has to be, how they will be kept.

    Raises NotAPicture.
    """
    facts = _inspected(pixels)
    change = wanted(facts, draw, quality=known_quality(pixels.data, facts, draw))
    plain = change is None and not facts.has_manifest
    return facts, change, _cut(pixels.data, facts) if plain else None


def _cut(data: Buffer, facts: Facts) -> _Ready:
    """With room for our own credentials, where the format has any."""
    cut = slot(data, facts, MANIFEST_SLOT_BYTES)
    return _as_it_is(data, facts) if cut is None else _Ready(facts, cut.digest(), cut.size_bytes(), (), cut)


def _as_it_is(data: Buffer, facts: Facts) -> _Ready:
    return _Ready(facts, hashlib.sha256(data).digest(), len(data), (data,), None)


def _inspected(pixels: Pixels) -> Facts:
    """What the bytes are. Raises NotAPicture, also for a picture of another format than its vendor says."""
    facts = inspect(pixels.data)
    if pixels.said_format not in ("", facts.format):
        raise NotAPicture(Flaw.CORRUPT, f"said to be {pixels.said_format}, it is {facts.format}")
    return facts


def bad_image(provider: str, flaw: NotAPicture) -> UpstreamFault:
    """The fault of an upstream's answer that is no usable picture: paid for, and of no use."""
    return UpstreamFault(
        reasons.REASON_UPSTREAM_BAD_IMAGE,
        "The upstream answered with something that is no usable picture.",
        bought=Bought.YES,
        retryable=False,
        details={"provider": provider, "cause": flaw.kind.value},
    )


def _record(
    job: JobRecord, task: TaskRecord, position: int, *, image_id: str, key: str, ready: _Ready
) -> gallery.Image:
    now = datetime.now(UTC)
    record = gallery.Image(
        id=image_id,
        account_id=job.account_id,
        source=gallery.Image.SOURCE_DRAWN,
        digest=ready.digest,
        blob_key=key,
        format=ready.facts.format,
        width=ready.facts.width,
        height=ready.facts.height,
        byte_count=ready.size_bytes,
        job_id=job.id,
        task_index=task.index,
        image_index=position,
        created_at=to_timestamp(now),
    )
    if lifetime := _lifetime(job):
        record.expires_at.CopyFrom(to_timestamp(now + lifetime))
    return record


def _lifetime(job: JobRecord) -> timedelta | None:
    if job.purchase.keep_seconds:
        return timedelta(seconds=job.purchase.keep_seconds)
    return timedelta(days=job.retention_days) if job.retention_days else None


def picture_of(image: gallery.Image, seed: int | None, transformations: Sequence[str] = ()) -> pb.Picture:
    """The picture of a task that an image of the gallery is."""
    return pb.Picture(
        image_id=image.id,
        format=image.format,
        width=image.width,
        height=image.height,
        byte_count=image.byte_count,
        blob_key=image.blob_key,
        seed=seed,
        digest=image.digest,
        transformations=transformations,
    )


async def _off_loop(data: Buffer, look: Callable[[], T]) -> T:
    return look() if len(data) <= _OFF_LOOP_BYTES else await asyncio.to_thread(look)
