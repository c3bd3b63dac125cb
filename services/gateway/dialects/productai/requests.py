"""ProductAI's requests: their fields, and the orders that they stand for.

Source: the ProductAI API reference; contract.md, "productai".
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from gateway.orders import Input, Lens, Order, attach
from gateway.prompts import check_prompt, check_text
from gesso.errors.v1 import reason_pb2 as pb
from gesso.gallery.v1.gallery_pb2 import Image
from gesso.generator.v1.generator_pb2 import (
    OPERATION_IMAGE_TO_IMAGE,
    OPERATION_UPSCALE,
    CustomModel,
    Draw,
    Purchase,
)
from pictures.facts import DEFAULT as KEPT
from servicekit.faults import Fault, InvalidField

MAX_PROMPT_CHARACTERS = 10_000
MAX_IMAGE_BYTES = 10 * 1024 * 1024
_TAKEN = frozenset({"png", "jpeg", "webp"})
_FORMATS = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg"}
MODELS = (
    "gpt-low",
    "gpt-medium",
    "gpt-high",
    "kontext-pro",
    "kontext-max",
    "nanobanana",
    "nanobananapro",
    "seedream",
)
_TWO_IMAGES = frozenset({"nanobanana", "nanobananapro", "seedream"})
_SHAPELY = frozenset({"nanobanana", "nanobananapro"})
UPSCALER = "magnific-precision"
CUSTOM = "custom-"
_RATIOS = {"SQUARE": "1:1", "LANDSCAPE": "3:2", "PORTRAIT": "2:3"}
_DIRECT_RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
_SHAPELY_RATIOS: Mapping[str, str] = {
    **_RATIOS,
    "SQUARE_1_1": "1:1",
    "LANDSCAPE_4_3": "4:3",
    "LANDSCAPE_5_4": "5:4",
    "PORTRAIT_4_5": "4:5",
    "PORTRAIT_3_4": "3:4",
    **{ratio: ratio for ratio in _DIRECT_RATIOS},
}
_RESOLUTIONS = ("1K", "2K", "4K")
_DEFAULT_RESOLUTION = "2K"


def _said(text: str) -> Meta:
    return Meta(description=text)


Address = Annotated[str, Meta(max_length=34_000_000)]
Prompt = Annotated[
    str, Meta(min_length=1, max_length=MAX_PROMPT_CHARACTERS), _said("What is to become of the picture.")
]


class GenerateRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A picture to be changed, or two to be joined. A field that is null is absent, one that is not listed is ignored."""

    image_url: Annotated[
        Address | list[Address],
        _said("PNG, JPEG or WebP of at most 10 MB; two only for nanobanana, nanobananapro and seedream."),
    ]
    prompt: Prompt
    model: Annotated[str, Meta(max_length=200), _said(f"One of {', '.join(MODELS)}.")]
    output_format: Annotated[Literal["png", "jpg", "jpeg"] | None, _said("`png` where it is absent.")] = None
    aspect_ratio: Annotated[
        Annotated[str, Meta(max_length=20)] | None,
        _said(
            "SQUARE (where it is absent), LANDSCAPE or PORTRAIT; for nanobanana and nanobananapro also LANDSCAPE_4_3, "
            "LANDSCAPE_5_4, SQUARE_1_1, PORTRAIT_4_5, PORTRAIT_3_4, or a ratio such as 16:9."
        ),
    ] = None
    resolution: Annotated[
        Annotated[str, Meta(max_length=20)] | None,
        _said("1K, 2K (where it is absent) or 4K; only for nanobanana and nanobananapro."),
    ] = None


class UpscaleRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A picture to be enlarged."""

    image_url: Annotated[Address, _said("PNG, JPEG or WebP of at most 10 MB.")]
    scale_factor: Annotated[Literal[2, 4] | None, _said("2 where it is absent.")] = None


class CustomRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A picture to be changed by a model of one's own."""

    image_url: Annotated[Address | list[Address], _said("PNG, JPEG or WebP of at most 10 MB.")]
    prompt: Prompt
    model: Annotated[str, Meta(max_length=200), _said("The name of one of your models, `custom-…`.")]
    output_format: Annotated[Literal["png", "jpg", "jpeg"] | None, _said("`png` where it is absent.")] = None
    aspect_ratio: Annotated[
        Literal["SQUARE", "LANDSCAPE", "PORTRAIT"] | None, _said("`SQUARE` where it is absent.")
    ] = None


class CustomModelRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model of one's own: a base model with its own weights."""

    name: Annotated[
        str, Meta(pattern=r"^custom-[A-Za-z0-9._-]{1,93}$", examples=["custom-owesa-avatars"]), _said("`custom-…`.")
    ]
    provider: Annotated[str, Meta(min_length=1, max_length=100), _said("Who draws, as `fal`.")]
    base_model: Annotated[str, Meta(min_length=1, max_length=200), _said("A model of the catalogue.")]
    weights_url: Annotated[
        str, Meta(min_length=1, max_length=2_000), _said("An https address of a `.safetensors` file, or `owner/repo`.")
    ]
    trigger_word: Annotated[
        Annotated[str, Meta(max_length=100)] | None, _said("Put before each prompt; none where it is absent.")
    ] = None


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """What wording the answer again takes: the prompt as it was sent."""

    prompt: str = ""


