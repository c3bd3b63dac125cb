"""The catalogue in this API's words: every model that has a price here, in the list and in detail.

Source: imagegen-v2.md, "Model Management Endpoints"; contract.md, "imagegen", Models.
"""

import time
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.desk import Desk
from gateway.dialects.imagegen.facts import NAME
from gateway.dialects.imagegen.figures import in_credits, number
from gateway.dialects.imagegen.requests import MAX_PROMPT_CHARACTERS
from gateway.money import usd
from gateway.visitor import Visitor
from gateway.wire import Reply, json_reply
from gesso.generator.v1.generator_pb2 import (
    OPERATION_FILTER,
    OPERATION_IMAGE_TO_IMAGE,
    OPERATION_INPAINT,
    OPERATION_REMOVE_BACKGROUND,
    OPERATION_TEXT_TO_IMAGE,
    OPERATION_UPSCALE,
    Model,
    Operation,
)
from servicekit.faults import NotFound

_FEWEST_SAMPLES = 20
_WORDS: Mapping[Operation.ValueType, str] = {
    OPERATION_TEXT_TO_IMAGE: "text-to-image",
    OPERATION_IMAGE_TO_IMAGE: "image-to-image",
    OPERATION_INPAINT: "inpainting",
    OPERATION_UPSCALE: "upscaling",
    OPERATION_REMOVE_BACKGROUND: "background-removal",
    OPERATION_FILTER: "filters",
}
_DRAWING = frozenset({OPERATION_TEXT_TO_IMAGE, OPERATION_IMAGE_TO_IMAGE, OPERATION_INPAINT})
_ANY_SIZE = ("1024x1024",)
"""Of models that were made for no size in particular: results are resized to whatever is asked."""


def _said(text: str) -> Meta:
    return Meta(description=text)


class Size(msgspec.Struct, frozen=True):
    """Width and height in pixels."""

    width: int
    height: int


class Pricing(msgspec.Struct, frozen=True):
    """The price of one picture when nothing is said of its size."""

    per_image: Annotated[float, _said("In US dollars.")]
    credits: Annotated[int | float, _said("In credits of 0.02 US dollars.")]


class Performance(msgspec.Struct, frozen=True):
    """As measured here in the last 24 hours, in seconds."""

    average_generation_time: int | float
    queue_time: int | float


class Steps(msgspec.Struct, frozen=True):
    """Bounds of `num_inference_steps`."""

    min: int
    max: int
    default: int


class Guidance(msgspec.Struct, frozen=True):
    """Bounds of `guidance_scale`."""

    min: float
    max: float
    default: float


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What the model can do here."""

    text_to_image: bool
    image_to_image: bool
    inpainting: bool
    outpainting: bool = False
    controlnet: bool = False
    upscaling: bool
    background_removal: bool
    filters: bool


class ModelParameters(msgspec.Struct, frozen=True, kw_only=True):
    """What the model takes."""

    max_prompt_length: Annotated[int, _said("In characters.")]
    supported_schedulers: list[str]
    inference_steps_range: Annotated[Steps | None, _said("Null where the model has no such parameter.")]
    guidance_scale_range: Annotated[Guidance | None, _said("Null where the model has no such parameter.")]


_Version = Annotated[str | None, _said("The vendor's, null where it has none.")]
_Type = Annotated[str, _said("What it is for first, as `text-to-image`.")]
_Status = Annotated[
    Literal["active", "unavailable"], _said("Whether anybody draws for it now, the embedded engine included.")
]
_Sizes = Annotated[
    list[Size] | UnsetType, _said("Those that the model was made for; results are resized to any that is asked for.")
]
_Features = Annotated[list[str] | UnsetType, _said("What it is known for.")]
_Measured = Annotated[Performance | None, _said("Null under 20 samples.")]


class ListedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model, in short."""

    id: str
    name: str
    version: _Version
    type: _Type
    status: _Status
    capabilities: Annotated[list[str], _said("As `text-to-image`, `inpainting`.")]
    specialized_features: _Features = UNSET
    supported_sizes: _Sizes = UNSET
    pricing: Pricing
    performance: _Measured


class ModelList(msgspec.Struct, frozen=True):
    """Every model that has a price here, whether anybody serves it now or not."""

    models: list[ListedModel]


