"""An order fills the inputs that a model takes: which they are is a line of data for each model, what fills them a table here.

    filling = Filling("acme", {"prompt": "prompt", "num_images": "count", "guidance_scale": "guidance"})
    filled = filling.fill(order, "prompt* num_images guidance_scale raw:bool output_format=png,jpeg", pictures=…, mask=…)

The line's notation: `name` is an input, `name*` one that must be filled, `name=a,b` takes one of these words; `name:bool`,
`name:num` and `name:word` are options of that type. Numbers may have a range, `steps=1..50`, and a size bounds (sides, grid,
area, longest side over shortest): `size=256..1440/32@65536..1048576:16`. A provider's table of concepts says what each of its
vendor's names means; where an order fills it with nothing, the route's option of that name does. A name that is not in the
table is an option of the same name, of the draw or of the route. What was asked for and filled nothing, or something else, is a
warning.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

from generator.providers.base import Order
from generator.providers.complaints import invalid
from generator.providers.honours import unsupported
from generator.providers.shapes import Bounds, asked_ratio, nearest_size, shape_warnings
from generator.sizes import RESOLUTION_SIDES, Size, parse_size, requested_size
from gesso.generator.v1 import generator_pb2 as pb

T = TypeVar("T", int, float)

Concept = str
"""One of `_MAKERS`."""
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_FORMATS = {"jpg": "jpeg"}
_LOSSLESS = "png"


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a model."""

    name: str
    is_required: bool = False
    kind: str = ""
    words: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Filled:
    """What to send, and what could not be."""

    fields: Mapping[str, object]
    warnings: Sequence[str]


@dataclass(slots=True)
class _Asking:
    """An order while its inputs are filled; `honoured` grows, `shape` is what stands for the size in the end.

    `notes` tell of numbers that had to be changed.
    """

    order: Order
    pictures: Sequence[str]
    mask: str | None
    honoured: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    shape: str | Size | None = None
    picture_count: int = 0

    @property
    def draw(self) -> pb.Draw:
        return self.order.draw