def facts_of(stored: bytes) -> Facts:
    """Read back what a purchase froze on its job."""
    return msgspec.json.decode(stored, type=Facts)


def generation(request: GenerateRequest) -> Order:
    """The order of an edit. Raises InvalidField, Fault UNKNOWN_MODEL, or Fault INPUT_UNREACHABLE for a picture too many."""
    model = request.model
    if model not in MODELS:
        raise _unknown(model, f"must be one of {', '.join(MODELS)}")
    check_prompt(request.prompt, longest=MAX_PROMPT_CHARACTERS)
    draw = Draw(
        operation=OPERATION_IMAGE_TO_IMAGE,
        model=model,
        prompt=request.prompt,
        n=1,
        aspect_ratio=_ratio(request.aspect_ratio, model),
        resolution=_resolution(request.resolution, model),
        output_format=_FORMATS[request.output_format or "png"],
    )
    return _order(draw, _inputs(request.image_url, model))


def upscale(request: UpscaleRequest) -> Order:
    """The order of an enlargement. Its completion raises InvalidField for a picture that would become too large."""
    factor = request.scale_factor or 2
    draw = Draw(operation=OPERATION_UPSCALE, model=UPSCALER, n=1, options={"scale_factor": str(factor)})
    order = _order(draw, _inputs(request.image_url, UPSCALER))
    return replace(order, complete=partial(_enlarged, factor))


async def _enlarged(factor: int, purchase: Purchase, images: Sequence[Image], lens: Lens) -> None:
    """Give the draw its picture. Raises InvalidField, before tokens are taken, for one that would become larger than is kept."""
    width, height = images[0].width * factor, images[0].height * factor
    if width * height > KEPT.max_pixels or max(width, height) > KEPT.max_side:
        fault = InvalidField(
            "image_url",
            f"The picture at `image_url` would have {width}x{height} pixels, {factor} times as large; at most "
            f"{KEPT.max_pixels // 1_000_000} megapixels and {KEPT.max_side} a side are kept.",
        )
        fault.details["cause"] = "too_many_pixels"
        raise fault
    await attach(purchase, images, lens)


def custom(request: CustomRequest) -> Order:
    """The order of an edit by a model of one's own; whether there is one is the generator's to say. Raises as `generation` does."""
    if not request.model.startswith(CUSTOM):
        raise _unknown(request.model, f"must be the name of one of your models, `{CUSTOM}…`")
    check_prompt(request.prompt, longest=MAX_PROMPT_CHARACTERS)
    draw = Draw(
        operation=OPERATION_IMAGE_TO_IMAGE,
        model=request.model,
        prompt=request.prompt,
        n=1,
        aspect_ratio=_RATIOS[request.aspect_ratio or "SQUARE"],
        output_format=_FORMATS[request.output_format or "png"],
    )
    return _order(draw, _inputs(request.image_url, request.model))


def custom_model(request: CustomModelRequest) -> CustomModel:
    """The model to register; the generator checks the rest. Raises InvalidField."""
    check_text(request.trigger_word or "", longest=100, field="trigger_word")
    return CustomModel(
        name=request.name,
        provider=request.provider,
        base_model=request.base_model,
        weights_url=request.weights_url,
        trigger_word=request.trigger_word or "",
    )


def _order(draw: Draw, inputs: list[Input]) -> Order:
    facts = msgspec.json.encode(Facts(draw.prompt))
    return Order(Purchase(draws=(draw,), facts=facts, capture_at_start=True), inputs)


def _inputs(image_url: str | list[Any], model: str) -> list[Input]:
    one = isinstance(image_url, str)
    addresses = [image_url] if isinstance(image_url, str) else image_url
    most = 2 if model in _TWO_IMAGES else 1
    if not addresses:
        raise InvalidField("image_url", "`image_url` must name a picture.")
    if len(addresses) > most:
        taken = "one picture" if most == 1 else "at most 2 pictures"
        raise Fault(
            pb.REASON_INPUT_UNREACHABLE,
            f"`image_url` takes {taken} for {model}, not {len(addresses)}.",
            details={"field": f"image_url[{most}]", "cause": "too_many"},
        )
    return [
        Input("image_url" if one else f"image_url[{index}]", address, MAX_IMAGE_BYTES, _TAKEN)
        for index, address in enumerate(addresses)
    ]


def _ratio(asked: str | None, model: str) -> str:
    ratios = _SHAPELY_RATIOS if model in _SHAPELY else _RATIOS
    if asked is None:
        return ratios["SQUARE"]
    if asked not in ratios:
        raise InvalidField("aspect_ratio", f"`aspect_ratio` must be one of {', '.join(ratios)} for {model}.")
    return ratios[asked]


def _resolution(asked: str | None, model: str) -> str:
    if model not in _SHAPELY:
        if asked is not None:
            raise InvalidField(
                "resolution", f"`resolution` is only for {' and '.join(sorted(_SHAPELY))}, not for {model}."
            )
        return ""
    if asked is not None and asked not in _RESOLUTIONS:
        raise InvalidField("resolution", f"`resolution` must be one of {', '.join(_RESOLUTIONS)}.")
    return asked or _DEFAULT_RESOLUTION


def _unknown(model: str, demand: str) -> Fault:
    return Fault(
        pb.REASON_UNKNOWN_MODEL, f"`model` {demand}; there is no {model!r}.", details={"model": model, "field": "model"}
    )
