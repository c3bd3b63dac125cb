"""The bodies of this API's generations, and the bounds of their fields.

Source: imagegen-v2.md, "Image Generation Endpoints"; contract.md, "imagegen", Generation.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

MAX_PROMPT_CHARACTERS = 1_000
LARGEST_SEED = 4_294_967_295
LEAST_SIDE, MOST_SIDE, SIDE_STEP = 64, 2_048, 8


def _said(text: str) -> Meta:
    return Meta(description=text)


_Side = Annotated[int, Meta(ge=LEAST_SIDE, le=MOST_SIDE, multiple_of=SIDE_STEP)]
_Word = Annotated[str, Meta(max_length=100)]
_Origin = Annotated[str, Meta(min_length=1)]
_ORIGIN = "By https address, `data:` URI, or the id of one of your images; at most 25 MB and 64 megapixels."


class Parameters(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How to draw. What the model's provider cannot give is told in `warnings`."""

    width: Annotated[
        _Side | None,
        _said("Of the results, in pixels; the source's where there is one, else that of the preferences."),
    ] = None
    height: Annotated[_Side | None, _said("As `width`.")] = None
    num_outputs: Annotated[
        Annotated[int, Meta(ge=1, le=4)] | None, _said("How many pictures; 1 where it is absent.")
    ] = None
    num_inference_steps: Annotated[
        Annotated[int, Meta(ge=10, le=150)] | None, _said("Denoising steps; the model's own where it is absent.")
    ] = None
    guidance_scale: Annotated[
        Annotated[float, Meta(ge=1, le=20)] | None,
        _said("How closely the prompt is followed; the model's own where it is absent."),
    ] = None
    scheduler: Annotated[_Word | None, _said("As `DPMSolverMultistep`. An unknown one is a warning.")] = None
    seed: Annotated[
        Annotated[int, Meta(ge=-1, le=LARGEST_SEED)] | None,
        _said("Picture i is drawn with seed + i; -1 means any."),
    ] = None
    sampler: Annotated[_Word | None, _said("As `k_euler_a`. An unknown one is a warning.")] = None


class Style(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Words that are worked into the prompt; an unknown one is a warning."""

    preset: Annotated[_Word | None, _said("As `photorealistic`, `anime`, `cinematic` or `watercolor`.")] = None
    artistic_style: Annotated[_Word | None, _said("As `impressionist`, `cubist` or `art_deco`.")] = None
    lighting: Annotated[_Word | None, _said("As `golden_hour`, `studio` or `dramatic`.")] = None
    camera_angle: Annotated[_Word | None, _said("As `wide_angle`, `close_up` or `aerial`.")] = None


class Output(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The form of the files."""

    format: Annotated[Literal["png", "jpg", "jpeg", "webp"] | None, _said("png where it is absent.")] = None
    quality: Annotated[Annotated[int, Meta(ge=1, le=100)] | None, _said("Of jpg and webp; 90 where it is absent.")] = (
        None
    )
    return_type: Annotated[
        Literal["url", "base64"] | None, _said("Links, or the files themselves in `base64`; url where it is absent.")
    ] = None


class Generation(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What every generation takes. A field that is null is absent, one that is not listed is ignored."""

    prompt: Annotated[
        str, Meta(min_length=1, max_length=MAX_PROMPT_CHARACTERS), _said("Text description of the desired image.")
    ]
    negative_prompt: Annotated[
        Annotated[str, Meta(max_length=10_000)] | None, _said("Things to avoid in the generation.")
    ] = None
    model: Annotated[
        Annotated[str, Meta(min_length=1, max_length=200)] | None,
        _said("A model of `GET /api/v2/models`; that of the preferences where it is absent."),
    ] = None
    parameters: Parameters | None = None
    style: Style | None = None
    output: Output | None = None
    webhook_url: Annotated[
        Annotated[str, Meta(min_length=1)] | None,
        _said("An https address that is told of the end; the call is answered at once by 202."),
    ] = None
    metadata: Annotated[
        dict[str, Any] | None,
        _said("Yours, echoed: at most 16 KB, `tags` at most 32 of 50 characters."),
    ] = None


class TextToImage(Generation, frozen=True, omit_defaults=True, kw_only=True):
    """Pictures from a text."""


class Preserve(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What of the source stays."""

    structure: Annotated[bool | None, _said("Lowers the strength that is handed on.")] = None
    colors: Annotated[bool | None, _said("Gives the results the source's colour statistics.")] = None
    style: Annotated[bool | None, _said("Asks for the source's style.")] = None


class ImageToImage(Generation, frozen=True, omit_defaults=True, kw_only=True):
    """Pictures from a picture and a text."""

    init_image: Annotated[_Origin, _said("The source. " + _ORIGIN)]
    strength: Annotated[
        Annotated[float, Meta(ge=0, le=1)] | None,
        _said("How far the results may leave the source; 0.75 where it is absent."),
    ] = None
    preserve: Preserve | None = None


class Inpaint(Generation, frozen=True, omit_defaults=True, kw_only=True):
    """A picture of which a part is drawn anew."""

    init_image: Annotated[_Origin, _said("The source. " + _ORIGIN)]
    mask_image: Annotated[
        _Origin, _said("White is repainted; a mask of another size is scaled. Given as `init_image` is.")
    ]
    inpaint_mode: Annotated[
        Literal["original", "fill", "latent_noise", "latent_nothing"] | None,
        _said("What stands under the mask when drawing begins; `original` where it is absent."),
    ] = None
    mask_blur: Annotated[
        Annotated[int, Meta(ge=0, le=64)] | None, _said("By how many pixels the mask's edge is softened.")
    ] = None
    preserve_masked_area: Annotated[bool | None, _said("With true, black is repainted and white stays.")] = None
