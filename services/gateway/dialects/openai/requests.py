"""OpenAI's image requests: their fields, and the purchase that each of them stands for.

Source: the specification's CreateImageRequest, the official SDK's parameters, and contract.md, "openai".
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.prompts import check_prompt
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import OPERATION_TEXT_TO_IMAGE, Draw, Purchase
from servicekit.faults import Fault, InvalidField

MAX_PROMPT_CHARACTERS = 32_000
_SHORTER_PROMPTS = {"dall-e-2": 1_000, "dall-e-3": 4_000}
_BASE64_BY_DEFAULT = ("gpt-image-", "chatgpt-image-")
"""Beginnings of the models whose vendor always answers base64; every other model answers links unless asked."""
_MAX_EDGE_PIXELS = 16_384

ResponseFormat = Literal["url", "b64_json"]


def _said(text: str) -> Meta:
    return Meta(description=text)


class GenerationRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to draw. A field that is null is absent, one that is not listed is ignored."""

    prompt: Annotated[
        str,
        Meta(min_length=1, max_length=MAX_PROMPT_CHARACTERS),
        _said("What the pictures show. At most 1000 characters for dall-e-2, 4000 for dall-e-3."),
    ]
    model: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)] | None,
        _said("A model of `GET /v1/models`; the platform's default where it is absent."),
    ] = None
    n: Annotated[Annotated[int, Meta(ge=1, le=10)] | None, _said("How many pictures; 1 where it is absent.")] = None
    size: Annotated[
        Annotated[str, Meta(pattern=r"^(auto|[1-9]\d{0,4}x[1-9]\d{0,4})$", examples=["auto", "1024x1024"])] | None,
        _said("Width and height in pixels, as the model knows them; `auto` leaves them to it."),
    ] = None
    quality: Annotated[
        Literal["auto", "low", "medium", "high", "standard", "hd", "xhigh", "max"] | None,
        _said("As the model knows it: `standard` and `hd` are dall-e-3's."),
    ] = None
    style: Annotated[Literal["vivid", "natural"] | None, _said("For dall-e-3.")] = None
    background: Annotated[
        Literal["auto", "transparent", "opaque"] | None, _said("`transparent` needs png or webp.")
    ] = None
    moderation: Annotated[Literal["auto", "low"] | None, _said("How strict the vendor's own filter is.")] = None
    output_format: Annotated[Literal["png", "jpeg", "webp"] | None, _said("The form of the files.")] = None
    output_compression: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None, _said("The quality of jpeg and webp, 100 is the best.")
    ] = None
    response_format: Annotated[
        ResponseFormat | None,
        _said("Links or bytes; where it is absent, bytes for models named `gpt-image-…`, links for all others."),
    ] = None
    user: Annotated[Annotated[str, Meta(max_length=512)] | None, _said("The older name of `safety_identifier`.")] = None
    safety_identifier: Annotated[
        Annotated[str, Meta(max_length=512)] | None,
        _said("Your name for your end user. The vendor is given a hash that does not tell who it is."),
    ] = None
    stream: Annotated[bool | None, _said("Not served yet: true is answered by 501.")] = None
    partial_images: Annotated[
        Annotated[int, Meta(ge=0, le=3)] | None, _said("How many pictures a stream shows on the way.")
    ] = None


class Facts(msgspec.Struct, frozen=True, array_like=True):
    """What wording the answer again takes beside the job itself."""

    response_format: ResponseFormat
    quality: str = ""
    background: str = ""


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Facts)


def facts_of(stored: bytes) -> Facts:
    """Read back what `purchase` froze on the job."""
    return _decoder.decode(stored)


def purchase(request: GenerationRequest, *, default_model: str) -> Purchase:
    """The purchase of a generation. Raises InvalidField, or Fault NOT_IMPLEMENTED for a stream."""
    model = request.model or default_model
    check_prompt(request.prompt, longest=_SHORTER_PROMPTS.get(model, MAX_PROMPT_CHARACTERS), model=model)
    _check_output(request)
    if request.stream:
        raise Fault(
            pb.REASON_NOT_IMPLEMENTED, "Streaming is not served yet: leave `stream` out.", details={"field": "stream"}
        )
    width, height = _pixels(request.size)
    draw = Draw(
        operation=OPERATION_TEXT_TO_IMAGE,
        model=model,
        prompt=request.prompt,
        n=request.n or 1,
        width=width,
        height=height,
        quality=request.quality or "",
        style=request.style or "",
        background=request.background or "",
        output_format=request.output_format or "",
        output_quality=_output_quality(request.output_compression),
        options=_options(request),
    )
    return Purchase(draws=(draw,), facts=_encoder.encode(_facts(request, model)))


def _facts(request: GenerationRequest, model: str) -> Facts:
    default: ResponseFormat = "b64_json" if model.startswith(_BASE64_BY_DEFAULT) else "url"
    return Facts(request.response_format or default, _unless_auto(request.quality), _unless_auto(request.background))


def _unless_auto(word: str | None) -> str:
    return "" if word is None or word == "auto" else word


def _check_output(request: GenerationRequest) -> None:
    lossy = request.output_format in ("jpeg", "webp")
    if request.output_compression is not None and request.output_compression < 100 and not lossy:
        raise InvalidField("output_compression", "`output_compression` below 100 needs `output_format` jpeg or webp.")
    if request.background == "transparent" and request.output_format == "jpeg":
        raise InvalidField("background", "A transparent `background` needs `output_format` png or webp.")


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


def _options(request: GenerationRequest) -> dict[str, str]:
    given = {"moderation": request.moderation, "safety_identifier": request.safety_identifier or request.user}
    return {name: value for name, value in given.items() if value is not None}
