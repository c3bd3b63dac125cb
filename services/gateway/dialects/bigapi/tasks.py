"""The shapes of tasks and requests: each provider's own parameters with the values that it takes.

A task has the shape of its provider, so that a parameter which only another provider knows is ignored like any unknown field.
Source: the BIG API document, "Provider Guide", and contract.md, "bigapi"; fal's schemas for the bounds of Qwen-Image's numbers.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from gateway.dialects.bigapi.ideogram import StylePreset
from gateway.dialects.bigapi.tokens import MAX_TOKENS

MAX_TASKS = 100
MAX_NEGATIVE_PROMPT_CHARACTERS = 5_000

_PIXELS = r"[1-9][0-9]{1,4}x[1-9][0-9]{1,4}"


def _said(text: str) -> Meta:
    return Meta(description=text)


NegativePrompt = Annotated[
    Annotated[str, Meta(max_length=MAX_NEGATIVE_PROMPT_CHARACTERS)] | None, _said("What is not to be seen.")
]


class Task(msgspec.Struct, frozen=True, omit_defaults=True, tag_field="provider"):
    """What every task has."""

    prompt: Annotated[str, _said(f"What the picture shows. At most {MAX_TOKENS} tokens.")]


class Dalle(Task, frozen=True, tag="dalle"):
    """DALL-E 3 (OpenAI)."""

    size: Annotated[
        Literal["1024x1024", "1024x1792", "1792x1024"] | None, _said("Width and height; 1024x1024 where it is absent.")
    ] = None


class Imagen4Ultra(Task, frozen=True, tag="imagen-4-ultra"):
    """Imagen 4 Ultra (Google)."""

    aspect_ratio: Annotated[Literal["1:1", "3:4", "4:3", "9:16", "16:9"] | None, _said("The picture's shape.")] = None
    image_size: Annotated[Literal["1K", "2K"] | None, _said("The picture's resolution.")] = None
    person_generation: Annotated[
        Literal["dont_allow", "allow_adult", "allow_all"] | None, _said("Whether people may be seen.")
    ] = None


class CustomSize(msgspec.Struct, frozen=True):
    """A size of one's own."""

    width: Annotated[int, Meta(ge=1024, le=4096)]
    height: Annotated[int, Meta(ge=1024, le=4096)]


class Seedream4(Task, frozen=True, tag="seedream-4"):
    """Seedream 4."""

    image_size: Annotated[
        Annotated[
            str,
            Meta(
                pattern=rf"^(square_hd|auto_2K|auto_4K|{_PIXELS})$",
                examples=["square_hd", "auto_2K", "auto_4K", "2048x1536"],
            ),
        ]
        | CustomSize
        | None,
        _said("A name, or a size of one's own with sides of 1024 to 4096 pixels."),
    ] = None
    enhance_prompt_mode: Annotated[Literal["standard", "fast"] | None, _said("How the prompt is worked out.")] = None
    enable_safety_checker: Annotated[bool | None, _said("Whether the vendor checks the picture.")] = None


class IdeogramV3(Task, frozen=True, tag="ideogram-v3"):
    """Ideogram V3."""

    rendering_speed: Annotated[Literal["TURBO", "BALANCED", "QUALITY"] | None, _said("Speed against quality.")] = None
    style: Annotated[Literal["AUTO", "GENERAL", "REALISTIC", "DESIGN"] | None, _said("The kind of picture.")] = None
    style_preset: Annotated[StylePreset | None, _said("One of the vendor's ready styles.")] = None
    negative_prompt: NegativePrompt = None


