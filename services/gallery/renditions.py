"""Renditions are smaller WebP copies of a picture, made when first asked for and kept beside its blob."""

import asyncio

from gallery.images import RENDITION_SIDES, Image, rendition_key
from pictures.studio import Studio
from servicekit.objects import ObjectNotFound, Objects

_QUALITY = 80


class Renditions:
    """Makes each rendition once, also where many ask for it at the same time."""

    def __init__(self, objects: Objects, studio: Studio) -> None:
        self._objects = objects
        self._studio = studio
        self._making: dict[str, asyncio.Task[int]] = {}

    async def of(self, image: Image, rendition: str) -> tuple[str, int]:
        """Return the rendition's key and size in bytes. Raises ObjectNotFound where the picture's bytes are gone."""
        key = rendition_key(image.blob_key, rendition)
        try:
            return key, (await self._objects.head(key)).size_bytes
        except ObjectNotFound:
            making = self._making.get(key)
        if making is None:
            making = self._making[key] = asyncio.create_task(self._make(image, key, RENDITION_SIDES[rendition]))
            making.add_done_callback(lambda _: self._making.pop(key, None))
        return key, await asyncio.shield(making)

    async def _make(self, image: Image, key: str, max_side: int) -> int:
        data = await self._objects.get(image.blob_key)
        made = await self._studio.rendition(data, max_side=max_side, quality=_QUALITY)
        await self._objects.put_new(key, (made.data,))
        return len(made.data)
