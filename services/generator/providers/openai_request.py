"""OpenAI's request, as data: which size, quality and fields its image models are asked for, and what they cannot honour.

Source: the vendor's specification and SDK, as of 2026-11-20. GPT image models take any size of multiples of 16 within the limits
below (those of the first generation three sizes, which the route's option `sizes` lists), always answer with base64, and refuse
`response_format`, `style` and, from generation 2 on, `input_fidelity`, which are never sent then. A stream is one picture's.
"""

import math
from collections.abc import Sequence

from generator.providers.base import Order
from generator.providers.honours import unsupported
from generator.providers.shapes import nearest_size
from generator.sizes import Size, parse_size, requested_size

_GRID = 16
_LONG_EDGE, _SHORT_EDGE = 3840, 2160
_LONGEST_RATIO = 3
# The smallest area is not documented; the community found this one. Smaller pictures are drawn with the area of 1024x1024.
_FEWEST_PIXELS = 655_360
_STANDARD_PIXELS = 1024 * 1024
_QUALITIES = {"standard": "medium", "hd": "high", "": "auto"}
_FORMATS = {"jpg": "jpeg"}
_COMPRESSED = frozenset({"jpeg", "webp"})
_PASSED_ON = {"moderation": frozenset({"auto", "low"}), "complexity": frozenset({"low", "medium", "high"})}
_HONOURED = frozenset({"quality", "transparent background", "mask", *_PASSED_ON})
_FIDELITY = "input_fidelity"
_BOTH = frozenset({"high", "low"})
_FIDELITIES = {
    "gpt-image-1-mini": frozenset({"low"}),
    "gpt-image-1.5": _BOTH,
    "gpt-image-1.5-2025-12-16": _BOTH,
    "chatgpt-image-latest": _BOTH,
}
"""Later generations refuse the field, and always keep closely to their inputs."""


def fields(order: Order, size: Size | None) -> dict[str, str | int]:
    """The fields of the request but its pictures; `size` None leaves it to the vendor."""
    draw = order.draw
    asked: dict[str, str | int] = {
        "model": order.upstream_model,
        "prompt": draw.prompt,
        "n": order.count,
        "quality": quality(order.options.get("quality", draw.quality)),
        "size": "auto" if size is None else str(size),
    }
    if draw.background:
        asked["background"] = draw.background
    if draw.output_format:
        asked["output_format"] = _FORMATS.get(draw.output_format, draw.output_format)
    if draw.output_quality and asked.get("output_format") in _COMPRESSED:
        asked["output_compression"] = draw.output_quality
    asked |= {name: draw.options[name] for name, known in _PASSED_ON.items() if draw.options.get(name) in known}
    if _keeps_fidelity(order):
        asked[_FIDELITY] = draw.options[_FIDELITY]
    if order.on_partial is not None:
        asked |= {"stream": True, "partial_images": draw.partial_images}
    # The worker names the account by a hash where the vendor may know it.
    if order.options.get("safety_identifier"):
        asked["safety_identifier"] = order.options["safety_identifier"]
    return asked


def _keeps_fidelity(order: Order) -> bool:
    return order.draw.options.get(_FIDELITY) in _FIDELITIES.get(order.upstream_model, ())


def quality(word: str) -> str:
    """The vendor's word for a quality; DALL·E's words are no longer its own."""
    return _QUALITIES.get(word, word)


def drawn_size(order: Order) -> Size | None:
    """The size to ask for: the one asked of us if it is legal, else the nearest that is, larger where it can be."""
    size = requested_size(order.draw)
    if size is None:
        return None
    fixed = order.options.get("sizes")
    return nearest_size(size, [parse_size(text) for text in fixed.split()]) if fixed else legal_size(size)


def legal_size(size: Size) -> Size:
    """The nearest size that generation 2 and later draw: large enough to hold the asked one, unless that is beyond the limits."""
    width, height = float(size.width), float(size.height)
    width, height = max(width, height / _LONGEST_RATIO), max(height, width / _LONGEST_RATIO)
    if width * height < _FEWEST_PIXELS:
        scale = math.sqrt(_STANDARD_PIXELS / (width * height))
        width, height = width * scale, height * scale
    shrink = min(1.0, _LONG_EDGE / max(width, height), _SHORT_EDGE / min(width, height))
    drawn = Size(_up(width * shrink), _up(height * shrink))
    # Rounding up may have left the ratio or the edges by one step.
    if max(drawn.width, drawn.height) > _LONGEST_RATIO * min(drawn.width, drawn.height):
        return Size(max(drawn.width, _up(drawn.height / 3)), max(drawn.height, _up(drawn.width / 3)))
    return drawn


def _up(side: float) -> int:
    return math.ceil(side / _GRID - 1e-9) * _GRID


def warnings(order: Order, drawn: Size | None) -> Sequence[str]:
    """What the draw asks for and the vendor cannot give, each in a sentence."""
    asked = requested_size(order.draw)
    honoured = _HONOURED | {_FIDELITY} if _keeps_fidelity(order) else _HONOURED
    found = list(unsupported("openai", order, honoured))
    if drawn is not None and drawn != asked:
        found.append(f"openai was asked for {drawn}, the nearest size to {asked} that it draws.")
    return found
