"""PixelDojo's one request: its fields, and the purchase that it stands for.

Source: the PixelDojo API document, "Request Parameters" and "Example Request for Flux Dev Single LoRA Model"; contract.md,
"pixeldojo".
"""

import re
from math import sqrt
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.prompts import check_prompt
from gesso.generator.v1.generator_pb2 import OPERATION_TEXT_TO_IMAGE, Draw, Purchase
from servicekit.faults import InvalidField

MAX_PROMPT_CHARACTERS = 10_000
KEEP_SECONDS = 86_400
"""The files themselves are deleted then."""
LORA_MODEL = "flux-dev-single-lora"
_ULTRA = "flux-1.1-pro-ultra"
_ALIASES = {"flux-dev": LORA_MODEL}
_FORMATS = {"png": "png", "jpg": "jpeg", "webp": "webp"}
_WEIGHTS = re.compile(r"https://[^\s/?#]+/\S*\.safetensors(\?\S*)?|[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_MEGAPIXEL = 1024 * 1024
_SIDE_STEP = 16

Model = Literal["flux-pro", "flux-1.1-pro", "flux-1.1-pro-ultra", "flux-dev-single-lora", "flux-dev"]
AspectRatio = Literal["1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3"]


def _said(text: str) -> Meta:
    return Meta(description=text)


class FluxRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to draw. A field that is null is absent, one that is not listed is ignored."""

    prompt: Annotated[
        str, Meta(min_length=1, max_length=MAX_PROMPT_CHARACTERS), _said("What the pictures show, in detail.")
    ]
    model: Annotated[
        Model | None, _said("`flux-pro` where it is absent; `flux-dev` is another name of `flux-dev-single-lora`.")
    ] = None
    raw: Annotated[bool | None, _said("Less processed pictures; only flux-1.1-pro-ultra has them.")] = None
    aspect_ratio: Annotated[AspectRatio | None, _said("Width to height; `1:1` where it is absent.")] = None
    num_outputs: Annotated[
        Annotated[int, Meta(ge=1, le=4)] | None, _said("How many pictures; 1 where it is absent.")
    ] = None
    seed: Annotated[
        Annotated[int, Meta(ge=0, le=4_294_967_295)] | None, _said("For results that can be had again.")
    ] = None
    output_format: Annotated[Literal["png", "jpg", "webp"] | None, _said("`png` where it is absent.")] = None
    output_quality: Annotated[
        Annotated[int, Meta(ge=1, le=100)] | None, _said("Of jpg and webp; 80 where it is absent.")
    ] = None
    lora_weights: Annotated[
        Annotated[str, Meta(min_length=1, max_length=2_000)] | None,
        _said("An https address of a `.safetensors` file, or `owner/repo`; only for flux-dev-single-lora."),
    ] = None
    lora_scale: Annotated[
        Annotated[float, Meta(ge=0, le=2)] | None,
        _said("How strongly the LoRA works; 0.7 where it is absent. Only for flux-dev-single-lora."),
    ] = None
    num_inference_steps: Annotated[
        Annotated[int, Meta(ge=1, le=50)] | None, _said("28 where it is absent, for flux-dev-single-lora.")
    ] = None
    guidance_scale: Annotated[
        Annotated[float, Meta(ge=0, le=10)] | None, _said("3.5 where it is absent, for flux-dev-single-lora.")
    ] = None
    megapixels: Annotated[Literal["0.25", "1"] | None, _said("The size of a picture; `1` where it is absent.")] = None
    go_fast: Annotated[bool | None, _said("Must be false for flux-dev-single-lora.")] = None


def purchase(request: FluxRequest) -> Purchase:
    """The purchase of a request. Raises InvalidField."""
    check_prompt(request.prompt, longest=MAX_PROMPT_CHARACTERS)
    model = _ALIASES.get(request.model or "", request.model or "flux-pro")
    _check_model(request, model)
    ratio = request.aspect_ratio or "1:1"
    draw = Draw(
        operation=OPERATION_TEXT_TO_IMAGE,
        model=model,
        prompt=request.prompt,
        n=request.num_outputs or 1,
        aspect_ratio=ratio,
        output_format=_FORMATS[request.output_format or "png"],
        output_quality=request.output_quality or 80,
        seed=request.seed,
        options={"raw": "true"} if request.raw else {},
    )
    if request.megapixels == "0.25":
        draw.width, draw.height = size_of(ratio, _MEGAPIXEL // 4)
    if model == LORA_MODEL:
        _add_lora(draw, request)
    else:
        _add_given(draw, request)
    return Purchase(draws=(draw,), keep_seconds=KEEP_SECONDS)


def _check_model(request: FluxRequest, model: str) -> None:
    if request.raw and model != _ULTRA:
        raise InvalidField("raw", f"`raw` is only supported for {_ULTRA}, not for {model}.")
    for field in ("lora_weights", "lora_scale"):
        if model != LORA_MODEL and getattr(request, field) is not None:
            raise InvalidField(field, f"`{field}` is only supported for {LORA_MODEL}, not for {model}.")
    if model != LORA_MODEL:
        return
    if request.go_fast:
        raise InvalidField("go_fast", f"`go_fast` must be false for {LORA_MODEL}.")
    if request.lora_weights is not None and not _WEIGHTS.fullmatch(request.lora_weights):
        raise InvalidField(
            "lora_weights", "`lora_weights` must be an https address of a `.safetensors` file, or `owner/repo`."
        )


def _add_lora(draw: Draw, request: FluxRequest) -> None:
    if request.lora_weights is not None:
        draw.lora_weights = request.lora_weights
        draw.lora_scale = 0.7 if request.lora_scale is None else request.lora_scale
    draw.steps = 28 if request.num_inference_steps is None else request.num_inference_steps
    draw.guidance = 3.5 if request.guidance_scale is None else request.guidance_scale


def _add_given(draw: Draw, request: FluxRequest) -> None:
    if request.num_inference_steps is not None:
        draw.steps = request.num_inference_steps
    if request.guidance_scale is not None:
        draw.guidance = request.guidance_scale
    if request.go_fast:
        draw.options["go_fast"] = "true"


def size_of(ratio: str, pixels: int) -> tuple[int, int]:
    """Width and height of about so many pixels at a ratio, as multiples of 16."""
    across, _, down = ratio.partition(":")
    width = sqrt(pixels * int(across) / int(down))
    height = width * int(down) / int(across)
    return round(width / _SIDE_STEP) * _SIDE_STEP, round(height / _SIDE_STEP) * _SIDE_STEP
