"""A1111's requests, as data: what each of its calls takes, in the notation of filling.py, and what stands in every one of them.

Source: upstreams/16-selfhosted.md (modules/api of stable-diffusion-webui), as of 2026-11-20. Forge takes the same and more.
"""

from collections.abc import Mapping, Sequence

from generator.providers.base import Order
from generator.providers.filling import Filled, Filling, bounds
from generator.providers.honours import with_options
from generator.providers.samplers import Choice, chosen
from generator.providers.selfhosted import canvas, local_weights
from generator.sizes import Size

NAME = "a1111"
_SIZE = "64..4096/8"
_INPUTS = (
    "prompt* negative_prompt seed steps=1..150 cfg_scale=1..30 batch_size"
    f" width={_SIZE} height={_SIZE} restore_faces:bool tiling:bool"
    " distilled_cfg_scale:num"
)
TEXT_TO_IMAGE = f"{_INPUTS} enable_hr:bool hr_scale:num hr_upscaler:word"
IMAGE_TO_IMAGE = f"{_INPUTS} init_images*=1 denoising_strength=0..1 image_cfg_scale:num"
INPAINT = f"{IMAGE_TO_IMAGE} mask*"
_CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "seed": "seed",
    "steps": "steps",
    "cfg_scale": "guidance",
    "batch_size": "count",
    "width": "width",
    "height": "height",
    "image": "picture",
    "init_images": "pictures",
    "denoising_strength": "strength",
    "mask": "mask",
}
FILLING = Filling(NAME, _CONCEPTS, aliases={"restore_faces": ("enhance_faces",)})
_DEFAULT_SIZE = Size(1024, 1024)
"""The server's own is 512x512, which suits the first generation alone."""
_ALWAYS: Mapping[str, object] = {"send_images": True, "save_images": False}
_INPAINT_MODE, _MASK_BLUR = "inpaint_mode", "mask_blur"
# What stands under the mask at first: the server's own filling (0) is not used, since `fill` was done to the picture before.
_INPAINTING_FILLS: Mapping[str, int] = {"original": 1, "fill": 1, "latent_noise": 2, "latent_nothing": 3}


def fields(order: Order, inputs: str, *, checkpoint: str, pictures: Sequence[str], mask: str | None) -> Filled:
    """What to send for a drawing; `pictures` and `mask` are base64. Raises UpstreamFault, not bought, for a missing input."""
    choice, weights = chosen(order, lambda sampler: sampler.a1111), local_weights(order)
    asked = with_options(order, dict.fromkeys((*choice.honoured, _INPAINT_MODE) if mask else choice.honoured))
    if weights is not None:
        asked.draw.ClearField("lora_weights")  # of our own copy: the prompt says it
    filled = FILLING.fill(asked, inputs, pictures=pictures, mask=mask)
    said = {**_ALWAYS, **filled.fields, **_sampling(order, choice), **(_masking(order) if mask else {})}
    if weights is not None:
        said["prompt"] = f"{said['prompt']} <lora:{weights[0]}:{weights[1]:g}>"
    size = canvas(order, bounds(_SIZE), _DEFAULT_SIZE)
    settings = {"sd_model_checkpoint": checkpoint}
    return Filled({**said, "width": size.width, "height": size.height, "override_settings": settings}, filled.warnings)


def _sampling(order: Order, choice: Choice) -> Mapping[str, str]:
    """The order's sampler, else the route's, in the server's own word."""
    words = {"sampler_name": choice.sampler, "scheduler": choice.schedule}
    found = {name: word or order.options.get(name, "") for name, word in words.items()}
    return {name: word for name, word in found.items() if word}


def _masking(order: Order) -> Mapping[str, object]:
    """How the mask is taken: white is repainted, in the whole picture, and blurred by the server only where it is not yet."""
    mode = order.draw.options.get(_INPAINT_MODE, "original")
    blurred = {"mask_blur": 0} if _MASK_BLUR in order.draw.options else {}
    return {
        "inpainting_fill": _INPAINTING_FILLS.get(mode, 1),
        "inpainting_mask_invert": 0,
        "inpaint_full_res": False,
        **blurred,
    }
