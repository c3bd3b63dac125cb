"""What fal's models take, as data: a line of inputs for each model, in the notation of filling.py.

Source: the vendor's published types (npm @fal-ai/client 1.9.5 and 1.10.1), as of 2026-11-20; inputs that no order can
fill are left out.
"""

from collections.abc import Mapping, Sequence

_FORMATS = "output_format=jpeg,png"
_FORMATS_3 = "output_format=png,jpeg,webp"
_CHECKED = "enable_safety_checker:bool"
_TOLERANT = "safety_tolerance=1,2,3,4,5,6 enhance_prompt:bool"
_BASIC = "prompt* seed num_images"
_DIFFUSED = f"{_BASIC} num_inference_steps guidance_scale {_CHECKED}"
_FLUX = f"{_DIFFUSED} {_FORMATS}"
_FLUX_PRO = f"{_BASIC} {_FORMATS} {_TOLERANT}"
_FLUX_RATIOS = "aspect_ratio=21:9,16:9,4:3,3:2,1:1,2:3,3:4,9:16,9:21"
_KONTEXT = f"{_FLUX_PRO} guidance_scale {_FLUX_RATIOS}"
_KONTEXT_DEV_RATIOS = "resolution_mode=1:1,16:9,21:9,3:2,2:3,4:5,5:4,3:4,4:3,9:16,9:21"
_FLUX_2 = "image_size=512..2048 acceleration=none,regular,high enable_prompt_expansion:bool"
_SDXL = f"{_DIFFUSED} negative_prompt image_size format=png,jpeg loras expand_prompt:bool safety_checker_version=v1,v2"
_QWEN = f"{_FLUX} negative_prompt acceleration=none,regular,high"
_SEEDREAM_4 = f"{_BASIC} {_CHECKED} enhance_prompt_mode=standard,fast image_size=1024..4096@921600..16777216"
_SEEDREAM_45 = f"{_BASIC} {_CHECKED} image_size=1920..4096"
_SEEDREAM_5 = f"prompt* num_images {_CHECKED} image_size=1024..4096@3686400..9437184"
_IDEOGRAM = f"{_BASIC} rendering_speed=TURBO,BALANCED,QUALITY style_preset:word expand_prompt:bool"  # the vendor knows 62 presets
_IDEOGRAM_STYLED = f"{_IDEOGRAM} negative_prompt image_size style=AUTO,GENERAL,REALISTIC,DESIGN"
_IMAGEN_3 = f"{_BASIC} negative_prompt aspect_ratio=1:1,16:9,9:16,3:4,4:3"
_IMAGEN_4 = f"prompt* num_images aspect_ratio=1:1,16:9,9:16,4:3,3:4 {_FORMATS_3}"
_BANANA_RATIOS = "aspect_ratio=21:9,16:9,3:2,4:3,5:4,1:1,4:5,3:4,2:3,9:16"
_BANANA = f"prompt* num_images limit_generations:bool {_FORMATS_3}"
_BANANA_2 = f"{_BANANA} seed resolution=0.5K,1K,2K,4K {_BANANA_RATIOS},4:1,1:4,8:1,1:8 safety_tolerance=1,2,3,4,5,6"
_GPT = f"prompt* num_images quality=auto,low,medium,high,xhigh,max background=auto,transparent,opaque {_FORMATS_3}"
_GPT_SIZES = "image_size=1024x1024,1536x1024,1024x1536"
_REVE = f"prompt* num_images {_FORMATS_3}"
_REVE_RATIOS = "aspect_ratio=16:9,9:16,3:2,2:3,4:3,3:4,1:1"
_BIREFNET = (
    "image_url* output_format=png,webp refine_foreground:bool "
    "model:word "  # "General Use (Light)", as the vendor's names of its models have spaces
    "operating_resolution=1024x1024,2048x2048"
)
_ESRGAN = (
    "RealESRGAN_x4plus,RealESRGAN_x2plus,RealESRGAN_x4plus_anime_6B,RealESRGAN_x4_v3,RealESRGAN_x4_wdn_v3,"
    "RealESRGAN_x4_anime_v3"
)

