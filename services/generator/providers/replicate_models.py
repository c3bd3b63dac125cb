"""What Replicate's models take, as data: a line of inputs for each model, in the notation of filling.py.

The vendor publishes each model's inputs by its API alone (GET /models/{owner}/{name}); these are from its pages, as of
2026-11-20, and unverified but for minimax/image-01. A route's option `inputs` goes before the line.
"""

from collections.abc import Mapping, Sequence

_RATIOS = "aspect_ratio=1:1,16:9,21:9,3:2,2:3,4:5,5:4,3:4,4:3,9:16,9:21"
_FORMATS = "output_format=png,jpg,webp output_quality"
_FLUX = f"prompt* seed {_RATIOS} {_FORMATS}"
_OPEN = f"{_FLUX} num_outputs num_inference_steps go_fast:bool megapixels=1,0.25 disable_safety_checker:bool"
_DEV = f"{_OPEN} guidance image prompt_strength"
_PRO = f"{_FLUX} prompt_upsampling:bool safety_tolerance:num image_prompt"
_KONTEXT = (
    "prompt* input_image seed aspect_ratio=match_input_image,1:1,16:9,9:16,4:3,3:4,3:2,2:3,4:5,5:4,21:9,9:21,2:1,1:2 "
    "output_format=png,jpg safety_tolerance:num prompt_upsampling:bool"
)
_IDEOGRAM = (
    "prompt* seed aspect_ratio=1:3,3:1,1:2,2:1,9:16,16:9,10:16,16:10,2:3,3:2,3:4,4:3,4:5,5:4,1:1 "
    "style_type=Auto,General,Realistic,Design style_preset:word magic_prompt_option=Auto,On,Off image mask"
)
_SCHEDULERS = "scheduler=DDIM,DPMSolverMultistep,HeunDiscrete,KarrasDPM,K_EULER_ANCESTRAL,K_EULER,PNDM"

MODELS: Mapping[str, str] = {
    "black-forest-labs/flux-schnell": _OPEN,
    "black-forest-labs/flux-dev": _DEV,
    "black-forest-labs/flux-dev-lora": f"{_DEV} lora_weights lora_scale",
    "black-forest-labs/flux-pro": f"{_PRO} guidance steps",
    "black-forest-labs/flux-1.1-pro": _PRO,
    "black-forest-labs/flux-1.1-pro-ultra": (
        f"prompt* seed {_RATIOS} output_format=png,jpg raw:bool safety_tolerance:num image_prompt image_prompt_strength:num"
    ),
    "black-forest-labs/flux-kontext-pro": _KONTEXT,
    "black-forest-labs/flux-kontext-max": _KONTEXT,
    "black-forest-labs/flux-fill-pro": (
        "prompt* image* mask seed steps guidance output_format=png,jpg safety_tolerance:num prompt_upsampling:bool"
    ),
    "ideogram-ai/ideogram-v3-turbo": _IDEOGRAM,
    "ideogram-ai/ideogram-v3-balanced": _IDEOGRAM,
    "ideogram-ai/ideogram-v3-quality": _IDEOGRAM,
    "stability-ai/sdxl": (
        "prompt* negative_prompt image mask width=256..2048 height=256..2048 num_outputs num_inference_steps guidance_scale "
        f"prompt_strength seed {_SCHEDULERS} disable_safety_checker:bool"
    ),
    "stability-ai/stable-diffusion-3.5-large": (
        "prompt* negative_prompt seed cfg image prompt_strength aspect_ratio=1:1,16:9,21:9,3:2,2:3,4:5,5:4,9:16,9:21 "
        f"{_FORMATS}"
    ),
    "minimax/image-01": (
        "prompt* number_of_images prompt_optimizer:bool aspect_ratio=1:1,16:9,4:3,3:2,2:3,3:4,9:16,21:9 "
        "subject_reference"
    ),
    "bytedance/seedream-3": "prompt* seed guidance_scale aspect_ratio=1:1,3:4,4:3,16:9,9:16,2:3,3:2,21:9",
    "bytedance/seedream-4": (
        "prompt* image_input=10 size=1K,2K,4K aspect_ratio=match_input_image,1:1,4:3,3:4,16:9,9:16,3:2,2:3,21:9"
    ),
    "google/nano-banana": (
        "prompt* image_input=10 aspect_ratio=match_input_image,1:1,2:3,3:2,3:4,4:3,4:5,5:4,9:16,16:9,21:9 "
        "output_format=png,jpg"
    ),
    "qwen/qwen-image": (
        "prompt* negative_prompt seed guidance num_inference_steps go_fast:bool lora_weights lora_scale image "
        f"aspect_ratio=1:1,16:9,9:16,4:3,3:4 {_FORMATS}"
    ),
    "nightmareai/real-esrgan": "image* scale:num face_enhance:bool",
}
COMMUNITY: frozenset[str] = frozenset({"stability-ai/sdxl", "nightmareai/real-esrgan"})
"""Models that run by a version alone: the latest is asked for where the route names none."""
ANY_MODEL = "prompt* seed image"
"""What a model is taken to take that is not in the table, and whose route says no `inputs` of its own."""

CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "num_outputs": "count",
    "number_of_images": "count",
    "seed": "seed",
    "num_inference_steps": "steps",
    "steps": "steps",
    "guidance": "guidance",
    "guidance_scale": "guidance",
    "cfg": "guidance",
    "prompt_strength": "strength",
    "width": "width",
    "height": "height",
    "aspect_ratio": "ratio",
    "size": "resolution",
    "output_format": "format",
    "output_quality": "output_quality",
    "style_type": "style",
    "image": "picture",
    "input_image": "picture",
    "image_prompt": "picture",
    "subject_reference": "picture",
    "image_input": "pictures",
    "mask": "mask",
    "lora_weights": "lora_weights",
    "lora_scale": "lora_scale",
}
ALIASES: Mapping[str, Sequence[str]] = {
    "scale": ("scale_factor",),
    "face_enhance": ("enhance_faces",),
    "prompt_upsampling": ("enhance_prompt",),
}