class DetailedModel(msgspec.Struct, frozen=True, kw_only=True):
    """One model, in full; `training_data` and `examples` are left out, since nothing of them is known here."""

    id: str
    name: str
    description: str
    version: _Version
    release_date: Annotated[str, _said("As `2023-07-26`.")]
    type: _Type
    status: _Status
    capabilities: Capabilities
    parameters: ModelParameters
    specialized_features: _Features = UNSET
    supported_sizes: _Sizes = UNSET
    pricing: Pricing
    performance: _Measured
    owner: Annotated[str, _said("Its vendor.")]
    deprecated_on: Annotated[str | None, _said("When the vendor retired it: an alias serves it since.")]
    sunset_on: Annotated[str | None, _said("When its name may cease to work.")]


class ModelDetail(msgspec.Struct, frozen=True):
    """One model."""

    model: DetailedModel


async def models(desk: Desk, _: Visitor) -> Reply:
    """GET /api/v2/models."""
    return json_reply(ModelList([listed(model) for model in await desk.models() if NAME in model.dialects]))


async def model(desk: Desk, visitor: Visitor) -> Reply:
    """GET /api/v2/models/{id}. Raises NotFound."""
    wanted = visitor.params["id"]
    for known in await desk.models():
        if known.id == wanted and NAME in known.dialects:
            return json_reply(ModelDetail(detailed(known)))
    raise NotFound("model", wanted)


def listed(model: Model) -> ListedModel:
    """A model as the list shows it."""
    return ListedModel(
        id=model.id,
        name=model.name,
        version=model.version or None,
        type=_WORDS[model.operations[0]],
        status=_status(model),
        capabilities=[_WORDS[operation] for operation in model.operations],
        specialized_features=list(model.features) or UNSET,
        supported_sizes=_sizes(model),
        pricing=_pricing(model),
        performance=_performance(model),
    )


def detailed(model: Model) -> DetailedModel:
    """A model as its own page shows it."""
    return DetailedModel(
        id=model.id,
        name=model.name,
        description=model.description,
        version=model.version or None,
        release_date=time.strftime("%Y-%m-%d", time.gmtime(model.created_at)),
        type=_WORDS[model.operations[0]],
        status=_status(model),
        capabilities=_capabilities(model),
        parameters=_parameters(model),
        specialized_features=list(model.features) or UNSET,
        supported_sizes=_sizes(model),
        pricing=_pricing(model),
        performance=_performance(model),
        owner=model.owner,
        deprecated_on=model.deprecated_on or None,
        sunset_on=model.sunset_on or None,
    )


def _status(model: Model) -> Literal["active", "unavailable"]:
    return "unavailable" if model.state == Model.STATE_UNAVAILABLE else "active"


def _sizes(model: Model) -> list[Size] | UnsetType:
    if _DRAWING.isdisjoint(model.operations):
        return UNSET
    pairs = (size.split("x") for size in model.native_sizes or model.sizes or _ANY_SIZE)
    return [Size(int(width), int(height)) for width, height in pairs]


def _pricing(model: Model) -> Pricing:
    micros = model.price_micros[NAME]
    return Pricing(usd(micros), in_credits(micros))


def _performance(model: Model) -> Performance | None:
    measured = model.performance
    if measured.samples < _FEWEST_SAMPLES:
        return None
    return Performance(number(round(measured.average_seconds, 2)), number(round(measured.queue_seconds, 2)))


def _capabilities(model: Model) -> Capabilities:
    offered = frozenset(model.operations)
    return Capabilities(
        text_to_image=OPERATION_TEXT_TO_IMAGE in offered,
        image_to_image=OPERATION_IMAGE_TO_IMAGE in offered,
        inpainting=OPERATION_INPAINT in offered,
        upscaling=OPERATION_UPSCALE in offered,
        background_removal=OPERATION_REMOVE_BACKGROUND in offered,
        filters=OPERATION_FILTER in offered,
    )


def _parameters(model: Model) -> ModelParameters:
    steps, guidance = model.steps, model.guidance
    return ModelParameters(
        max_prompt_length=min(model.max_prompt_characters or MAX_PROMPT_CHARACTERS, MAX_PROMPT_CHARACTERS),
        supported_schedulers=list(model.schedulers),
        inference_steps_range=Steps(int(steps.min), int(steps.max), int(steps.default))
        if model.HasField("steps")
        else None,
        guidance_scale_range=Guidance(guidance.min, guidance.max, guidance.default)
        if model.HasField("guidance")
        else None,
    )
