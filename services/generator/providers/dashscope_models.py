"""Qwen-Image's models at DashScope, as data: what each takes (in the notation of filling.py), and whether it is queued.

Source: upstreams/11-qwen-image.md and the vendor's references of its APIs (2026-03), as of 2026-11-20. Only the first generation
is served by tasks; the free sizes are said for 2.0, and taken to hold for 3.0.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Model:
    """One model; `is_queued` has it answer with a task, all others with pictures at once."""

    inputs: str
    is_queued: bool = False


_SEED = "seed=0..2147483647"
_BASIC = f"prompt* negative_prompt {_SEED} prompt_extend:bool"
_FIRST = f"{_BASIC} size=1664x928,1472x1104,1328x1328,1104x1472,928x1664"
_FREE = "size=256..8192/16@262144..4194304"
_SECOND = f"{_BASIC} n {_FREE} images=3"

MODELS: Mapping[str, Model] = {
    "qwen-image": Model(_FIRST, is_queued=True),
    "qwen-image-plus": Model(_FIRST, is_queued=True),
    "qwen-image-max": Model(_FIRST),
    "qwen-image-2.0": Model(_SECOND),
    "qwen-image-2.0-pro": Model(_SECOND),
    "qwen-image-3.0": Model(_SECOND),
    "qwen-image-3.0-pro": Model(_SECOND),
    "qwen-image-edit": Model(f"prompt* negative_prompt {_SEED} images*=3"),
    "qwen-image-edit-plus": Model(f"{_BASIC} n {_FREE} images*=3"),
    "qwen-image-edit-max": Model(f"{_BASIC} n {_FREE} images*=3"),
}
ANY_MODEL = Model(f"{_BASIC} images=3")
"""What a model is taken to take that is not in the table, as a dated snapshot of a new one."""
CONCEPTS: Mapping[str, str] = {
    "prompt": "prompt",
    "negative_prompt": "negative_prompt",
    "images": "pictures",
    "size": "size_text",
    "n": "count",
    "seed": "seed",
}
ALIASES = {"prompt_extend": ("enhance_prompt", "prompt_upsampling")}
MOST_CHARACTERS = {"prompt": 800, "negative_prompt": 500}
"""More is not taken, so it is cut; the vendor itself used to cut it."""


def model_of(upstream_model: str) -> Model:
    """The model that an id names; a snapshot (`-2026-03-03`) is the model that it was taken of."""
    starts = [name for name in MODELS if upstream_model == name or upstream_model.startswith(f"{name}-20")]
    return MODELS[starts[0]] if starts else ANY_MODEL
