"""What servers of the operator's own have in common: their names of models, weights in their folders, the size to draw in."""

import re
from collections.abc import Mapping

from generator.providers.base import Order
from generator.providers.shapes import Bounds
from generator.sizes import Size, requested_size
from pictures.facts import NotAPicture
from pictures.inspection import inspect

_NAME = re.compile(r"[\w][\w .+-]{0,199}")
_SAFETENSORS = ".safetensors"
CHECKPOINTS_DOC = (
    "The server's checkpoint for each upstream model, as `sdxl=my_xl.safetensors,other=…`; empty for published names."
)
_PUBLISHED = {"sdxl": "sd_xl_base_1.0.safetensors"}
"""Checkpoints by the names under which their vendors publish them, for the models that the catalogue routes here."""


def parse_checkpoints(text: str) -> Mapping[str, str]:
    """Read `sdxl=my_xl.safetensors,other=…`: the server's checkpoint for each upstream model, beside those published.

    Raises ValueError for anything else.
    """
    names = dict(_PUBLISHED)
    for pair in filter(None, map(str.strip, text.split(","))):
        name, equals, file = pair.partition("=")
        if not (equals and name.strip() and file.strip()):
            raise ValueError(f"{pair!r} is no name=file")
        names[name.strip()] = file.strip()
    return names


def local_weights(order: Order) -> tuple[str, float] | None:
    """The name and the scale of weights that may lie in the server's own folder; None for an address, which it does not fetch.

    A draw's weights go first; a route's are its options `lora` and `lora_scale`.
    """
    draw = order.draw
    name = draw.lora_weights or order.options.get("lora", "")
    name = name.removesuffix(_SAFETENSORS)
    if not _NAME.fullmatch(name):
        return None
    if draw.HasField("lora_scale"):
        return name, draw.lora_scale
    return name, float(order.options.get("lora_scale", "1"))


def canvas(order: Order, bounds: Bounds, default: Size) -> Size:
    """The size to draw in: what is asked for, else that of the first input, else the default; within the bounds."""
    size = requested_size(order.draw)
    if size is None and order.inputs:
        size = _size_of(order.inputs[0])
    return bounds.nearest(size or default)


def _size_of(picture: bytes) -> Size | None:
    try:
        facts = inspect(picture)
    except NotAPicture:  # the server says so itself
        return None
    return Size(facts.width, facts.height)
