"""The purchase that a request of tasks stands for: data says which parameter fills what.

Source: the BIG API document, "Provider Guide", and contract.md, "bigapi".
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from gateway.desk import Desk
from gateway.dialects.bigapi.sizes import check_size, frame
from gateway.dialects.bigapi.tasks import (
    MAX_NEGATIVE_PROMPT_CHARACTERS,
    AnyTask,
    CustomSize,
    GptImage1,
    IdeogramV3,
    JobRequest,
    QwenImage,
)
from gateway.dialects.bigapi.tokens import check_tokens
from gateway.orders import Order, Secret
from gateway.prompts import check_prompt, check_text
from gateway.visitor import Visitor
from gesso.errors.v1 import reason_pb2 as pb
from gesso.generator.v1.generator_pb2 import OPERATION_TEXT_TO_IMAGE, Draw, Purchase
from servicekit.faults import Fault

MAX_PROMPT_CHARACTERS = 32_000
"""So that a single token has an end."""
KEY_PROVIDER = "openai"
"""Whose key `openai_api_key` is."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "dalle": {"size": "1024x1024"},
    "qwen-image": {"guidance_scale": 2.5, "num_inference_steps": 30},
}
"""What is so where a parameter is absent: of DALL-E 3 its own default, since its successor would choose a shape by itself."""
_SIZES = ("size", "image_size", "aspect_ratio")
_DRAWN: Mapping[str, str] = {
    "negative_prompt": "negative_prompt",
    "style": "style",
    "quality": "quality",
    "background": "background",
    "guidance_scale": "guidance",
    "num_inference_steps": "steps",
}
"""Parameters by the field of a draw that they fill."""
_OPTIONS = (
    "person_generation",
    "enhance_prompt_mode",
    "enable_safety_checker",
    "rendering_speed",
    "style_preset",
    "acceleration",
)
"""Parameters that the vendor alone understands."""


def order(request: JobRequest, _: Visitor) -> Order:
    """The order of a request. Raises InvalidField that names the field as `tasks[0].size`."""
    keys = {index: task.openai_api_key for index, task in enumerate(request.tasks) if isinstance(task, GptImage1)}
    without = [index for index, key in keys.items() if key is None]
    return Order(
        Purchase(draws=[_draw(task, f"tasks[{index}]") for index, task in enumerate(request.tasks)]),
        secrets=[Secret(index, KEY_PROVIDER, key) for index, key in keys.items() if key is not None],
        respond_async=request.respond_async is True,
        check=partial(_check_stored_key, without) if without else None,
    )


async def _check_stored_key(indexes: Sequence[int], desk: Desk) -> None:
    """Raise Fault PROVIDER_KEY_REQUIRED where tasks bring no key and the account has none that is stored."""
    if any(stored.provider == KEY_PROVIDER for stored in await desk.provider_keys()):
        return
    field = f"tasks[{indexes[0]}].openai_api_key"
    raise Fault(
        pb.REASON_PROVIDER_KEY_REQUIRED,
        f"`{field}` is required: gpt-image-1 is drawn with a key of your own, and none for OpenAI is stored here.",
        details={"field": field, "provider": KEY_PROVIDER},
    )


def _draw(task: AnyTask, path: str) -> Draw:
    provider = str(task.__struct_config__.tag)
    _check_texts(task, path)
    given = {name: value for name in task.__struct_fields__ if (value := getattr(task, name)) is not None}
    given = {**DEFAULTS.get(provider, {}), **given}
    sizes = {name: _size_word(given[name]) for name in _SIZES if name in given}
    for name in ("size", "image_size"):
        if name in sizes:
            check_size(sizes[name], field=f"{path}.{name}", provider=provider)
    asked = frame(**sizes)
    return Draw(
        operation=OPERATION_TEXT_TO_IMAGE,
        model=provider,
        prompt=task.prompt,
        n=1,
        width=asked.width,
        height=asked.height,
        aspect_ratio=asked.aspect_ratio,
        resolution=asked.resolution,
        options={name: _option_word(given[name]) for name in _OPTIONS if name in given},
        **{field: given[name] for name, field in _DRAWN.items() if name in given},
    )


def _check_texts(task: AnyTask, path: str) -> None:
    field = f"{path}.prompt"
    check_prompt(task.prompt, longest=MAX_PROMPT_CHARACTERS, field=field)
    check_tokens(task.prompt, field)
    if isinstance(task, IdeogramV3 | QwenImage) and task.negative_prompt is not None:
        check_text(task.negative_prompt, longest=MAX_NEGATIVE_PROMPT_CHARACTERS, field=f"{path}.negative_prompt")


def _size_word(value: str | CustomSize) -> str:
    return f"{value.width}x{value.height}" if isinstance(value, CustomSize) else value


def _option_word(value: str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else value
