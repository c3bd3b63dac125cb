"""The shapes of this API's generations: the same fields for all three operations, each in the order of its own example.

Source: imagegen-v2.md, "Image Generation Endpoints"; contract.md, "imagegen", Generation.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from gateway.dialects.imagegen.faults import ErrorObject

StatusWord = Literal["queued", "running", "completed", "failed", "cancelled"]


def _said(text: str) -> Meta:
    return Meta(description=text)


class Region(msgspec.Struct, frozen=True):
    """A box around what was repainted, in pixels of the result."""

    x: int
    y: int
    width: int
    height: int


class Cost(msgspec.Struct, frozen=True):
    """What is charged."""

    credits: Annotated[int | float, _said("At 0.02 US dollars each.")]
    usd: Annotated[float, _said("In US dollars.")]


class Analysis(msgspec.Struct, frozen=True):
    """What is measured of a source picture; null for what no installed model could tell."""

    dominant_colors: Annotated[list[str] | None, _said("As `#FF5733`, by area, at most 5.")]
    detected_objects: Annotated[list[str] | None, _said("Null unless a detection model is installed.")] = None
    style: Annotated[str | None, _said("Null unless a classification model is installed.")] = None


class SourceImage(msgspec.Struct, frozen=True):
    """The source picture."""

    url: Annotated[
        str | None, _said("Its address as it was sent; a link to the kept copy where it was sent otherwise.")
    ]
    analysis: Analysis


_PictureId = Annotated[str, _said("The picture's id.")]
_Url = Annotated[str | UnsetType, Meta(description="A signed link, valid for a day.")]
_Base64 = Annotated[
    str | UnsetType,
    Meta(description="The file, where `return_type` is base64.", extra_json_schema={"contentEncoding": "base64"}),
]
_Width = Annotated[int, _said("In pixels.")]
_Bytes = Annotated[int, _said("Of the file.")]
_Format = Annotated[str, _said("png, jpg or webp.")]
_Nsfw = Annotated[float | None, _said("0 to 1; null unless a scoring model is installed.")]
_Aesthetic = Annotated[float | None, _said("0 to 10; null unless a scoring model is installed.")]
_Transformations = Annotated[list[str], _said("What was done to it after it was drawn, as `resize`.")]
_Seed = Annotated[int | None, _said("With which it was drawn, where that is known.")]
_Area = Annotated[float | UnsetType | None, _said("Per cent of the picture that the mask repaints.")]
_Regions = Annotated[list[Region] | UnsetType | None, _said("Boxes around the repainted parts, largest first.")]


class DrawnImage(msgspec.Struct, frozen=True, kw_only=True):
    """A picture from a text."""

    id: _PictureId
    url: _Url = UNSET
    base64: _Base64 = UNSET
    width: _Width
    height: _Width
    size_bytes: _Bytes
    format: _Format
    nsfw_score: _Nsfw
    aesthetic_score: _Aesthetic
    transformations_applied: _Transformations
    mask_area_percentage: _Area = UNSET
    inpainted_regions: _Regions = UNSET
    seed: _Seed
    image_id: _PictureId


class ChangedImage(msgspec.Struct, frozen=True, kw_only=True):
    """A picture from a picture."""

    id: _PictureId
    url: _Url = UNSET
    base64: _Base64 = UNSET
    width: _Width
    height: _Width
    transformations_applied: _Transformations
    mask_area_percentage: _Area = UNSET
    inpainted_regions: _Regions = UNSET
    size_bytes: _Bytes
    format: _Format
    nsfw_score: _Nsfw
    aesthetic_score: _Aesthetic
    seed: _Seed
    image_id: _PictureId


class InpaintedImage(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of which a part was drawn anew."""

    id: _PictureId
    url: _Url = UNSET
    base64: _Base64 = UNSET
    mask_area_percentage: _Area = UNSET
    inpainted_regions: _Regions = UNSET
    width: _Width
    height: _Width
    size_bytes: _Bytes
    format: _Format
    nsfw_score: _Nsfw
    aesthetic_score: _Aesthetic
    transformations_applied: _Transformations
    seed: _Seed
    image_id: _PictureId


_GenerationId = Annotated[str, _said("`gen_…`, for inpainting `inp_…`.")]
_Began = Annotated[str, _said("When it was accepted, in UTC.")]
_Ended = Annotated[str | None, _said("When it ended; null before.")]
_Model = Annotated[str, _said("As it was asked for.")]
_Metadata = Annotated[dict[str, Any], _said("Yours, as it was sent.")]
_Prompt = Annotated[str, _said("The effective prompt: with the words of `style`, or as the vendor's model rewrote it.")]
_Warnings = Annotated[list[str], _said("What was ignored, and what was done otherwise than asked.")]
_Provider = Annotated[str | None, _said("Who drew it; null before.")]
_Upstream = Annotated[str | None, _said("The model that really ran; null before.")]
_Source = Annotated[SourceImage | UnsetType, _said("Where there was a source picture.")]
_Error = Annotated[ErrorObject | UnsetType, _said("Why it failed.")]


class DrawnGeneration(msgspec.Struct, frozen=True, kw_only=True):
    """A generation from a text."""

    id: _GenerationId
    status: StatusWord
    created_at: _Began
    completed_at: _Ended
    model: _Model
    images: list[DrawnImage]
    cost: Cost
    metadata: _Metadata
    revised_prompt: _Prompt
    warnings: _Warnings
    provider: _Provider
    upstream_model: _Upstream
    source_image: _Source = UNSET
    error: _Error = UNSET


class ChangedGeneration(msgspec.Struct, frozen=True, kw_only=True):
    """A generation from a picture."""

    id: _GenerationId
    status: StatusWord
    created_at: _Began
    completed_at: _Ended
    source_image: _Source = UNSET
    images: list[ChangedImage]
    model: _Model
    cost: Cost
    metadata: _Metadata
    revised_prompt: _Prompt
    warnings: _Warnings
    provider: _Provider
    upstream_model: _Upstream
    error: _Error = UNSET


class InpaintedGeneration(msgspec.Struct, frozen=True, kw_only=True):
    """An inpainting."""

    id: _GenerationId
    status: StatusWord
    images: list[InpaintedImage]
    created_at: _Began
    completed_at: _Ended
    model: _Model
    cost: Cost
    metadata: _Metadata
    revised_prompt: _Prompt
    warnings: _Warnings
    provider: _Provider
    upstream_model: _Upstream
    source_image: _Source = UNSET
    error: _Error = UNSET


Image = DrawnImage | ChangedImage | InpaintedImage
Generation = DrawnGeneration | ChangedGeneration | InpaintedGeneration


class Accepted(msgspec.Struct, frozen=True):
    """A generation that goes on."""

    id: _GenerationId
    status: Literal["queued"]
    created_at: _Began
    model: _Model
    status_url: Annotated[str, Meta(description="Where to ask again.", extra_json_schema={"format": "uri"})]


class DryRun(msgspec.Struct, frozen=True):
    """The highest price of a purchase that was not made."""

    dry_run: Literal[True]
    cost: Cost