class GptImage1(Task, frozen=True, tag="gpt-image-1"):
    """GPT Image 1 (OpenAI), drawn with a key of the caller's own."""

    image_size: Annotated[
        Literal["auto", "1024x1024", "1536x1024", "1024x1536"] | None, _said("`auto` leaves it to the model.")
    ] = None
    quality: Annotated[Literal["auto", "low", "medium", "high"] | None, _said("`auto` leaves it to the model.")] = None
    background: Annotated[Literal["auto", "transparent", "opaque"] | None, _said("What is behind the motif.")] = None
    openai_api_key: Annotated[
        Annotated[str, Meta(pattern=r"^[!-~]{1,500}$", examples=["sk-..."])] | None,
        _said("Your key at OpenAI, used for this task alone and never stored. Required unless one is stored here."),
    ] = None


class Flux(Task, frozen=True, tag="flux-kontext"):
    """FLUX Kontext."""

    aspect_ratio: Annotated[
        Literal["1:1", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4", "9:16"] | None, _said("The picture's shape.")
    ] = None


class FluxDev(Flux, frozen=True, tag="flux-dev"):
    """FLUX dev."""


class QwenImage(Task, frozen=True, tag="qwen-image"):
    """Qwen-Image."""

    image_size: Annotated[
        Literal["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"] | None,
        _said("The picture's shape and size."),
    ] = None
    guidance_scale: Annotated[
        Annotated[float, Meta(ge=0, le=20)] | None, _said("How closely the prompt is followed; 2.5 where it is absent.")
    ] = None
    acceleration: Annotated[Literal["none", "regular", "high"] | None, _said("Speed against quality.")] = None
    negative_prompt: NegativePrompt = None
    num_inference_steps: Annotated[
        Annotated[int, Meta(ge=1, le=250)] | None, _said("How many steps are taken; 30 where it is absent.")
    ] = None


class Imagen4(Task, frozen=True, tag="imagen-4"):
    """Imagen 4 (Google), and every provider that has no section of its own: a size by any of three names."""

    size: Annotated[
        Annotated[str, Meta(pattern=rf"^(auto|{_PIXELS})$", examples=["auto", "1024x768"])] | None,
        _said("Width and height, up to the provider's maximum resolution. It goes before the other two."),
    ] = None
    aspect_ratio: Annotated[
        Literal["1:1", "3:4", "4:3", "9:16", "16:9", "21:9", "2:3", "3:2", "4:5", "5:4"] | None,
        _said("The picture's shape."),
    ] = None
    image_size: Annotated[
        Annotated[
            str,
            Meta(
                pattern=rf"^(auto|[124]K|square(_hd)?|(portrait|landscape)_(4_3|16_9)|{_PIXELS})$",
                examples=["1K", "landscape_4_3", "1024x768"],
            ),
        ]
        | None,
        _said("A resolution, a name, or width and height, up to the provider's maximum resolution."),
    ] = None


class Imagen4Fast(Imagen4, frozen=True, tag="imagen-4-fast"):
    """Imagen 4 Fast (Google)."""


class Imagen3(Imagen4, frozen=True, tag="imagen-3"):
    """Imagen 3 (Google)."""


class Seedream3(Imagen4, frozen=True, tag="seedream-3"):
    """Seedream 3."""


class Minimax(Imagen4, frozen=True, tag="minimax"):
    """MiniMax."""


class Gemini(Imagen4, frozen=True, tag="gemini"):
    """Gemini (Google)."""


class Reve(Imagen4, frozen=True, tag="reve"):
    """Reve."""


AnyTask = (
    Dalle
    | Imagen4Ultra
    | GptImage1
    | IdeogramV3
    | Imagen4
    | Flux
    | Seedream4
    | Seedream3
    | Minimax
    | Imagen4Fast
    | FluxDev
    | Imagen3
    | QwenImage
    | Gemini
    | Reve
)


class JobRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What to draw. A field that is null is absent, one that is not listed is ignored."""

    tasks: Annotated[list[AnyTask], Meta(min_length=1, max_length=MAX_TASKS), _said("One picture each.")]
    respond_async: Annotated[bool | None, _said("With true the call is answered at once by 202.")] = msgspec.field(
        default=None, name="async"
    )
