"""OpenAI's rules for image requests, as a table: models, their sizes and qualities, and each field's values.

Written from the vendor's SDK and published specification, as of November 2026. Where the specification is older than the
SDK (it lists models that have been shut down, and lacks the 2.5 family), the SDK is followed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

Fields = Mapping[str, object]

_STANDARD_SIZES = frozenset({"auto", "1024x1024", "1536x1024", "1024x1536"})
_STANDARD_QUALITIES = frozenset({"auto", "low", "medium", "high"})
_MORE_QUALITIES = _STANDARD_QUALITIES | {"xhigh", "max"}
_BOTH_FIDELITIES = frozenset({"high", "low"})

_SIZE = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})")
_SIZE_STEP = 16
_LONGEST_RATIO = 3
_LONG_EDGE, _SHORT_EDGE = 3840, 2160
_FEWEST_PIXELS = 655_360


@dataclass(frozen=True, slots=True)
class Model:
    """What one live model takes."""

    qualities: frozenset[str]
    free_sizes: bool = True
    fidelities: frozenset[str] = frozenset()
    markup: bool = False


_V2 = Model(_STANDARD_QUALITIES)
_V2_5 = Model(_MORE_QUALITIES, markup=True)
# The SDK names these and documents neither free sizes nor more qualities.
_V2_6 = Model(_STANDARD_QUALITIES, free_sizes=False)
_V1_5 = Model(_STANDARD_QUALITIES, free_sizes=False, fidelities=_BOTH_FIDELITIES)
# Not here, because shut down: dall-e-2 and dall-e-3 (2026-05-12), gpt-image-1 (2026-10-23).
MODELS: Mapping[str, Model] = {
    "gpt-image-1-mini": Model(_STANDARD_QUALITIES, free_sizes=False, fidelities=frozenset({"low"})),
    "gpt-image-1.5": _V1_5,
    "gpt-image-1.5-2025-12-16": _V1_5,
    "chatgpt-image-latest": _V1_5,
    "gpt-image-2": _V2,
    "gpt-image-2-2026-04-21": _V2,
    "gpt-image-2.5-sunburst": _V2_5,
    "gpt-image-2.5-sunburst-2026-09-08": _V2_5,
    "gpt-image-2.5-flare": _V2_5,
    "gpt-image-2.5-flare-2026-09-08": _V2_5,
    "gpt-image-2.6-sunburst": _V2_6,
    "gpt-image-2.6-flare": _V2_6,
}


@dataclass(frozen=True, slots=True)
class Refused:
    """An error in the vendor's form (ErrorResponse of the specification)."""

    message: str
    param: str | None = None
    code: str | None = "invalid_value"
    kind: str = "invalid_request_error"
    status: int = 400


def _one_of(*values: str) -> Callable[[object], bool]:
    return lambda value: value in values


def _whole(low: int, high: int) -> Callable[[object], bool]:
    return lambda value: type(value) is int and low <= value <= high


def _text(longest: int) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and 1 <= len(value) <= longest


# Null stands for absence wherever a field is not required.
_COMMON: Mapping[str, Callable[[object], bool]] = {
    "prompt": _text(32_000),
    "model": _text(200),
    "n": _whole(1, 10),
    "size": _text(20),
    "quality": _text(20),
    "background": _one_of("auto", "transparent", "opaque"),
    "output_format": _one_of("png", "webp", "jpeg"),
    "output_compression": _whole(0, 100),
    "moderation": _one_of("auto", "low"),
    "complexity": _one_of("low", "medium", "high"),
    "stream": lambda value: isinstance(value, bool),
    "partial_images": _whole(0, 3),
    "safety_identifier": _text(512),
    "user": _text(512),
}
GENERATION = _COMMON
EDIT: Mapping[str, Callable[[object], bool]] = {
    **_COMMON,
    "input_fidelity": _one_of("high", "low"),
    "images": lambda value: isinstance(value, list) and 1 <= len(value) <= 16,
    "mask": lambda _: True,
    "markup": lambda _: True,
}


def refusal_of(fields: Fields, known: Mapping[str, Callable[[object], bool]]) -> Refused | None:
    """Return why the vendor would refuse ``fields``, judged by the table of the operation; None if it would not."""
    given = {name: value for name, value in fields.items() if value is not None}
    for name in given:
        if name not in known:
            return Refused(f"Unknown parameter: '{name}'.", name, "unknown_parameter")
    if "prompt" not in given:
        return Refused("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
    for name, value in given.items():
        if not known[name](value):
            return Refused(f"Invalid value for '{name}': {str(value)[:100]!r}.", name)
    model_name = str(given.get("model"))
    model = MODELS.get(model_name)
    if model is None:
        return unknown_model(model_name)
    return _refused_by_model(given, model_name, model) or _refused_together(given)


def unknown_model(name: str) -> Refused:
    """Return what the vendor says of a model that it has shut down, never had, or does not show to this key."""
    text = f"The model '{name}' does not exist or you do not have access to it."
    return Refused(text, "model", "model_not_found", status=404)


def pixels(size: str) -> tuple[int, int]:
    """Return width and height of ``WxH``; ``auto`` is what the vendor mostly makes of it."""
    match = _SIZE.fullmatch(size)
    return (int(match[1]), int(match[2])) if match else (1024, 1024)


def _refused_by_model(given: Fields, name: str, model: Model) -> Refused | None:
    if (quality := given.get("quality", "auto")) not in model.qualities:
        allowed = ", ".join(sorted(model.qualities))
        return Refused(f"Invalid value: '{quality}'. Supported values are: {allowed}.", "quality")
    if "input_fidelity" in given and given["input_fidelity"] not in model.fidelities:
        text = f"The model '{name}' does not support the 'input_fidelity' parameter."
        return Refused(text, "input_fidelity", "invalid_input_fidelity_model")
    if "markup" in given and not model.markup:
        return Refused(f"The model '{name}' does not support the 'markup' parameter.", "markup")
    return _refused_size(str(given.get("size", "auto")), model)


def _refused_size(size: str, model: Model) -> Refused | None:
    if size in _STANDARD_SIZES:
        return None
    match = _SIZE.fullmatch(size)
    if match is None or not model.free_sizes:
        return Refused(f"Invalid value: '{size}'.", "size")
    short, long = sorted((int(match[1]), int(match[2])))
    if short % _SIZE_STEP or long % _SIZE_STEP:
        return Refused(f"Invalid size '{size}': width and height must be divisible by 16.", "size")
    if long > _LONGEST_RATIO * short:
        return Refused(f"Invalid size '{size}': the aspect ratio must be between 1:3 and 3:1.", "size")
    if long > _LONG_EDGE or short > _SHORT_EDGE or short * long < _FEWEST_PIXELS:
        return Refused(f"Invalid size '{size}': outside the current pixel and edge limits.", "size")
    return None


def _refused_together(given: Fields) -> Refused | None:
    output_format = given.get("output_format", "png")
    if given.get("background") == "transparent" and output_format == "jpeg":
        return Refused("Transparent background requires output_format png or webp.", "background")
    if given.get("output_compression", 100) != 100 and output_format == "png":
        return Refused("output_compression is supported for webp and jpeg only.", "output_compression")
    if given.get("partial_images") and not given.get("stream"):
        return Refused("partial_images requires stream to be true.", "partial_images")
    if "mask" in given and "markup" in given:
        return Refused("markup cannot be used together with mask.", "markup")
    return None
