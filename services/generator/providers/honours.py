"""What an order asks for beyond a prompt, so that a provider need only list what it honours and the rest is told as a warning."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from generator.providers.base import Order
from gesso.generator.v1 import generator_pb2 as pb

_PLAIN_QUALITIES = frozenset({"", "auto", "standard"})
# Options for us (see inputs.py and transforming.py), or that say who asks: no vendor that ignores them draws anything else.
_SILENT_OPTIONS = frozenset(
    {"safety_identifier", "user", "moderation", "mask_blur", "mask_inverted", "preserve_colors"}
)
# What every vendor does (the picture below the mask as it is), or was done to the picture before: see generator/inputs.py.
_SILENT_VALUES = frozenset({("inpaint_mode", "original"), ("inpaint_mode", "fill")})
_INPUT_OPERATIONS = frozenset({pb.OPERATION_IMAGE_TO_IMAGE, pb.OPERATION_INPAINT})


def asked(order: Order) -> Sequence[str]:
    """The names of what an order asks for, as warnings name them: fields of the draw, `transparent background`, `mask`, options.

    Not among them: prompt, count and size (see shapes.py), and the output format, which is made by whoever keeps the picture.
    """
    draw = order.draw
    found: Mapping[str, bool] = {
        "negative_prompt": bool(draw.negative_prompt),
        "quality": draw.quality not in _PLAIN_QUALITIES,
        "style": bool(draw.style),
        "transparent background": draw.background == "transparent",
        "seed": draw.HasField("seed"),
        "steps": draw.HasField("steps"),
        "guidance": draw.HasField("guidance"),
        "strength": draw.HasField("strength") and draw.operation in _INPUT_OPERATIONS,
        "lora_weights": bool(draw.lora_weights),
        "mask": order.mask is not None,
    }
    said = [item for item in draw.options.items() if item not in _SILENT_VALUES]
    options = sorted(name for name, _ in said if name not in _SILENT_OPTIONS)
    return [name for name, is_asked in found.items() if is_asked] + options


def with_options(order: Order, changes: Mapping[str, str | None]) -> Order:
    """The same order with options of its draw changed; None takes one away, as what a provider has honoured itself."""
    draw = pb.Draw()
    draw.CopyFrom(order.draw)
    for name, value in changes.items():
        draw.options.pop(name, None)
        if value is not None:
            draw.options[name] = value
    return replace(order, draw=draw)


def unsupported(provider: str, order: Order, honoured: Collection[str], *, most_inputs: int = 16) -> Sequence[str]:
    """A sentence for each thing that an order asks for and `honoured` does not name, and for inputs beyond `most_inputs`."""
    found = [f"{provider} ignores {name}." for name in asked(order) if name not in honoured]
    if len(order.inputs) > most_inputs:
        found.append(f"{provider} uses the first {most_inputs} of {len(order.inputs)} input pictures.")
    return found
