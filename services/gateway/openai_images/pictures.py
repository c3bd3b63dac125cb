"""Pictures as inputs of edits and variations: read from forms and references, bounded as the specification bounds them.

Source: the specification's CreateImageEditRequest, ImageRefParam and CreateImageVariationRequest; contract.md, "Requests and
answers" (25 MB, where the specification says 50).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.forms import Form, convert, one_upload
from gateway.openai_images.requests import (
    MOST_IMAGES,
    EditFields,
    EditRequest,
    ImageReference,
    VariationFields,
    VariationRequest,
)
from gateway.orders import MAX_INPUT_BYTES, Input, Lens, Upload
from gesso.gallery.v1.gallery_pb2 import Image
from gesso.generator.v1.generator_pb2 import Purchase
from servicekit.faults import InvalidField
from servicekit.ids import is_id

_PNG = frozenset({"png"})


@dataclass(frozen=True, slots=True)
class Rule:
    """Which pictures a model takes."""

    most: int = MOST_IMAGES
    limit_bytes: int = MAX_INPUT_BYTES
    formats: frozenset[str] = frozenset({"png", "jpeg", "webp"})
    square: bool = False


_USUAL = Rule()
VARIED = Rule(most=1, limit_bytes=4_000_000, formats=_PNG, square=True)
"""Of every variation, and of dall-e-2's edits."""
_RULES = {"dall-e-2": VARIED}
_MASK = Rule(most=1, limit_bytes=4_000_000, formats=_PNG)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a picture comes from, and the field of the request that says so."""

    field: str
    origin: str | Upload


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit, by whichever form it was asked for."""

    fields: EditFields
    images: Sequence[Origin]
    mask: Origin | None


@dataclass(frozen=True, slots=True)
class Variation:
    """A variation, by whichever form it was asked for."""

    fields: VariationFields
    image: Origin


def edit_of_form(form: Form) -> Edit:
    """Read a multipart edit. Raises InvalidField."""
    fields, mask = convert(form.texts(), EditFields), one_upload(form, "mask")
    uploads = form.uploads("image")
    if not uploads:
        raise InvalidField("image", "`image` is required: send at least one file under this name.")
    images = [Origin("image" if len(uploads) == 1 else f"image[{i}]", upload) for i, upload in enumerate(uploads)]
    return Edit(fields, images, None if mask is None else Origin("mask", mask))


def edit_of_json(request: EditRequest) -> Edit:
    """Read an edit that names its pictures. Raises InvalidField."""
    images = [_referred(f"images[{i}]", reference) for i, reference in enumerate(request.images)]
    return Edit(request, images, None if request.mask is None else _referred("mask", request.mask))


def variation_of_form(form: Form) -> Variation:
    """Read a multipart variation. Raises InvalidField."""
    fields, upload = convert(form.texts(), VariationFields), one_upload(form, "image")
    if upload is None:
        raise InvalidField("image", "`image` is required: send a file under this name.")
    return Variation(fields, Origin("image", upload))


def variation_of_json(request: VariationRequest) -> Variation:
    """Read a variation that names its picture. Raises InvalidField."""
    return Variation(request, _referred("image", request.image))


def edit_inputs(edit: Edit, model: str) -> list[Input]:
    """What an edit brings in: its pictures, then its mask. Raises InvalidField where there are too many."""
    rule = _RULES.get(model, _USUAL)
    if len(edit.images) > rule.most:
        raise InvalidField("image", f"An edit by {model} takes at most {rule.most} `image`, not {len(edit.images)}.")
    inputs = [_input(origin, rule) for origin in edit.images]
    return inputs if edit.mask is None else [*inputs, _input(edit.mask, _MASK)]


def variation_inputs(variation: Variation) -> list[Input]:
    """What a variation brings in."""
    return [_input(variation.image, VARIED)]


async def attach_masked(purchase: Purchase, images: Sequence[Image], lens: Lens) -> None:
    """Give the draw its pictures and its mask, which is the last. Raises InvalidField for a mask of another size."""
    *pictures, mask = images
    first = pictures[0]
    if (mask.width, mask.height) != (first.width, first.height):
        raise InvalidField(
            "mask",
            f"`mask` must be as large as the first picture: {first.width}x{first.height} pixels,"
            f" not {mask.width}x{mask.height}.",
        )
    await attach_pictures(purchase, pictures, lens)
    purchase.draws[0].mask_image_id = mask.id


async def attach_pictures(purchase: Purchase, images: Sequence[Image], _: Lens) -> None:
    """Give the draw its pictures. Raises InvalidField for one that must be square and is not."""
    draw = purchase.draws[0]
    if _RULES.get(draw.model, _USUAL).square:
        _check_square(images[0])
    draw.input_image_ids.extend(image.id for image in images)


async def attach_varied(purchase: Purchase, images: Sequence[Image], _: Lens) -> None:
    """Give the draw the picture to vary. Raises InvalidField for one that is not square."""
    _check_square(images[0])
    purchase.draws[0].input_image_ids.append(images[0].id)


def _check_square(image: Image) -> None:
    if image.width != image.height:
        raise InvalidField("image", f"`image` must be square, not {image.width}x{image.height} pixels.")


def _input(origin: Origin, rule: Rule) -> Input:
    return Input(origin.field, origin.origin, limit_bytes=rule.limit_bytes, formats=rule.formats)


def _referred(field: str, reference: ImageReference) -> Origin:
    if (reference.image_url is None) == (reference.file_id is None):
        raise InvalidField(field, f"`{field}` must have exactly one of `image_url` and `file_id`.")
    if reference.image_url is not None:
        return Origin(f"{field}.image_url", reference.image_url)
    file_id = reference.file_id or ""
    if not is_id("img", file_id):
        raise InvalidField(
            f"{field}.file_id", f"`{field}.file_id` must be the id of one of your images, which begins with `img_`."
        )
    return Origin(f"{field}.file_id", file_id)
