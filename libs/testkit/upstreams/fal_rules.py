"""fal's rules for the inputs of its image models, read from the table of the vendor's published types in fal_inputs.txt."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

Fields = Mapping[str, object]

_TABLE = Path(__file__).with_name("fal_inputs.txt")
_NAMED_SIZES: Mapping[str, tuple[int, int]] = {
    "square_hd": (1024, 1024),
    "square": (512, 512),
    "portrait_4_3": (768, 1024),
    "portrait_16_9": (576, 1024),
    "landscape_4_3": (1024, 768),
    "landscape_16_9": (1024, 576),
}
_DEFAULT_SIZE = (1024, 1024)
_LONGEST_SIDE = 14_142
# Sides that the vendor's notes bound.
_SIDES: Mapping[str, tuple[int, int]] = {
    "fal-ai/bytedance/seedream/v3/text-to-image": (512, 2048),
    "fal-ai/bytedance/seedream/v4/text-to-image": (1024, 4096),
    "fal-ai/bytedance/seedream/v4/edit": (1024, 4096),
    "fal-ai/bytedance/seedream/v4.5/text-to-image": (1920, 4096),
    "fal-ai/bytedance/seedream/v4.5/edit": (1920, 4096),
    "fal-ai/flux-2": (512, 2048),
    "fal-ai/flux-2/lora": (512, 2048),
}


@dataclass(frozen=True, slots=True)
class Model:
    """What one model takes and gives."""

    name: str
    one_image: bool
    flags_nsfw: bool
    tells_seed: bool
    inputs: dict[str, str] = field(default_factory=dict)
    required: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Violation:
    """An input that the vendor refuses: its name, and the vendor's type of the error."""

    name: str
    kind: str


@cache
def models() -> Mapping[str, Model]:
    """Read the table."""
    found: dict[str, Model] = {}
    model = Model("", False, False, False)
    for line in _TABLE.read_text().splitlines():
        if line.startswith("  "):
            name, _, kind = line.strip().partition(" ")
            model.inputs[name.rstrip("*")] = kind
            if name.endswith("*"):
                model.required.add(name.rstrip("*"))
        elif line and not line.startswith("#"):
            name, _, gives = line.partition(" -> ")
            words = gives.split()
            model = found[name] = Model(name, "image" in words, "nsfw" in words, "seed" in words)
    return found


def violation(model: Model, fields: Fields) -> Violation | None:
    """Return the first input that the model would refuse. Unknown ones are refused too: the vendor would ignore them in silence."""
    for name in model.required:
        if fields.get(name) in (None, "", []):
            return Violation(name, "missing")
    for name, value in fields.items():
        if name not in model.inputs:
            return Violation(name, "extra_forbidden")
        if not _fits(value, model.inputs[name]):
            return Violation(name, "one_of")
    return _badly_sized(model, fields.get("image_size"))


def drawn_size(fields: Fields) -> tuple[int, int]:
    """Return the sides of the pictures that these inputs bring."""
    size = fields.get("image_size")
    if isinstance(size, dict):
        return size["width"], size["height"]
    for text in (size, fields.get("aspect_ratio")):
        if isinstance(text, str) and text in _NAMED_SIZES:
            return _NAMED_SIZES[text]
        left, _, right = str(text).replace("x", ":").partition(":")
        if left.isdecimal() and right.isdecimal():
            return _scaled(int(left), int(right))
    return _DEFAULT_SIZE


def _scaled(width: int, height: int) -> tuple[int, int]:
    """As 16:9 is drawn: about 1024 pixels on the longer side."""
    scale = 1024 / max(width, height)
    return round(width * scale), round(height * scale)


def _badly_sized(model: Model, size: object) -> Violation | None:
    if not isinstance(size, dict):
        return None
    low, high = _SIDES.get(model.name, (1, _LONGEST_SIDE))
    if all(isinstance(size.get(side), int) and low <= size[side] <= high for side in ("width", "height")):
        return None
    return Violation("image_size", "less_than_equal")


def _are_loras(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, dict) and isinstance(one.get("path"), str) and one.keys() <= {"path", "scale"} for one in value
    )


_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "str": lambda value: isinstance(value, str),
    "num": lambda value: type(value) in (int, float),
    "bool": lambda value: isinstance(value, bool),
    "url": lambda value: isinstance(value, str) and value.startswith(("https://", "http://", "data:image/")),
    "str[]": lambda value: isinstance(value, list) and all(isinstance(one, str) for one in value),
    "ImgSize": lambda value: isinstance(value, dict) or value in _NAMED_SIZES,
    "ImageSize": lambda value: isinstance(value, dict),
    "LoraWeight[]": _are_loras,
    "LoRAInput[]": _are_loras,
}


def _fits(value: object, kind: str) -> bool:
    words = kind.split("/")
    return any(_CHECKS[word](value) if word in _CHECKS else value == word for word in words)
