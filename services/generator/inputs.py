"""A task's input pictures are read from the object store by the ids that its purchase carries."""

from collections.abc import Sequence

from generator.memory import Reservation
from generator.peers import Gallery
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from servicekit.faults import Fault, Unavailable
from servicekit.objects import ObjectNotFound, Objects, StoreUnavailable


class Inputs:
    """Reads inputs and masks."""

    def __init__(self, gallery: Gallery, objects: Objects) -> None:
        self._gallery = gallery
        self._objects = objects

    async def read(self, account_id: str, draw: pb.Draw, memory: Reservation) -> tuple[Sequence[bytes], bytes | None]:
        """Return the inputs in order, and the mask. Raises Fault INPUT_UNREACHABLE, Unavailable."""
        inputs = [await self._one(account_id, image_id, memory) for image_id in draw.input_image_ids]
        mask = await self._one(account_id, draw.mask_image_id, memory) if draw.mask_image_id else None
        return inputs, mask

    async def _one(self, account_id: str, image_id: str, memory: Reservation) -> bytes:
        try:
            image = await self._gallery.image(account_id, image_id)
            await memory.reserve(image.byte_count)
            return bytes(await self._objects.get(image.blob_key))
        except ObjectNotFound as error:
            raise _unreachable(image_id) from error
        except StoreUnavailable as error:
            raise Unavailable("object store") from error
        except Fault as fault:
            if fault.reason == reasons.REASON_NOT_FOUND:
                raise _unreachable(image_id) from fault
            raise


def _unreachable(image_id: str) -> Fault:
    return Fault(
        reasons.REASON_INPUT_UNREACHABLE,
        f"The input image {image_id} does not exist any more.",
        details={"field": "image", "cause": "deleted"},
    )
