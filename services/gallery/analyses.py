"""Analyses measure an account's own pictures: the colours of one, and the part of a picture that a mask marks."""

import datetime
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from gallery.store import Store
from gesso.errors.v1 import reason_pb2 as reasons
from pictures.facts import DEFAULT, Buffer, NotAPicture
from pictures.studio import MaskMeasures, Studio, StudioUnavailable
from servicekit.faults import Fault, InvalidField, NotFound, Unavailable
from servicekit.ids import AccountId
from servicekit.objects import ObjectNotFound, Objects, StoreUnavailable

T = TypeVar("T")


class Analyses:
    """Measures pictures of an account; another account's do not exist. All that needs pixels is the studio's."""

    def __init__(self, store: Store, objects: Objects, studio: Studio) -> None:
        self._store = store
        self._objects = objects
        self._studio = studio

    async def dominant_colours(self, account_id: AccountId, image_id: str) -> Sequence[str]:
        """At most five colours by area, as `#ff5733`.

        Raises NotFound, Fault INPUT_NOT_AN_IMAGE, Unavailable.
        """
        found = await self._measured(account_id, image_id, self._studio.dominant_colours)
        return [f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in found]

    async def mask(
        self, account_id: AccountId, image_id: str, *, width: int, height: int, inverted: bool
    ) -> MaskMeasures:
        """What a mask marks of a picture of that size in pixels; of a mask with transparency, what is seen white.

        Raises InvalidField, and as `dominant_colours` does.
        """
        if width < 1 or height < 1 or max(width, height) > DEFAULT.max_side or width * height > DEFAULT.max_pixels:
            raise InvalidField("width", f"A mask is measured at sizes of 1 to {DEFAULT.max_pixels} pixels.")

        async def measured(data: Buffer) -> MaskMeasures:
            return await self._studio.mask_measures(data, width=width, height=height, inverted=inverted)

        return await self._measured(account_id, image_id, measured)

    async def _measured(self, account_id: AccountId, image_id: str, measure: Callable[[Buffer], Awaitable[T]]) -> T:
        image = await self._store.standing(account_id, image_id, datetime.datetime.now(datetime.UTC))
        if image is None:
            raise NotFound("image", image_id)
        try:
            return await measure(await self._objects.get(image.blob_key))
        except ObjectNotFound as error:
            raise NotFound("image", image_id) from error
        except StoreUnavailable as error:
            raise Unavailable("object store") from error
        except StudioUnavailable as error:
            raise Unavailable("studio") from error
        except NotAPicture as error:
            details = {"field": "image", "cause": str(error.kind)}
            raise Fault(reasons.REASON_INPUT_NOT_AN_IMAGE, "This picture cannot be opened.", details=details) from error
