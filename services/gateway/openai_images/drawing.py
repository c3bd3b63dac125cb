"""A request of the Images API becomes a draw and the facts that its answer is worded from again. Pure.

Source: the specification's CreateImageRequest and its siblings; contract.md, "openai" and "Requests and answers".
"""

import msgspec

from gateway.openai_images.requests import (
    MAX_PROMPT_CHARACTERS,
    Drawing,
    EditFields,
    GenerationRequest,
    ResponseFormat,
    VariationFields,
)
from gateway.prompts import check_prompt
from gesso.generator.v1.generator_pb2 import (
    OPERATION_IMAGE_TO_IMAGE,
    OPERATION_INPAINT,
    OPERATION_TEXT_TO_IMAGE,
    Draw,
    Operation,
    Purchase,
)
from servicekit.faults import InvalidField

DALL_E_3 = "dall-e-3"
GPT_IMAGE = ("gpt-image-", "chatgpt-image-")
"""Beginnings of the names of the specification's GPT image models."""
_SHORTER_PROMPTS = {"dall-e-2": 1_000, DALL_E_3: 4_000}
_MAX_EDGE_PIXELS = 16_384
_VARIATION_PROMPT = "A variation of this picture: the same subject in the same style, composed anew."
"""Variations have no prompt of their own; they are emulated by drawing from the picture."""


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """What wording the answer again takes beside the job itself."""

    response_format: ResponseFormat
    quality: str = ""
    background: str = ""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Facts)


def facts_of(stored: bytes) -> Facts:
    """Read back what a purchase of this API froze on its job."""
    return _decoder.decode(stored)


def purchase_of(draw: Draw, response_format: ResponseFormat) -> Purchase:
    """The purchase of one draw, with the facts of its answer."""
    facts = Facts(response_format, _unless_auto(draw.quality), _unless_auto(draw.background))
    return Purchase(draws=(draw,), facts=_encoder.encode(facts))


def generation_draw(request: GenerationRequest, model: str) -> Draw:
    """The draw of a generation. Raises InvalidField."""
    draw = _draw(request, model, OPERATION_TEXT_TO_IMAGE)
    draw.style = request.style or ""
    return draw


def edit_draw(fields: EditFields, model: str, *, masked: bool) -> Draw:
    """The draw of an edit, without its pictures. Raises InvalidField."""
    draw = _draw(fields, model, OPERATION_INPAINT if masked else OPERATION_IMAGE_TO_IMAGE)
    if fields.input_fidelity is not None:
        draw.options["input_fidelity"] = fields.input_fidelity
    return draw


def variation_draw(fields: VariationFields, model: str) -> Draw:
    """The draw of a variation, without its picture. Raises InvalidField."""
    width, height = _pixels(fields.size)
    return Draw(
        operation=OPERATION_IMAGE_TO_IMAGE,
        model=model,
        prompt=_VARIATION_PROMPT,
        n=fields.n or 1,
        width=width,
        height=height,
        options={"safety_identifier": fields.user} if fields.user else {},
    )


def _draw(request: Drawing, model: str, operation: Operation.ValueType) -> Draw:
    check_prompt(request.prompt, longest=_SHORTER_PROMPTS.get(model, MAX_PROMPT_CHARACTERS), model=model)
    _check_output(request)
    width, height = _pixels(request.size)
    return Draw(
        operation=operation,
        model=model,
        prompt=request.prompt,
        n=request.n or 1,
        width=width,
        height=height,
        quality=request.quality or "",
        background=request.background or "",
        output_format=request.output_format or "",
        output_quality=_output_quality(request.output_compression),
        options=_options(request),
        partial_images=_partial_images(request),
    )


def _check_output(request: Drawing) -> None:
    lossy = request.output_format in ("jpeg", "webp")
    if request.output_compression is not None and request.output_compression < 100 and not lossy:
        raise InvalidField("output_compression", "`output_compression` below 100 needs `output_format` jpeg or webp.")
    if request.background == "transparent" and request.output_format == "jpeg":
        raise InvalidField("background", "A transparent `background` needs `output_format` png or webp.")


def _partial_images(request: Drawing) -> int:
    if request.partial_images and not request.stream:
        raise InvalidField("partial_images", "`partial_images` needs `stream` to be true.")
    return request.partial_images or 0


def _pixels(size: str | None) -> tuple[int, int]:
    """Width and height in pixels; (0, 0) leaves them to the model."""
    if size is None or size == "auto":
        return 0, 0
    width, _, height = size.partition("x")
    if max(int(width), int(height)) > _MAX_EDGE_PIXELS:
        raise InvalidField("size", f"`size` must have at most {_MAX_EDGE_PIXELS} pixels on an edge.")
    return int(width), int(height)


def _output_quality(compression: int | None) -> int:
    """A draw's quality begins at 1, since its 0 stands for the default."""
    return 0 if compression is None else max(compression, 1)


def _options(request: Drawing) -> dict[str, str]:
    given = {"moderation": request.moderation, "safety_identifier": request.safety_identifier or request.user}
    return {name: value for name, value in given.items() if value is not None}


def _unless_auto(word: str) -> str:
    return "" if word == "auto" else word
