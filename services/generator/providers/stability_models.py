"""What Stability AI's operations take, as data: a path and a line of inputs for each, in the notation of filling.py.

Source: platform.stability.ai (REST v2beta) by way of the clients litellm 1.109.1 and ComfyUI, as of 2026-11-20. What a model of a
route is called here is the vendor's model or the operation's own name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

_SEEDED = "seed=0..4294967294 output_format=png,jpeg,webp"
_RATIOS = "aspect_ratio=16:9,1:1,21:9,2:3,3:2,4:5,5:4,9:16,9:21"
_PRESETS = (
    "style_preset=3d-model,analog-film,anime,cinematic,comic-book,digital-art,enhance,fantasy-art,isometric,line-art,low-poly,"
    "modeling-compound,neon-punk,origami,photographic,pixel-art,tile-texture"
)
_STYLED = f"negative_prompt {_PRESETS} {_SEEDED}"
_SD3 = f"prompt* negative_prompt cfg_scale=1..10 {_PRESETS} seed=0..4294967294 output_format=png,jpeg"
_GROWN = "grow_mask:num=0..100"
_SIDES = "left:num=0..2000 right:num=0..2000 up:num=0..2000 down:num=0..2000"


@dataclass(frozen=True, slots=True)
class Call:
    """One operation: below `v2beta/stable-image`, with fields that are always the same."""

    path: str
    inputs: str
    fixed: Mapping[str, str] = field(default_factory=dict)
    is_queued: bool = False
    """Answered with an id, by which the picture is asked for."""
    with_picture: "Call | None" = None
    """What is called instead for an order with an input picture."""


def _sd3(model: str) -> Call:
    """A model of the third generation: a picture goes in by another mode, that keeps the picture's shape."""
    edit = Call("generate/sd3", f"image* strength {_SD3}", {"model": model, "mode": "image-to-image"})
    fixed = {"model": model, "mode": "text-to-image"}
    return Call("generate/sd3", f"{_RATIOS} {_SD3}", fixed, with_picture=edit)


CALLS: Mapping[str, Call] = {
    "core": Call("generate/core", f"prompt* {_RATIOS} {_STYLED}"),
    "ultra": Call("generate/ultra", f"prompt* image strength {_RATIOS} {_STYLED}"),
    "sd3.5-large": _sd3("sd3.5-large"),
    "sd3.5-large-turbo": _sd3("sd3.5-large-turbo"),
    "sd3.5-medium": _sd3("sd3.5-medium"),
    "inpaint": Call("edit/inpaint", f"image* mask prompt* {_GROWN} {_STYLED}"),
    "outpaint": Call("edit/outpaint", f"image* prompt {_SIDES} creativity:num=0..1 {_SEEDED}"),
    "erase": Call("edit/erase", f"image* mask {_GROWN} {_SEEDED}"),
    "search-and-replace": Call(
        "edit/search-and-replace", f"image* prompt* search_prompt* negative_prompt {_GROWN} {_SEEDED}"
    ),
    "search-and-recolor": Call(
        "edit/search-and-recolor", f"image* prompt* select_prompt* negative_prompt {_GROWN} {_SEEDED}"
    ),
    "remove-background": Call("edit/remove-background", "image* output_format=png,webp"),
    "replace-background-and-relight": Call(
        "edit/replace-background-and-relight",
        f"subject_image* background_prompt background_reference {_SEEDED}",
        is_queued=True,
    ),
    "upscale-fast": Call("upscale/fast", "image* output_format=png,jpeg,webp"),
    "upscale-conservative": Call(
        "upscale/conservative", f"image* prompt* negative_prompt creativity:num=0.2..0.5 {_SEEDED}"
    ),
    "upscale-creative": Call("upscale/creative", f"image* prompt* creativity:num=0.1..0.5 {_STYLED}", is_queued=True),
    "control-sketch": Call("control/sketch", f"image* prompt* control_strength:num=0..1 {_STYLED}"),
    "control-structure": Call("control/structure", f"image* prompt* control_strength:num=0..1 {_STYLED}"),
}

CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "background_prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "seed": "seed",
    "aspect_ratio": "ratio",
    "cfg_scale": "guidance",
    "strength": "strength",
    "style_preset": "style",
    "output_format": "format",
    "image": "picture",
    "subject_image": "next_picture",
    "background_reference": "next_picture",
    "mask": "mask",
}
PICTURES = frozenset(name for name, concept in CONCEPTS.items() if concept in {"picture", "next_picture"})
