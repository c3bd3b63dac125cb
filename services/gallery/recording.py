"""Recording writes down pictures whose bytes are in the store, and finds out what stands where retention removed some."""

from collections.abc import Sequence

from gallery.images import Image
from gallery.store import Store
from servicekit.coalescer import Coalescer
from servicekit.faults import Fault
from servicekit.objects import ObjectNotFound, Objects


class Recorder:
    """Gathers the records of concurrent calls into one statement."""

    def __init__(self, store: Store, objects: Objects) -> None:
        self._store = store
        self._objects = objects
        self._coalescer: Coalescer[Sequence[Image], list[Image | Fault]] = Coalescer(self._flush)

    async def record(self, images: Sequence[Image]) -> list[Image | Fault]:
        """One result per image: it as it stands, or Unavailable("blob") where its bytes must be put again before."""
        return await self._coalescer.submit(images)

    async def _flush(self, batches: list[Sequence[Image]]) -> list[list[Image | Fault]]:
        images = [image for batch in batches for image in batch]
        results = await self._store.record(images)
        for position, (image, result) in enumerate(zip(images, results, strict=True)):
            if isinstance(result, Fault) and await self._store.revive(image.account_id, image.digest, self._stands):
                (results[position],) = await self._store.record([image])
        found = iter(results)
        return [[next(found) for _ in batch] for batch in batches]

    async def _stands(self, key: str) -> bool:
        try:
            await self._objects.head(key)
        except ObjectNotFound:
            return False
        return True
