"""Ops-Center's requests: the Images API with its own defaults, and the sizes and qualities that its document gives each model.

Source: the Ops-Center document, "Request Parameters" and "BYOK"; contract.md, "opscenter".
"""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.openai_images import requests as images
from gateway.openai_images.drawing import DALL_E_3, edit_draw, generation_draw, purchase_of, variation_draw
from gateway.openai_images.pictures import (
    Edit,
    Variation,
    attach_masked,
    attach_pictures,
    attach_varied,
    edit_inputs,
    variation_inputs,
)
from gateway.openai_images.requests import ResponseFormat, said
from gateway.orders import Order
from gesso.generator.v1.generator_pb2 import Draw, Purchase
from servicekit.faults import InvalidField

DEFAULT_MODEL = DALL_E_3
DEFAULT_MODEL_OF_PICTURES = "dall-e-2"
"""Of edits and variations: dall-e-3 draws from no pictures, here as at its vendor."""
DEFAULT_QUALITY = "standard"
_DEFAULT_SIZE = "1024x1024"
_STABLE_DIFFUSION = ("512x512", "1024x1024", "1536x1536")
SIZES: Mapping[str, tuple[str, ...]] = {
    DALL_E_3: ("1024x1024", "1792x1024", "1024x1792"),
    "dall-e-2": ("256x256", "512x512", "1024x1024"),
    "stable-diffusion-xl": _STABLE_DIFFUSION,
    "stable-diffusion-3": _STABLE_DIFFUSION,
}
"""Models that are not here, as an operator may add, take what the catalogue says."""

Quality = Annotated[Literal["standard", "hd"] | None, said("`hd` is dall-e-3's alone; `standard` where it is absent.")]
Size = Annotated[
    images.Size | None, said("As the model knows it: see the sizes of `GET …/models`; `1024x1024` where it is absent.")
]
Model = Annotated[images.ModelName | None, said("A model of `GET …/models`; `dall-e-3` where it is absent.")]
Format = Annotated[ResponseFormat | None, said("Links or bytes; links where it is absent.")]


class GenerationRequest(images.GenerationRequest, frozen=True, omit_defaults=True, kw_only=True):
    """What to draw. A field that is null is absent, one that is not listed is ignored."""

    model: Model = None
    size: Size = None
    quality: Quality = None
    response_format: Format = None


class KeyRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A provider key of one's own, to store."""

    provider: Annotated[str, Meta(min_length=1, max_length=100), said("Its provider, as `openai` or `openrouter`.")]
    api_key: Annotated[str, Meta(min_length=1, max_length=500), said("The key; it is never shown again.")]


def generation(request: images.GenerationRequest) -> Order:
    """The order of a generation. Raises InvalidField."""
    model = request.model or DEFAULT_MODEL
    _check(model, request)
    if request.style is not None and model != DALL_E_3:
        raise InvalidField("style", f"`style` is only supported for {DALL_E_3}, not for {model}.")
    draw = _sized(generation_draw(request, model), request.size)
    return Order(_purchase(draw, request.response_format), stream=bool(request.stream))


def edit(asked: Edit) -> Order:
    """The order of an edit. Raises InvalidField."""
    fields, masked = asked.fields, asked.mask is not None
    model = fields.model or DEFAULT_MODEL_OF_PICTURES
    _check(model, fields)
    draw = _sized(edit_draw(fields, model, masked=masked), fields.size)
    return Order(
        _purchase(draw, fields.response_format),
        inputs=edit_inputs(asked, model),
        complete=attach_masked if masked else attach_pictures,
        stream=bool(fields.stream),
    )


def variation(asked: Variation) -> Order:
    """The order of a variation. Raises InvalidField."""
    fields = asked.fields
    model = fields.model or DEFAULT_MODEL_OF_PICTURES
    _check_size(model, fields.size)
    draw = _sized(variation_draw(fields, model), fields.size)
    return Order(_purchase(draw, fields.response_format), inputs=variation_inputs(asked), complete=attach_varied)


def _check(model: str, request: images.Drawing) -> None:
    if request.quality == "hd" and model != DALL_E_3:
        raise InvalidField("quality", f"`quality` hd is only supported for {DALL_E_3}, not for {model}.")
    _check_size(model, request.size)


def _check_size(model: str, size: str | None) -> None:
    sizes = SIZES.get(model)
    if sizes is not None and size is not None and size not in sizes:
        raise InvalidField("size", f"`size` of {model} must be one of {', '.join(sizes)}, not {size}.")


def _sized(draw: Draw, size: str | None) -> Draw:
    """With the documented default where the request names no size."""
    if size is None and draw.model in SIZES:
        draw.width, draw.height = (int(side) for side in _DEFAULT_SIZE.split("x"))
    return draw


def _purchase(draw: Draw, response_format: ResponseFormat | None) -> Purchase:
    return purchase_of(draw, response_format or "url")
