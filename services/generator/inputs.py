"""A task's input pictures are read by the ids that its purchase carries, and its mask is made ready for them, once.

A draw's options (the contract between dialects and generator): `mask_blur`, the deviation of a Gaussian, 0..64 pixels;
`mask_inverted` = `true`, where black is repainted; `inpaint_mode`, of which `fill` is done here: what is repainted begins with
the average colour of its surroundings. Providers find the mask blurred, turned and in the size of the first input.
"""

from collections.abc import Callable, Sequence

from generator.memory import Portion
from generator.peers import Gallery
from gesso.errors.v1 import reason_pb2 as reasons
from gesso.generator.v1 import generator_pb2 as pb
from pictures.facts import NotAPicture
from pictures.studio import Marks, Picture, Studio, StudioUnavailable
from servicekit.faults import Fault, InvalidField, Unavailable
from servicekit.objects import ObjectNotFound, Objects, StoreUnavailable

MASK_BLUR, MASK_INVERTED, INPAINT_MODE = "mask_blur", "mask_inverted", "inpaint_mode"
_MOST_BLUR = 64.0


class Inputs:
    """Reads inputs and masks."""

    def __init__(
        self, gallery: Gallery, objects: Objects, studio: Studio, *, white_masks: Callable[[str], bool]
    ) -> None:
        """`white_masks` tells of a dialect whether its masks with transparency mark by white."""
        self._gallery = gallery
        self._objects = objects
        self._studio = studio
        self._white_masks = white_masks

    async def read(
        self, account_id: str, dialect: str, draw: pb.Draw, memory: Portion
    ) -> tuple[Sequence[bytes], bytes | None]:
        """Return the inputs in order, and the mask, white where it is repainted.

        Raises Fault INPUT_UNREACHABLE, INPUT_NOT_AN_IMAGE, InvalidField, Unavailable.
        """
        inputs = [await self._one(account_id, image_id, memory) for image_id in draw.input_image_ids]
        if not draw.mask_image_id:
            return inputs, None
        mask = await self._one(account_id, draw.mask_image_id, memory)
        if not inputs:
            return inputs, mask
        marks: Marks = "white" if self._white_masks(dialect) else "transparency"
        return await self._made_ready(inputs, mask, draw, marks, memory)

    async def _one(self, account_id: str, image_id: str, memory: Portion) -> bytes:
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

    async def _made_ready(
        self, inputs: Sequence[bytes], mask: bytes, draw: pb.Draw, marks: Marks, memory: Portion
    ) -> tuple[Sequence[bytes], bytes]:
        try:
            made = await self._studio.repaint(
                inputs[0],
                mask,
                marks=marks,
                inverted=draw.options.get(MASK_INVERTED) == "true",
                blur=_blur(draw),
                fill=draw.options.get(INPAINT_MODE) == "fill",
            )
        except NotAPicture as error:
            details = {"field": "mask", "cause": str(error.kind)}
            message = "The mask or its picture cannot be opened."
            raise Fault(reasons.REASON_INPUT_NOT_AN_IMAGE, message, details=details) from error
        except StudioUnavailable as error:
            raise Unavailable("studio") from error
        first = inputs[0] if made.picture is None else await _in_place_of(inputs[0], made.picture, memory)
        return [first, *inputs[1:]], await _in_place_of(mask, made.mask, memory)


async def _in_place_of(old: bytes, made: Picture, memory: Portion) -> bytes:
    await memory.reserve(len(made.data))
    memory.release(len(old))
    return bytes(made.data)


def _blur(draw: pb.Draw) -> float:
    """Raises InvalidField: an edge has bounded it already."""
    text = draw.options.get(MASK_BLUR, "0")
    try:
        blur = float(text)
    except ValueError:
        blur = -1.0
    if not 0.0 <= blur <= _MOST_BLUR:
        raise InvalidField(MASK_BLUR, f"A mask is blurred by 0 to {_MOST_BLUR:g} pixels.")
    return blur


def _unreachable(image_id: str) -> Fault:
    return Fault(
        reasons.REASON_INPUT_UNREACHABLE,
        f"The input image {image_id} does not exist any more.",
        details={"field": "image", "cause": "deleted"},
    )
