"""What Black Forest Labs' models take, as data: a line of inputs for each, in the notation of filling.py.

Source: the vendor's OpenAPI document (BFL API 0.0.1), as of 2026-11-20. FLUX.2's grid and its four megapixels are from its guide.
"""

from collections.abc import Mapping

_COMMON = "seed output_format=png,jpeg,webp"
_TOLERANT = f"{_COMMON} safety_tolerance:num=0..6"
_UPSAMPLED = f"{_TOLERANT} prompt_upsampling:bool"
_SIDES = "width=256..1440/32 height=256..1440/32"
_RATIOS = "aspect_ratio=21:9,2:1,16:9,3:2,7:5,4:3,5:4,1:1,4:5,3:4,5:7,2:3,9:16,1:2,9:21"
_ULTRA = f"prompt {_RATIOS} raw:bool image_prompt image_prompt_strength {_UPSAMPLED}"
_KONTEXT = f"prompt* input_image input_image_2 input_image_3 input_image_4 {_RATIOS} {_UPSAMPLED}"
_FILL = f"image* mask prompt steps=15..50 guidance=1.5..100 {_UPSAMPLED}"
_EXPAND = "top:num=0..2048 bottom:num=0..2048 left:num=0..2048 right:num=0..2048"
_FINETUNED = "finetune_id* finetune_strength:num=0..2"
_SIDES_2 = "width=64..4096/16@0..4194304 height=64..4096/16@0..4194304"
_PICTURES_4 = "input_image input_image_2 input_image_3 input_image_4"
_PICTURES_8 = f"{_PICTURES_4} input_image_5 input_image_6 input_image_7 input_image_8"
_TOLERANT_2 = f"{_COMMON} safety_tolerance:num=0..5"
_FLUX_2 = f"prompt* {_PICTURES_8} {_SIDES_2} {_TOLERANT_2}"
_KLEIN = f"prompt* {_PICTURES_4} {_SIDES_2} {_TOLERANT_2}"

MODELS: Mapping[str, str] = {
    "flux-pro-1.1": f"prompt image_prompt {_SIDES} {_UPSAMPLED}",
    "flux-pro-1.1-ultra": _ULTRA,
    "flux-pro-1.1-ultra-finetuned": f"{_FINETUNED} {_ULTRA.replace(' raw:bool', '')}",
    "flux-dev": f"prompt image_prompt {_SIDES} steps=1..50 guidance=1.5..5 {_UPSAMPLED}",
    "flux-kontext-pro": _KONTEXT,
    "flux-kontext-max": _KONTEXT,
    "flux-pro-1.0-fill": _FILL,
    "flux-pro-1.0-fill-finetuned": f"{_FINETUNED} {_FILL}",
    "flux-pro-1.0-expand": f"image* prompt {_EXPAND} steps=15..50 guidance=1.5..100 {_UPSAMPLED}",
    "flux-2-pro": _FLUX_2,
    "flux-2-pro-preview": _FLUX_2,
    "flux-2-max": _FLUX_2,
    "flux-2-flex": f"{_FLUX_2} steps=1..50 guidance=1.5..10 prompt_upsampling:bool",
    "flux-2-klein-4b": _KLEIN,
    "flux-2-klein-9b": _KLEIN,
    "flux-2-klein-9b-preview": _KLEIN,
}
ANY_MODEL = f"prompt* {_COMMON}"
"""What a model is taken to take that is not in the table, and whose route says no `inputs` of its own."""

CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "seed": "seed",
    "steps": "steps",
    "guidance": "guidance",
    "width": "width",
    "height": "height",
    "aspect_ratio": "ratio",
    "output_format": "format",
    "image_prompt": "picture",
    "image_prompt_strength": "likeness",
    "image": "picture",
    "mask": "mask",
    "input_image": "next_picture",
    **{f"input_image_{number}": "next_picture" for number in range(2, 9)},
    "finetune_id": "lora_weights",
    "finetune_strength": "lora_scale",
}