MODELS: Mapping[str, str] = {
    "fal-ai/flux/dev": f"{_FLUX} image_size acceleration=none,regular,high",
    "fal-ai/flux/schnell": f"{_FLUX} image_size acceleration=none,regular,high",
    "fal-ai/flux/dev/image-to-image": f"{_FLUX} image_url* strength acceleration=none,regular,high",
    "fal-ai/flux-lora": f"{_FLUX} image_size loras",
    "fal-ai/flux-lora/image-to-image": f"{_FLUX} image_size loras image_url* strength",
    "fal-ai/flux-pro/new": f"{_FLUX_PRO} image_size num_inference_steps guidance_scale",
    "fal-ai/flux-pro/v1.1": f"{_FLUX_PRO} image_size {_CHECKED}",
    "fal-ai/flux-pro/v1.1-ultra": f"{_FLUX_PRO} {_FLUX_RATIOS} {_CHECKED} raw:bool image_url image_prompt_strength:num",
    "fal-ai/flux-pro/v1/fill": f"{_FLUX_PRO} image_url* mask_url*",
    "fal-ai/flux-pro/kontext": f"{_KONTEXT} image_url*",
    "fal-ai/flux-pro/kontext/multi": f"{_KONTEXT} image_urls*=4",
    "fal-ai/flux-pro/kontext/max": f"{_KONTEXT} image_url*",
    "fal-ai/flux-pro/kontext/max/multi": f"{_KONTEXT} image_urls*=4",
    "fal-ai/flux-pro/kontext/text-to-image": _KONTEXT,
    "fal-ai/flux-pro/kontext/max/text-to-image": _KONTEXT,
    "fal-ai/flux-kontext/dev": f"{_FLUX} image_url* {_KONTEXT_DEV_RATIOS} enhance_prompt:bool",
    "fal-ai/flux-kontext-lora": f"{_FLUX} image_url* {_KONTEXT_DEV_RATIOS} loras",
    "fal-ai/flux-general/inpainting": f"{_FLUX} image_size image_url* mask_url* strength loras negative_prompt",
    "fal-ai/flux-2": f"{_DIFFUSED} {_FORMATS_3} {_FLUX_2}",
    "fal-ai/flux-2/lora": f"{_DIFFUSED} {_FORMATS_3} {_FLUX_2} loras",
    "fal-ai/flux-2-pro": f"prompt* seed image_size {_FORMATS} {_CHECKED} safety_tolerance=1,2,3,4,5",
    "fal-ai/flux-2-pro/edit": f"prompt* seed image_size {_FORMATS} {_CHECKED} safety_tolerance=1,2,3,4,5 image_urls*=9",
    "fal-ai/flux-2-max": f"prompt* seed image_size {_FORMATS} {_CHECKED} safety_tolerance=1,2,3,4,5",
    "fal-ai/fast-sdxl": _SDXL,
    "fal-ai/fast-sdxl/image-to-image": f"{_SDXL} image_url* strength preserve_aspect_ratio:bool",
    "fal-ai/fast-sdxl/inpainting": f"{_SDXL} image_url* mask_url* strength",
    "fal-ai/stable-diffusion-v3-medium": f"{_DIFFUSED} negative_prompt image_size prompt_expansion:bool",
    "fal-ai/stable-diffusion-v35-large": f"{_FLUX} negative_prompt image_size loras",
    "fal-ai/ideogram/v3": _IDEOGRAM_STYLED,
    "fal-ai/ideogram/v3/edit": f"{_IDEOGRAM} image_url* mask_url*",
    "fal-ai/ideogram/v3/remix": f"{_IDEOGRAM_STYLED} image_url* strength".replace(" style_preset:word", ""),
    "fal-ai/bytedance/seedream/v3/text-to-image": f"{_BASIC} {_CHECKED} guidance_scale image_size=512..2048",
    "fal-ai/bytedance/seedream/v4/text-to-image": _SEEDREAM_4,
    "fal-ai/bytedance/seedream/v4/edit": f"{_SEEDREAM_4} image_urls*=10",
    "fal-ai/bytedance/seedream/v4.5/text-to-image": _SEEDREAM_45,
    "fal-ai/bytedance/seedream/v4.5/edit": f"{_SEEDREAM_45} image_urls*=10",
    "fal-ai/bytedance/seedream/v5/lite/text-to-image": _SEEDREAM_5,
    "fal-ai/bytedance/seedream/v5/lite/edit": f"{_SEEDREAM_5} image_urls*=10",
    "fal-ai/qwen-image": f"{_QWEN} image_size loras use_turbo:bool",
    "fal-ai/qwen-image/image-to-image": f"{_QWEN} image_size loras image_url* strength use_turbo:bool",
    "fal-ai/qwen-image-edit": f"{_QWEN} image_size image_url*",
    "fal-ai/qwen-image-edit/inpaint": f"{_QWEN} image_size image_url* mask_url* strength",
    "fal-ai/qwen-image-edit-plus": f"{_QWEN} image_size image_urls*=3".replace(",high", ""),
    "fal-ai/qwen-image-2/text-to-image": f"{_BASIC} negative_prompt {_CHECKED} image_size=512..2048 {_FORMATS_3}",
    "fal-ai/qwen-image-2/edit": f"{_BASIC} negative_prompt {_CHECKED} image_size=512..2048 {_FORMATS_3} image_urls*=3",
    "fal-ai/minimax/image-01": (
        "prompt* num_images prompt_optimizer:bool aspect_ratio=1:1,16:9,4:3,3:2,2:3,3:4,9:16,21:9"
    ),
    "fal-ai/minimax/image-01/subject-reference": (
        "prompt* num_images prompt_optimizer:bool aspect_ratio=1:1,16:9,4:3,3:2,2:3,3:4,9:16,21:9 image_url*"
    ),
    "fal-ai/imagen3": _IMAGEN_3,
    "fal-ai/imagen3/fast": _IMAGEN_3,
    "fal-ai/imagen4/preview": f"{_IMAGEN_4} resolution=1K,2K",
    "fal-ai/imagen4/preview/fast": _IMAGEN_4,
    "fal-ai/imagen4/preview/ultra": f"{_IMAGEN_4} resolution=1K,2K",
    "fal-ai/nano-banana": f"{_BANANA} {_BANANA_RATIOS}",
    "fal-ai/nano-banana/edit": f"{_BANANA} {_BANANA_RATIOS} image_urls*=10",
    "fal-ai/nano-banana-pro": f"{_BANANA} {_BANANA_RATIOS} resolution=1K,2K,4K enable_web_search:bool",
    "fal-ai/nano-banana-pro/edit": (
        f"{_BANANA} {_BANANA_RATIOS} resolution=1K,2K,4K enable_web_search:bool image_urls*=14"
    ),
    "fal-ai/nano-banana-2": _BANANA_2,
    "fal-ai/nano-banana-2/edit": f"{_BANANA_2} image_urls*=14",
    "fal-ai/gemini-25-flash-image": f"{_BANANA} {_BANANA_RATIOS}",
    # The inputs of these are not published; they are taken to be those of gpt-image-1.5 there.
    "openai/gpt-image-2": f"{_GPT} {_GPT_SIZES}",
    "openai/gpt-image-2/edit": f"{_GPT} {_GPT_SIZES} image_urls*=16 mask_image_url",
    "openai/gpt-image-2.5/flare/text-to-image": f"{_GPT} {_GPT_SIZES}",
    "openai/gpt-image-2.5/flare/edit": f"{_GPT} {_GPT_SIZES} image_urls*=16 mask_image_url",
    "openai/gpt-image-2.5/sunburst/text-to-image": f"{_GPT} {_GPT_SIZES}",
    "openai/gpt-image-2.5/sunburst/edit": f"{_GPT} {_GPT_SIZES} image_urls*=16 mask_image_url",
    "fal-ai/recraft/v3/text-to-image": f"prompt* image_size style:word {_CHECKED}",
    "fal-ai/reve/text-to-image": f"{_REVE} {_REVE_RATIOS}",
    "fal-ai/reve/edit": f"{_REVE} image_url*",
    "fal-ai/reve/remix": f"{_REVE} {_REVE_RATIOS} image_urls*=6",
    "fal-ai/birefnet": _BIREFNET,
    "fal-ai/birefnet/v2": _BIREFNET,
    "fal-ai/imageutils/rembg": "image_url* crop_to_bbox:bool",
    "fal-ai/bria/background/remove": "image_url*",
    "fal-ai/esrgan": f"image_url* scale:num output_format=png,jpeg face:bool model={_ESRGAN}",
    "fal-ai/clarity-upscaler": (
        "image_url* prompt negative_prompt seed num_inference_steps guidance_scale upscale_factor:num creativity:num "
        f"resemblance:num {_CHECKED}"
    ),
    "fal-ai/aura-sr": "image_url*",
    "fal-ai/seedvr/upscale/image": "image_url* upscale_factor:num seed output_format=png,jpg,webp",
}

CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "num_images": "count",
    "seed": "seed",
    "num_inference_steps": "steps",
    "guidance_scale": "guidance",
    "strength": "strength",
    "image_size": "size_object",
    "aspect_ratio": "ratio",
    "resolution_mode": "ratio",
    "resolution": "resolution",
    "output_format": "format",
    "format": "format",
    "quality": "quality",
    "style": "style",
    "background": "background",
    "image_url": "picture",
    "image_urls": "pictures",
    "mask_url": "mask",
    "mask_image_url": "mask",
    "loras": "loras",
}
ALIASES: Mapping[str, Sequence[str]] = {
    "enhance_prompt": ("prompt_upsampling",),
    "scale": ("scale_factor",),
    "upscale_factor": ("scale_factor",),
    "face": ("enhance_faces",),
}
ANY_MODEL = "prompt* seed num_images image_size image_url"
"""What a model is taken to take that is not in the table, and whose route says no `inputs` of its own."""
OF_SEVERAL: Mapping[str, str] = {
    "fal-ai/flux-pro/kontext": "fal-ai/flux-pro/kontext/multi",
    "fal-ai/flux-pro/kontext/max": "fal-ai/flux-pro/kontext/max/multi",
}
"""Models that take one picture, and what stands beside them, at the same price, for several."""
