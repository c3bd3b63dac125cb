"""Seedream's models at Ark, as data: what each takes (in the notation of filling.py), and which sizes it draws.

Source: upstreams/10-seedream.md, as of 2026-11-20; the areas are from the vendor's notes for each model, and partly unverified.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Model:
    """One model, or one family."""

    inputs: str
    size: str
    """The bounds of a size in pixels."""
    tiers: tuple[str, ...] = ()
    """The words for a size whose shape is left to the model."""
    always: Mapping[str, object] = field(default_factory=dict)


# Pictures in one answer that belong together are a story of their own: an order is for one.
_ALONE = {"sequential_image_generation": "disabled"}
_SEEDREAM_4 = Model(
    "prompt* image=14 optimize_prompt_options=standard,fast",
    "240..16384/8@921600..16777216:16",
    ("1K", "2K", "4K"),
    _ALONE,
)
_SEEDREAM_45 = Model(
    "prompt* image=14 optimize_prompt_options=standard", "480..16384/8@3686400..16777216:16", ("2K", "4K"), _ALONE
)
_SEEDREAM_5_LITE = Model(
    "prompt* image=14 output_format=png,jpeg optimize_prompt_options=standard",
    "480..16384/8@3686400..16777216:16",
    ("2K", "3K", "4K"),
    _ALONE,
)
_SEEDREAM_5_PRO = Model("prompt* image=10 output_format=png,jpeg", "240..8192/8@921600..4194304:16", ("1K", "2K"))
_SEEDREAM_3 = Model("prompt* seed=0..2147483647 guidance_scale:num=1..10", "512..2048/8")
_SEEDEDIT_3 = Model("prompt* image*=1 seed=0..2147483647 guidance_scale:num=1..10", "", ("adaptive",))

# By the beginning of the id, behind the prefix of the vendor's Chinese house; ids end with the date of the version.
FAMILIES: Mapping[str, Model] = {
    "dola-seedream-5-0-pro": _SEEDREAM_5_PRO,
    "seedream-5-0-pro": _SEEDREAM_5_PRO,
    "seedream-5-0": _SEEDREAM_5_LITE,
    "seedream-4-5": _SEEDREAM_45,
    "seedream-4-0": _SEEDREAM_4,
    "seedream-3-0": _SEEDREAM_3,
    "seededit-3-0": _SEEDEDIT_3,
}
ANY_MODEL = _SEEDREAM_4
"""What an endpoint of one's own (`ep-…`) is taken to be, unless the route's option `family` names another."""
CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "image": "pictures",
    "size": "size_text",
    "seed": "seed",
    "guidance_scale": "guidance",
    "output_format": "format",
}
ALIASES: Mapping[str, Sequence[str]] = {"optimize_prompt_options": ("enhance_prompt_mode",)}


def model_of(upstream_model: str, family: str = "") -> Model:
    """The model that an id belongs to."""
    name = (family or upstream_model).removeprefix("doubao-")
    return next((model for start, model in FAMILIES.items() if name.startswith(start)), ANY_MODEL)
