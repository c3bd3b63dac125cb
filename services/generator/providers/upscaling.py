"""Enlarging without a model, by bicubic interpolation in a limited child: what serves while no vendor that upscales is configured.

It is named for what it is: the upstream model is `bicubic`, and a warning says that no detail was added. Option of a draw:
`scale_factor`, 2, 3 or 4; 2 where it is absent. The result has at most 64 megapixels, keeps its transparency, and the format of
its input where the draw names none, but for a PNG that would be too large a file.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from generator.providers.base import (
    Bought,
    Drawn,
    Memory,
    Order,
    Pixels,
    ProviderFactory,
    Ticket,
    UpstreamFault,
)
from gesso.errors.v1 import reason_pb2 as pb
from pictures.facts import Facts, Flaw, NotAPicture
from pictures.inspection import inspect
from pictures.studio import DECODER, Studio, StudioUnavailable, Target

NAME = "upscaling"
UPSTREAM_MODEL = "bicubic"
SCALE_FACTOR = "scale_factor"
_FACTORS = frozenset({"2", "3", "4"})
_DEFAULT_QUALITY = 92
_TARGETS: Mapping[str, Target] = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "webp": "webp"}
# The largest results take most of a minute to compress on a slow machine.
_CHILDREN: Final = replace(DECODER, most=1, limits=replace(DECODER.limits, cpu_seconds=90))
# A photograph as PNG takes about two bytes a pixel, and a file has at most 64 MB.
_MOST_PNG_PIXELS = 24_000_000
_LONGEST_WEBP_SIDE = 16_383
_WARNING = "Enlarged by bicubic interpolation, which adds no detail: no upscaling model is configured."


class UpscalingProvider:
    """Enlarges in a child of its own, one picture at a time."""

    name = NAME
    free_to_repeat = True
    trained = False

    def __init__(self) -> None:
        self._studio = Studio(_CHILDREN, deadline_seconds=120.0)

    @property
    def configured(self) -> bool:
        """It needs nothing."""
        return True

    async def submit(self, order: Order, memory: Memory) -> Drawn:
        """Enlarge the order's first input. Raises UpstreamFault UPSTREAM_INVALID for what would be too large, or is none."""
        if not order.inputs:
            raise _invalid("image", "There is no picture to enlarge.")
        picture, factor = order.inputs[0], _factor(order)
        try:
            facts = inspect(picture)
            target = _target(order, facts, factor)
            await memory.reserve(facts.width * facts.height * factor**2)
            made = await self._studio.enlarge(
                picture,
                factor=factor,
                format=target,
                quality=order.draw.output_quality or _DEFAULT_QUALITY,
            )
        except NotAPicture as flaw:
            raise _refused(flaw, factor) from flaw
        except StudioUnavailable as error:
            raise _away() from error
        return Drawn(
            pictures=[Pixels(made.data) for _ in range(order.count)],
            upstream_model=UPSTREAM_MODEL,
            echoed={"size": f"{made.facts.width}x{made.facts.height}", "output_format": made.facts.format},
            warnings=_warnings(order, facts, target),
        )

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Never called: `submit` always answers with pictures."""
        raise AssertionError("enlarging gives out no tickets")

    async def close(self) -> None:
        """End the children."""
        await self._studio.__aexit__(None, None, None)


PROVIDER = ProviderFactory(NAME, (), lambda _: UpscalingProvider())


def _factor(order: Order) -> int:
    text = order.draw.options.get(SCALE_FACTOR, "2")
    if text not in _FACTORS:
        raise _invalid(SCALE_FACTOR, f"A picture is enlarged {', '.join(sorted(_FACTORS))} times.")
    return int(text)


def _target(order: Order, facts: Facts, factor: int) -> Target:
    asked = _TARGETS.get(order.draw.output_format)
    if asked is not None:
        return asked
    own = _TARGETS.get(facts.format, "png")
    fits = {
        "png": facts.width * facts.height * factor**2 <= _MOST_PNG_PIXELS,
        "webp": max(facts.width, facts.height) * factor <= _LONGEST_WEBP_SIDE,
    }
    if fits.get(own, True):
        return own
    if not facts.has_alpha:
        return "jpeg"
    return "webp" if fits["webp"] else "png"


def _warnings(order: Order, facts: Facts, target: Target) -> Sequence[str]:
    found = [_WARNING]
    if not order.draw.output_format and target != facts.format:
        found.append(f"It is a {target}: as {facts.format} it would be too large a file, or cannot be written.")
    if len(order.inputs) > 1:
        found.append(f"{NAME} uses the first of {len(order.inputs)} input pictures.")
    return found


def _refused(flaw: NotAPicture, factor: int) -> UpstreamFault:
    if flaw.kind in (Flaw.TOO_MANY_PIXELS, Flaw.TOO_LARGE):
        return _invalid(
            SCALE_FACTOR, f"{factor} times as large, this picture would have more than 64 megapixels or 64 MB."
        )
    return _invalid("image", "The picture to enlarge cannot be opened.")


def _invalid(field: str, message: str) -> UpstreamFault:
    details = {"provider": NAME, "field": field}
    return UpstreamFault(pb.REASON_UPSTREAM_INVALID, message, bought=Bought.NO, retryable=False, details=details)


def _away() -> UpstreamFault:
    message = "The picture could not be enlarged at the moment."
    details = {"provider": NAME}
    return UpstreamFault(pb.REASON_UPSTREAM_FAILED, message, bought=Bought.NO, retryable=True, details=details)