class Filling:
    """One provider's way of naming."""

    def __init__(
        self, provider: str, concepts: Mapping[str, Concept], *, aliases: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        """`concepts` are by the vendor's names; `aliases` are further names by which an option may be asked for."""
        assert set(concepts.values()) <= _MAKERS.keys(), "a concept is one of the table"
        self._provider = provider
        self._concepts = concepts
        self._aliases = aliases or {}

    def fill(self, order: Order, inputs: str, *, pictures: Sequence[str] = (), mask: str | None = None) -> Filled:
        """Fill the model's inputs; `pictures` and `mask` are the order's as the vendor takes them (`data:` URIs, addresses).

        Raises UpstreamFault UPSTREAM_INVALID, not bought, for an input that must be filled and is not.
        """
        asking = _Asking(order, pictures, mask)
        fields: dict[str, object] = {}
        for one in parse_inputs(inputs):
            value = self._value(asking, one)
            if value is not None:
                fields[one.name] = value
            elif one.is_required:
                raise invalid(self._provider, one.name, f"The model needs {one.name}, and the request has none.")
        return Filled(fields, self._warnings(asking))

    def _value(self, asking: _Asking, one: Input) -> object | None:
        concept = self._concepts.get(one.name)
        if concept is None:
            return self._option(asking, one)
        value = _MAKERS[concept](asking, one)
        if value is None:
            text = asking.order.options.get(one.name)
            return None if text is None else typed(text, one)
        asking.honoured.add(_NAMES.get(concept, concept))
        return value

    def _option(self, asking: _Asking, one: Input) -> object | None:
        for name in (one.name, *self._aliases.get(one.name, ())):
            for options in (asking.draw.options, asking.order.options):
                value = typed(options[name], one) if name in options else None
                if value is not None:
                    asking.honoured.add(name)
                    return value
        return None

    def _warnings(self, asking: _Asking) -> Sequence[str]:
        found = list(unsupported(self._provider, asking.order, asking.honoured, most_inputs=asking.picture_count)) + [
            f"{self._provider} was asked for {note}" for note in asking.notes
        ]
        is_new = asking.draw.operation == pb.OPERATION_TEXT_TO_IMAGE
        if asking.shape is None and not is_new:  # the result has its input's shape
            return found
        return [*found, *shape_warnings(self._provider, asking.draw, asking.shape)]


@lru_cache(maxsize=512)
def parse_inputs(line: str) -> Sequence[Input]:
    """Read a model's line."""
    return tuple(map(_input, line.split()))


def _input(token: str) -> Input:
    head, _, words = token.partition("=")
    name, _, kind = head.partition(":")
    return Input(name.rstrip("*"), name.endswith("*"), kind, tuple(words.split(",")) if words else ())


def typed(text: str, one: Input) -> object | None:
    """An option's text as the input's type; None for what is no value of it."""
    if one.kind == "num":
        return _typed_number(text, one)
    if one.words:
        return next((word for word in one.words if word.lower() == text.lower()), None)
    return _BOOLEANS.get(text.lower()) if one.kind == "bool" else text


def _typed_number(text: str, one: Input) -> int | float | None:
    try:
        number = int(text) if text.lstrip("-").isdecimal() else float(text)
    except ValueError:
        return None
    low, high = _range(one)
    return number if low <= number <= high else None


def _range(one: Input) -> tuple[float, float]:
    """The least and the most that a number may be."""
    low, _, high = (one.words[0] if one.words else "-inf..inf").partition("..")
    return float(low), float(high)


def _seed(asking: _Asking, one: Input) -> int | None:
    """The seed, taken around where the vendor knows fewer: seeds that follow one another stay different."""
    if not asking.draw.HasField("seed"):
        return None
    asked = asking.draw.seed
    drawn = asked if not one.words else asked % (int(_range(one)[1]) + 1)
    if drawn != asked:
        asking.notes.append(f"the seed {drawn} instead of {asked}, which is larger than its seeds.")
    return drawn


def _bounded(asking: _Asking, one: Input, name: str, value: T) -> T:
    """The number, or the nearest that the vendor takes."""
    low, high = _range(one)
    drawn = type(value)(min(max(value, low), high))
    if drawn != value:
        asking.notes.append(f"{name} {drawn:g}, the nearest to {value:g} that it takes.")
    return drawn


def _steps(asking: _Asking, one: Input) -> int | None:
    return _bounded(asking, one, "steps", asking.draw.steps) if asking.draw.HasField("steps") else None


def _guidance(asking: _Asking, one: Input) -> float | None:
    return _bounded(asking, one, "guidance", asking.draw.guidance) if asking.draw.HasField("guidance") else None


def _strength(asking: _Asking, one: Input) -> float | None:
    return _bounded(asking, one, "strength", asking.draw.strength) if asking.draw.HasField("strength") else None


def _likeness(asking: _Asking, one: Input) -> float | None:
    """The opposite of the strength: how much of the input picture is to be left."""
    return 1.0 - asking.draw.strength if asking.draw.HasField("strength") else None


def _size(asking: _Asking, one: Input) -> Size | None:
    """The size to ask for: the nearest of the words, or within the bounds."""
    size = requested_size(asking.draw)
    if size is None:
        return None
    if one.words and ".." in one.words[0]:
        drawn = bounds(one.words[0]).nearest(size)
    else:
        drawn = nearest_size(size, list(map(parse_size, one.words))) if one.words else Bounds().nearest(size)
    asking.shape = drawn
    return drawn


@lru_cache(maxsize=64)
def bounds(text: str) -> Bounds:
    """Read `512..2048`; with the grid, `256..1440/32`; with the area, `512..2048@921600..4194304`; with the ratio, `…:16`."""
    text, _, ratio = text.partition(":")
    sides, _, area = text.partition("@")
    sides, _, step = sides.partition("/")
    low, high = map(int, sides.split(".."))
    fewest, most = map(int, area.split("..")) if area else (0, 0)
    return Bounds(low, high, int(step or 8), min_pixels=fewest, max_pixels=most, max_ratio=int(ratio or 0))


def _size_object(asking: _Asking, one: Input) -> object | None:
    """Width and height; where the vendor lists its sizes, the nearest of these as it is written."""
    size = _size(asking, one)
    if size is None or (one.words and ".." not in one.words[0]):
        return None if size is None else str(size)
    return {"width": size.width, "height": size.height}


def _size_text(asking: _Asking, one: Input) -> str | None:
    size = _size(asking, one)
    return None if size is None else str(size)


def _width(asking: _Asking, one: Input) -> int | None:
    size = _size(asking, one)
    return None if size is None else size.width


def _height(asking: _Asking, one: Input) -> int | None:
    size = _size(asking, one)
    return None if size is None else size.height


def _ratio(asking: _Asking, one: Input) -> str | None:
    ratio = asked_ratio(asking.draw, [word for word in one.words if word[0].isdigit()])
    asking.shape = ratio or asking.shape
    return ratio


def _resolution(asking: _Asking, one: Input) -> str | None:
    """The smallest of the vendor's resolutions that holds the asked size; a shape alone asks for none."""
    draw = asking.draw
    size = requested_size(draw) if draw.width or draw.resolution else None
    if size is None or draw.resolution in one.words:
        return draw.resolution or None
    enough = (word for word in one.words if RESOLUTION_SIDES[word] ** 2 * 1.05 >= size.pixel_count)
    return next(enough, one.words[-1])


def _format(asking: _Asking, one: Input) -> str | None:
    """The asked format, else the lossless one, from which any is made without a loss."""
    asked = asking.draw.output_format
    words = [word for word in one.words if _FORMATS.get(word, word) == _FORMATS.get(asked, asked)]
    return words[0] if words else _LOSSLESS if _LOSSLESS in one.words else None


def _picture(asking: _Asking, one: Input) -> str | None:
    asking.picture_count = 1
    return asking.pictures[0] if asking.pictures else None


def _next_picture(asking: _Asking, one: Input) -> str | None:
    """Of a vendor that has an input for each picture: the first that no input before this one has taken."""
    index = asking.picture_count
    asking.picture_count += 1
    return asking.pictures[index] if index < len(asking.pictures) else None


def _pictures(asking: _Asking, one: Input) -> Sequence[str] | None:
    asking.picture_count = int(one.words[0]) if one.words else 1
    return asking.pictures[: asking.picture_count] or None


def _quality(asking: _Asking, one: Input) -> str | None:
    word = asking.order.options.get("quality", asking.draw.quality)
    return word if word in one.words else None


def _style(asking: _Asking, one: Input) -> object | None:
    return typed(asking.draw.style, one) or None


def _background(asking: _Asking, one: Input) -> str | None:
    return asking.draw.background if asking.draw.background in one.words else None


def _loras(asking: _Asking, one: Input) -> object | None:
    draw = asking.draw
    if not draw.lora_weights:
        return None
    return [{"path": draw.lora_weights, "scale": draw.lora_scale if draw.HasField("lora_scale") else 1.0}]


_MAKERS: Mapping[Concept, Callable[[_Asking, Input], object | None]] = {
    "prompt": lambda asking, _: asking.draw.prompt or None,
    "negative_prompt": lambda asking, _: asking.draw.negative_prompt or None,
    "count": lambda asking, _: asking.order.count,
    "seed": _seed,
    "steps": _steps,
    "guidance": _guidance,
    "strength": _strength,
    "likeness": _likeness,
    "size_object": _size_object,
    "size_text": _size_text,
    "width": _width,
    "height": _height,
    "ratio": _ratio,
    "resolution": _resolution,
    "format": _format,
    "output_quality": lambda asking, _: asking.draw.output_quality or None,
    "quality": _quality,
    "style": _style,
    "background": _background,
    "picture": _picture,
    "next_picture": _next_picture,
    "pictures": _pictures,
    "mask": lambda asking, _: asking.mask,
    "loras": _loras,
    "lora_weights": lambda asking, _: asking.draw.lora_weights or None,
    "lora_scale": lambda asking, _: asking.draw.lora_scale if asking.draw.HasField("lora_scale") else None,
}
# What a warning calls it, where that is another word.
_NAMES: Mapping[Concept, str] = {
    "loras": "lora_weights",
    "background": "transparent background",
    "likeness": "strength",
}
