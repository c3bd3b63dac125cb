"""Black Forest Labs' rules for orders, as lines of data: each model's fields, and what it draws and costs.

Source: the vendor's OpenAPI document (BFL API 0.0.1) and its prices, as of 2026-11-20.
"""

from collections.abc import Mapping

from testkit.upstreams.fields import FieldTable
from testkit.upstreams.shaping import shaped

_HOOKS = "webhook_url:url webhook_secret"
_COMMON = f"seed:int output_format:word=jpeg,png,webp {_HOOKS}"
_TOLERANT = f"{_COMMON} safety_tolerance:int=0..6 prompt_upsampling:bool"
_SIDES = "width:int=256..1440/32 height:int=256..1440/32"
_ULTRA = f"prompt aspect_ratio:like=\\d+:\\d+ image_prompt:base64 image_prompt_strength:num=0..1 {_TOLERANT}"
_FILL = f"image*:base64 mask:base64 prompt steps:int=15..50 guidance:num=1.5..100 {_TOLERANT}"
_FINETUNE = "finetune_id* finetune_strength:num=0..2"
_PICTURES_4 = "input_image:base64 input_image_2:base64 input_image_3:base64 input_image_4:base64"
_PICTURES_8 = f"{_PICTURES_4} input_image_5:base64 input_image_6:base64 input_image_7:base64 input_image_8:base64"
_KONTEXT = f"prompt* {_PICTURES_4} aspect_ratio:like=\\d+:\\d+ {_TOLERANT}"
_FLUX_2 = f"prompt* width:int=64..4096/16 height:int=64..4096/16 {_COMMON} safety_tolerance:int=0..5"
_EXPAND = "top:int=0..2048 bottom:int=0..2048 left:int=0..2048 right:int=0..2048"

MODELS: Mapping[str, FieldTable] = {
    name: FieldTable(line)
    for name, line in {
        "flux-pro-1.1": f"prompt image_prompt:base64 {_SIDES} {_TOLERANT}",
        "flux-pro-1.1-ultra": f"{_ULTRA} raw:bool",
        "flux-pro-1.1-ultra-finetuned": f"{_ULTRA} {_FINETUNE}",
        "flux-dev": f"prompt image_prompt:base64 {_SIDES} steps:int=1..50 guidance:num=1.5..5 {_TOLERANT}",
        "flux-kontext-pro": _KONTEXT,
        "flux-kontext-max": _KONTEXT,
        "flux-pro-1.0-fill": _FILL,
        "flux-pro-1.0-fill-finetuned": f"{_FILL} {_FINETUNE}",
        "flux-pro-1.0-expand": f"{_FILL} {_EXPAND}".replace("mask:base64 ", ""),
        "flux-2-pro": f"{_FLUX_2} {_PICTURES_8}",
        "flux-2-pro-preview": f"{_FLUX_2} {_PICTURES_8}",
        "flux-2-max": f"{_FLUX_2} {_PICTURES_8}",
        "flux-2-flex": f"{_FLUX_2} {_PICTURES_8} steps:int=1..50 guidance:num=1.5..10 prompt_upsampling:bool",
        "flux-2-klein-4b": f"{_FLUX_2} {_PICTURES_4}",
        "flux-2-klein-9b": f"{_FLUX_2} {_PICTURES_4}",
        "flux-2-klein-9b-preview": f"{_FLUX_2} {_PICTURES_4}",
    }.items()
}
_CREDITS = {"flux-dev": 2.5, "flux-pro-1.1-ultra": 6.0, "flux-kontext-max": 8.0, "flux-pro-1.0-fill": 5.0}
_DEFAULT_SIZE = (1024, 768)


def credits_of(model: str) -> float:
    """Return what a picture costs, in hundredths of a dollar."""
    return _CREDITS.get(model, 4.0)


def drawn_format(model: str, fields: Mapping[str, object]) -> str:
    """Return the format of the picture: Kontext draws PNG where none is asked for, all others JPEG."""
    return str(fields.get("output_format") or ("png" if "kontext" in model else "jpeg"))


def drawn_size(fields: Mapping[str, object]) -> tuple[int, int]:
    """Return the sides of the picture that these fields bring."""
    if fields.get("aspect_ratio"):
        return shaped(str(fields["aspect_ratio"]))
    width, height = (fields.get(side) or usual for side, usual in zip(("width", "height"), _DEFAULT_SIZE, strict=True))
    assert isinstance(width, int)
    assert isinstance(height, int)
    return width, height
