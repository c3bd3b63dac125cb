"""What models at Together take, as data; in the notation of filling.py.

Source: upstreams/13-together.md (the vendor's SDK 3.1.1), as of 2026-11-20. Which fields a model ignores is not published: these
are those that its own vendor gives it. Pictures go as `data:` URIs, which is unverified.
"""

from collections.abc import Mapping

_FORMAT = "output_format=jpeg,png"
_SIZE = "width=256..1440/16 height=256..1440/16"
_FLUX = f"prompt* n seed {_SIZE} {_FORMAT} disable_safety_checker:bool"
_DIFFUSED = f"{_FLUX} steps=1..50 guidance_scale"
_KONTEXT = f"{_FLUX} image_url*"

MODELS: Mapping[str, str] = {
    "black-forest-labs/FLUX.1-schnell": f"{_FLUX} steps=1..12",
    "black-forest-labs/FLUX.1-schnell-Free": f"{_FLUX} steps=1..4",
    "black-forest-labs/FLUX.1-dev": _DIFFUSED,
    "black-forest-labs/FLUX.1-dev-lora": f"{_DIFFUSED} image_loras",
    "black-forest-labs/FLUX.1-pro": _FLUX,
    "black-forest-labs/FLUX.1.1-pro": _FLUX,
    "black-forest-labs/FLUX.1-redux": f"{_DIFFUSED} image_url*",
    "black-forest-labs/FLUX.1-kontext-dev": f"{_KONTEXT} steps=1..50 guidance_scale",
    "black-forest-labs/FLUX.1-kontext-pro": _KONTEXT,
    "black-forest-labs/FLUX.1-kontext-max": _KONTEXT,
    "black-forest-labs/FLUX.2-dev": f"{_DIFFUSED} reference_images=8",
    "stabilityai/stable-diffusion-xl-base-1.0": f"{_DIFFUSED} negative_prompt".replace("256..1440/16", "512..2048/8"),
}
ANY_MODEL = f"prompt* n seed {_SIZE} {_FORMAT} image_url"
"""What a model is taken to take that is not in the table, and whose route says no `inputs` of its own."""
CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "n": "count",
    "seed": "seed",
    "steps": "steps",
    "guidance_scale": "guidance",
    "width": "width",
    "height": "height",
    "output_format": "format",
    "image_url": "picture",
    "reference_images": "pictures",
    "image_loras": "loras",
}
