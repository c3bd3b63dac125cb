"""What a draw's fields, and a vendor's that refuses one, are called in this API. Pure.

Source: contract.md, "imagegen": `details.field` is a JSON path of the request, and what was ignored is listed in `warnings`.
"""

import re
from collections.abc import Mapping

_PATHS: Mapping[str, str] = {
    "size": "parameters.width",
    "width": "parameters.width",
    "height": "parameters.height",
    "n": "parameters.num_outputs",
    "steps": "parameters.num_inference_steps",
    "guidance": "parameters.guidance_scale",
    "seed": "parameters.seed",
    "scheduler": "parameters.scheduler",
    "sampler": "parameters.sampler",
    "output_format": "output.format",
    "output_quality": "output.quality",
    "input_image_ids": "init_image",
    "image": "init_image",
    "mask_image_id": "mask_image",
    "mask": "mask_image",
    "page_token": "cursor",
}
_OF_VENDORS: Mapping[str, str] = {
    "image_size": "parameters.width",
    "num_images": "parameters.num_outputs",
    "num_outputs": "parameters.num_outputs",
    "num_inference_steps": "parameters.num_inference_steps",
    "guidance_scale": "parameters.guidance_scale",
    "cfg_scale": "parameters.guidance_scale",
    "image_url": "init_image",
    "image_urls": "init_image",
    "input_image": "init_image",
    "mask_url": "mask_image",
}
"""Names that several vendors share for what this API calls otherwise."""
_IGNORED = re.compile(r"\bignores (\w+)\.$")


def path(name: str) -> str:
    """The JSON path of what others call by this name; the name itself where nothing else is meant."""
    return _PATHS.get(name) or _OF_VENDORS.get(name, name)


def in_paths(warning: str) -> str:
    """A provider's warning that it ignores a field of the draw, with the field's path."""
    return _IGNORED.sub(lambda found: f"ignores `{path(found[1])}`.", warning)
