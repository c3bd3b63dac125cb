"""What Ideogram's operations take, as data: a path and a line of inputs for each, in the notation of filling.py.

Source: the vendor's OpenAPI document, as of 2026-11-20. A resolution always goes before an aspect ratio, as the vendor draws each
ratio in one of these sizes; only transparent pictures are asked for by ratio. Inputs that no order can fill are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gesso.generator.v1 import generator_pb2 as pb

_SIZES = (
    "512x1536,576x1408,576x1472,576x1536,640x1344,640x1408,640x1472,640x1536,704x1152,704x1216,704x1280,704x1344,704x1408,"
    "704x1472,736x1312,768x1088,768x1216,768x1280,768x1344,800x1280,832x960,832x1024,832x1088,832x1152,832x1216,832x1248,"
    "864x1152,896x960,896x1024,896x1088,896x1120,896x1152,960x832,960x896,960x1024,960x1088,1024x832,1024x896,1024x960,"
    "1024x1024,1088x768,1088x832,1088x896,1088x960,1120x896,1152x704,1152x832,1152x864,1152x896,1216x704,1216x768,1216x832,"
    "1248x832,1280x704,1280x768,1280x800,1312x736,1344x640,1344x704,1344x768,1408x576,1408x640,1408x704,1472x576,1472x640,"
    "1472x704,1536x512,1536x576,1536x640"
)
_RATIOS = "1x3,3x1,1x2,2x1,9x16,16x9,10x16,16x10,2x3,3x2,3x4,4x3,4x5,5x4,1x1"
_DRAWN = "num_images seed=0..2147483647 rendering_speed=FLASH,TURBO,BALANCED,DEFAULT,QUALITY"
_MAGIC = "magic_prompt=AUTO,ON,OFF"
_LOOK = (
    "style_preset:word style_codes:word "  # the vendor knows 62 presets; codes are separated by commas
    "color_palette=EMBER,FRESH,JUNGLE,MAGIC,MELON,MOSAIC,PASTEL,ULTRAMARINE"
)
_STYLE = f"style_type=AUTO,GENERAL,REALISTIC,DESIGN,FICTION,STYLIZED,CUSTOM {_LOOK} custom_model_uri:word"


@dataclass(frozen=True, slots=True)
class Call:
    """One operation: its path and what it takes."""

    path: str
    inputs: str


_GENERATE = Call("v1/ideogram-v3/generate", f"prompt* {_DRAWN} {_MAGIC} negative_prompt resolution={_SIZES} {_STYLE}")
# `background` is not sent: that it is transparent is what this operation is for.
_TRANSPARENT = Call(
    "v1/ideogram-v3/generate-transparent",
    f"prompt* {_DRAWN} {_MAGIC} negative_prompt aspect_ratio={_RATIOS} background=transparent upscale_factor=X1,X2,X4 "
    "custom_model_uri:word",
)
_REMIX = Call("v1/ideogram-v3/remix", f"image* image_weight {_GENERATE.inputs}")
_EDIT = Call("v1/ideogram-v3/edit", f"image* mask* prompt* {_DRAWN} {_MAGIC} {_STYLE}")
OTHERS: Mapping[str, Call] = {
    "ideogram-v3-transparent": _TRANSPARENT,
    "ideogram-v3-reframe": Call("v1/ideogram-v3/reframe", f"image* resolution*={_SIZES} {_DRAWN} {_LOOK}"),
    "ideogram-v3-replace-background": Call(
        "v1/ideogram-v3/replace-background", f"image* prompt* {_DRAWN} {_MAGIC} {_LOOK}"
    ),
    "ideogram-v4": Call(
        "v1/ideogram-v4/generate", "prompt* seed magic_prompt_option=AUTO,ON,OFF custom_model_uri:word"
    ),
}
"""Upstream models that are one operation."""
V3 = "ideogram-v3"
"""The upstream model that is whichever operation the order asks for."""
_BY_OPERATION: Mapping[int, Call] = {
    pb.OPERATION_TEXT_TO_IMAGE: _GENERATE,
    pb.OPERATION_IMAGE_TO_IMAGE: _REMIX,
    pb.OPERATION_INPAINT: _EDIT,
}

CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "num_images": "count",
    "seed": "seed",
    "resolution": "size_text",
    "aspect_ratio": "ratio",
    "style_type": "style",
    "image_weight": "likeness",
    "background": "background",
    "image": "picture",
    "mask": "mask",
}
ALIASES: Mapping[str, tuple[str, ...]] = {"magic_prompt_option": ("magic_prompt",)}


def call_of(upstream_model: str, draw: pb.Draw) -> Call | None:
    """The operation that a draw is on an upstream model; None where there is none."""
    if upstream_model != V3:
        return OTHERS.get(upstream_model)
    is_new = draw.operation == pb.OPERATION_TEXT_TO_IMAGE
    return _TRANSPARENT if is_new and draw.background == "transparent" else _BY_OPERATION.get(draw.operation)
