"""Unfinished pictures are shown while their task runs, for what they are worth: one that cannot be kept is left out.

Their bytes lie in the object store under keys of their own, never under that of a picture, and are erased after the task's end.
"""

import asyncio
import logging
import secrets

from generator.providers.base import Pixels
from generator.runs import Run
from generator.store import partials
from gesso.generator.v1 import generator_pb2 as pb
from pictures.facts import NotAPicture, extension
from pictures.inspection import inspect
from servicekit.database import Database
from servicekit.faults import Fault
from servicekit.objects import Objects, StoreUnavailable

KEPT_SECONDS = 60.0
"""After the end of a task, for readers that are behind."""
_BATCH = 100
_log = logging.getLogger(__name__)


class Partials:
    """Shows and erases them."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._objects = objects

    async def show(self, run: Run, pixels: Pixels) -> None:
        """Show a picture of a task that runs, unless it shows as many as were asked for. Raises nothing."""
        if run.task.ended or len(run.task.partials) >= run.draw.partial_images:
            return
        try:
            picture = await asyncio.to_thread(_picture, run, pixels)
            if await self._kept(run, picture, pixels):
                run.shown(run, picture)
        except (NotAPicture, StoreUnavailable, Fault) as error:
            _log.info("an unfinished picture of %s was left out: %r", run.task.id, error)

    async def _kept(self, run: Run, picture: pb.Picture, pixels: Pixels) -> bool:
        task = run.task
        number = await partials.note(self._database, task.job_id, task.index, picture)
        await self._objects.put_new(picture.blob_key, [pixels.data])
        return await partials.show(self._database, task.job_id, task.index, run.lease_token, number)

    async def erase(self) -> None:
        """Erase what outlived its task. Raises Unavailable; what the object store does not erase now is left for later."""
        found = await partials.outlived(self._database, KEPT_SECONDS, _BATCH)
        gone = []
        for number, picture in found.items():
            try:
                await self._objects.delete(picture.blob_key)
            except StoreUnavailable:
                continue
            gone.append(number)
        if gone:
            await partials.forget(self._database, gone)


def _picture(run: Run, pixels: Pixels) -> pb.Picture:
    """What a picture is, and where it will lie. Raises NotAPicture."""
    facts = inspect(pixels.data)
    key = f"{run.job.account_id}/partial-{secrets.token_hex(16)}.{extension(facts.format)}"
    return pb.Picture(
        format=facts.format,
        width=facts.width,
        height=facts.height,
        byte_count=len(pixels.data),
        blob_key=key,
    )
