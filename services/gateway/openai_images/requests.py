"""The requests of the Images API: fields with their bounds, for JSON and for forms alike.

Source: the specification's CreateImageRequest, CreateImageEditRequest, EditImageBodyJsonParam and CreateImageVariationRequest.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAX_PROMPT_CHARACTERS = 32_000
MOST_IMAGES = 16
_LONGEST_ADDRESS = 40_000_000
"""Characters of a `data:` URI: more than the largest picture that is taken has in base64."""

ResponseFormat = Literal["url", "b64_json"]
Size = Annotated[str, Meta(pattern=r"^(auto|[1-9]\d{0,4}x[1-9]\d{0,4})$", examples=["auto", "1024x1024"])]
ModelName = Annotated[str, Meta(min_length=1, max_length=200)]
Count = Annotated[int, Meta(ge=1, le=10)]
EndUser = Annotated[str, Meta(max_length=512)]
Base64File = Annotated[str, Meta(extra_json_schema={"format": "binary"})]


def said(text: str) -> Meta:
    """What the documentation says of a field."""
    return Meta(description=text)


class Drawing(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What generations and edits have in common. A field that is null is absent, one that is not listed is ignored."""

    prompt: Annotated[
        str,
        Meta(min_length=1, max_length=MAX_PROMPT_CHARACTERS),
        said("What the pictures show. At most 1000 characters for dall-e-2, 4000 for dall-e-3."),
    ]
    model: Annotated[ModelName | None, said("A model of `GET …/models`; the default where it is absent.")] = None
    n: Annotated[Count | None, said("How many pictures; 1 where it is absent.")] = None
    size: Annotated[
        Size | None, said("Width and height in pixels, as the model knows them; `auto` leaves them to it.")
    ] = None
    quality: Annotated[
        Literal["auto", "low", "medium", "high", "standard", "hd", "xhigh", "max"] | None,
        said("As the model knows it: `standard` and `hd` are dall-e-3's."),
    ] = None
    background: Annotated[Literal["auto", "transparent", "opaque"] | None, said("`transparent` needs png or webp.")] = (
        None
    )
    moderation: Annotated[Literal["auto", "low"] | None, said("How strict the vendor's own filter is.")] = None
    output_format: Annotated[Literal["png", "jpeg", "webp"] | None, said("The form of the files.")] = None
    output_compression: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None, said("The quality of jpeg and webp, 100 is the best.")
    ] = None
    response_format: Annotated[ResponseFormat | None, said("Links or bytes.")] = None
    user: Annotated[EndUser | None, said("The older name of `safety_identifier`.")] = None
    safety_identifier: Annotated[
        EndUser | None,
        said("Your name for your end user. The vendor is given a hash that does not tell who it is."),
    ] = None
    stream: Annotated[
        bool | None, said("With true the answer is a stream of server-sent events, each with a picture in base64.")
    ] = None
    partial_images: Annotated[
        Annotated[int, Meta(ge=0, le=3)] | None,
        said("How many unfinished pictures a stream shows on the way; fewer may come."),
    ] = None


class GenerationRequest(Drawing, frozen=True, omit_defaults=True, kw_only=True):
    """What to draw."""

    style: Annotated[Literal["vivid", "natural"] | None, said("For dall-e-3.")] = None


class ImageReference(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A picture by its address or by its id: exactly one of the two."""

    image_url: Annotated[
        Annotated[str, Meta(min_length=1, max_length=_LONGEST_ADDRESS)] | None,
        said("An https address, or a base64 `data:` URI."),
    ] = None
    file_id: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)] | None, said("The id of one of your images, as `img_…`.")
    ] = None


Fidelity = Literal["high", "low"]


class EditFields(Drawing, frozen=True, omit_defaults=True, kw_only=True):
    """What to make of the pictures of an edit, as a form says it beside its files."""

    input_fidelity: Annotated[
        Fidelity | None, said("How closely to keep to the pictures, for models that know it.")
    ] = None


class EditRequest(EditFields, frozen=True, omit_defaults=True, kw_only=True):
    """An edit as JSON: its pictures by address or id."""

    images: Annotated[list[ImageReference], Meta(min_length=1, max_length=MOST_IMAGES), said("The pictures to change.")]
    mask: Annotated[
        ImageReference | None, said("A PNG as large as the first picture: where it is transparent is repainted.")
    ] = None


class EditForm(EditFields, frozen=True, omit_defaults=True, kw_only=True):
    """An edit as a form; only described by this type, its files are read apart."""

    image: Annotated[Base64File, said("PNG, JPEG or WebP; up to 16, each under the name `image` or `image[]`.")]
    mask: Annotated[
        Base64File | None, said("A PNG as large as the first picture: where it is transparent is repainted.")
    ] = None


class VariationFields(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How to vary a picture, as a form says it beside its file."""

    model: Annotated[ModelName | None, said("A model that draws from pictures; the default where it is absent.")] = None
    n: Annotated[Count | None, said("How many pictures; 1 where it is absent.")] = None
    size: Annotated[Size | None, said("Width and height in pixels, as the model knows them.")] = None
    response_format: Annotated[ResponseFormat | None, said("Links or bytes; links where it is absent.")] = None
    user: Annotated[EndUser | None, said("Your name for your end user.")] = None


class VariationRequest(VariationFields, frozen=True, omit_defaults=True, kw_only=True):
    """A variation as JSON: its picture by address or id."""

    image: Annotated[ImageReference, said("The picture to vary: a square PNG.")]


class VariationForm(VariationFields, frozen=True, omit_defaults=True, kw_only=True):
    """A variation as a form; only described by this type, its file is read apart."""

    image: Annotated[Base64File, said("The picture to vary: a square PNG.")]
