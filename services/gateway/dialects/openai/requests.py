"""OpenAI's requests as orders: which model draws where none is named, and whether links or bytes are answered.

Source: the specification's defaults, and contract.md, "openai".
"""

from gateway.openai_images.drawing import GPT_IMAGE, edit_draw, generation_draw, purchase_of, variation_draw
from gateway.openai_images.pictures import (
    Edit,
    Variation,
    attach_masked,
    attach_pictures,
    attach_varied,
    edit_inputs,
    variation_inputs,
)
from gateway.openai_images.requests import GenerationRequest, ResponseFormat
from gateway.orders import Order

_DALL_E_2 = "dall-e-2"
_DALL_E_2_SIZES = frozenset({"256x256", "512x512"})
"""The specification offers these for variations without a model, and of its models this one alone draws them."""


def generation(request: GenerationRequest, *, default_model: str) -> Order:
    """The order of a generation. Raises InvalidField."""
    draw = generation_draw(request, request.model or default_model)
    response_format = request.response_format or _default_format(draw.model)
    return Order(purchase_of(draw, response_format), stream=bool(request.stream))


def edit(asked: Edit, *, default_model: str) -> Order:
    """The order of an edit. Raises InvalidField."""
    fields, masked = asked.fields, asked.mask is not None
    draw = edit_draw(fields, fields.model or default_model, masked=masked)
    return Order(
        purchase_of(draw, fields.response_format or _default_format(draw.model)),
        inputs=edit_inputs(asked, draw.model),
        complete=attach_masked if masked else attach_pictures,
        stream=bool(fields.stream),
    )


def variation(asked: Variation, *, default_model: str) -> Order:
    """The order of a variation; the specification answers it by links whatever the model. Raises InvalidField."""
    usual = _DALL_E_2 if asked.fields.size in _DALL_E_2_SIZES else default_model
    draw = variation_draw(asked.fields, asked.fields.model or usual)
    return Order(
        purchase_of(draw, asked.fields.response_format or "url"),
        inputs=variation_inputs(asked),
        complete=attach_varied,
    )


def _default_format(model: str) -> ResponseFormat:
    """Base64 of the models whose vendor always answers so; every other model answers links unless asked."""
    return "b64_json" if model.startswith(GPT_IMAGE) else "url"
