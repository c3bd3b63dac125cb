"""The embedded sketch engine as a provider: it costs nothing to repeat, and the same order always gives the same pictures."""

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence

from generator.engines.art.library import art_dir
from generator.engines.sketch.engine import Sketch, SketchConfig
from generator.engines.sketch.request import (
    MAX_SIDE,
    MIN_SIDE,
    VERSION,
    OutputFormat,
    SketchFailed,
    SketchPicture,
    SketchRefused,
    SketchRequest,
)
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
from generator.providers.honours import asked
from generator.providers.variables import Variable
from generator.sizes import Size, requested_size
from gesso.errors.v1 import reason_pb2 as pb

NAME = "sketch"
ART_DIR = Variable(
    "GESSO_ART_DIR", "Folder of the drawings that sketch composes; empty for one inside the Python environment."
)
_SEEDS = 2**32
_DEFAULT_SIZE = Size(1024, 1024)
_DEFAULT_QUALITY = 90
_PREVIEWS = {1: (4,), 2: (8, 4), 3: (8, 4, 3)}
"""Of the sides of unfinished pictures, by how many are asked for, the parts of the finished one's: each costs its square."""
_DEFAULT_STRENGTH = 0.75
_FORMATS: Mapping[str, OutputFormat] = {"": "png", "png": "png", "jpeg": "jpeg", "jpg": "jpeg", "webp": "webp"}
# A picture is at most as many bytes as its pixels.
_BYTES_PER_PIXEL = 4
# It has one way to draw, and that is its best; `style` is read as words of the prompt.
_HONOURED = frozenset({"negative_prompt", "quality", "style", "seed", "strength", "mask"})


class SketchProvider:
    """Draws every order in the engine's child processes."""

    name = NAME
    free_to_repeat = True
    trained = False

    def __init__(self, engine: Sketch) -> None:
        self._engine = engine
        self._has_art = False

    @property
    def configured(self) -> bool:
        """Whether its art is installed; once found it is not looked for again."""
        if not self._has_art:
            with contextlib.suppress(SketchRefused):
                self._engine.check_art()
                self._has_art = True
        return self._has_art

    async def submit(self, order: Order, memory: Memory) -> Drawn:
        """Draw `order.count` pictures side by side, picture i with the seed + i.

        Raises UpstreamFault where not one could be drawn; with some, the others' faults stand in the answer.
        """
        draw, size = order.draw, drawn_size(requested_size(order.draw) or _DEFAULT_SIZE)
        await memory.reserve(size.pixel_count * _BYTES_PER_PIXEL * order.count)
        seed = draw.seed if draw.HasField("seed") else _seed_of(order.task_id)
        if order.on_partial is not None:
            await self._preview(order, size, seed, order.on_partial)
        drawing = [self._draw(order, size, (seed + index) % _SEEDS) for index in range(order.count)]
        results = await asyncio.gather(*drawing)
        pictures = [result for result in results if isinstance(result, SketchPicture)]
        faults = [result for result in results if isinstance(result, UpstreamFault)]
        if not pictures:
            raise faults[0]
        return Drawn(
            pictures=[Pixels(picture.data, picture.seed) for picture in pictures],
            upstream_model=f"{NAME}-{VERSION}",
            faults=faults,
            echoed={"background": "opaque", "size": str(size), "output_format": pictures[0].format},
            warnings=warnings(order, size),
        )

    async def collect(self, ticket: Ticket, order: Order, memory: Memory) -> Drawn:
        """Never called: `submit` always answers with pictures."""
        raise AssertionError("the sketch engine gives out no tickets")

    async def close(self) -> None:
        """End the children."""
        await self._engine.__aexit__(None, None, None)

    async def _preview(self, order: Order, size: Size, seed: int, show: Callable[[Pixels], Awaitable[None]]) -> None:
        """Show the picture small: the same picture, with less detail, for a small part of the time."""
        for share in _PREVIEWS.get(order.draw.partial_images, ()):
            smaller = Size(max(MIN_SIDE, size.width // share), max(MIN_SIDE, size.height // share))
            result = await self._draw(order, smaller, seed)
            if isinstance(result, SketchPicture):
                await show(Pixels(result.data, result.seed))

    async def _draw(self, order: Order, size: Size, seed: int) -> SketchPicture | UpstreamFault:
        try:
            return await self._engine.draw(_request(order, size, seed))
        except SketchRefused as refusal:
            return _fault(pb.REASON_UPSTREAM_INVALID, str(refusal), retryable=False)
        except SketchFailed as failure:
            return _fault(pb.REASON_UPSTREAM_FAILED, str(failure), retryable=True)


def drawn_size(size: Size) -> Size:
    """The size that the engine draws for an asked one: the same, or the nearest of its shape within 64 to 2048 pixels a side."""
    scale = min(1.0, MAX_SIDE / max(size.width, size.height))
    return Size(max(MIN_SIDE, round(size.width * scale)), max(MIN_SIDE, round(size.height * scale)))


PROVIDER = ProviderFactory(
    NAME, (ART_DIR,), lambda environ: SketchProvider(Sketch(SketchConfig(art_folder=art_dir(environ))))
)


def warnings(order: Order, size: Size) -> Sequence[str]:
    """What the order asks for and the engine cannot give, each in a sentence."""
    wanted = requested_size(order.draw)
    found = [f"The sketch engine ignores {name}." for name in asked(order) if name not in _HONOURED]
    if wanted is not None and wanted != size:
        found.append(f"The sketch engine drew {size} instead of {wanted}.")
    if len(order.inputs) > 1:
        found.append("The sketch engine uses the first input picture only.")
    return found


def _request(order: Order, size: Size, seed: int) -> SketchRequest:
    draw = order.draw
    return SketchRequest(
        prompt=f"{draw.prompt}, {draw.style}" if draw.style else draw.prompt,
        negative_prompt=draw.negative_prompt,
        width=size.width,
        height=size.height,
        seed=seed,
        init_image=order.inputs[0] if order.inputs else None,
        mask=order.mask if order.inputs else None,
        strength=draw.strength if draw.HasField("strength") else _DEFAULT_STRENGTH,
        output_format=_FORMATS.get(draw.output_format, "png"),
        quality=draw.output_quality or _DEFAULT_QUALITY,
    )


def _seed_of(task_id: str) -> int:
    """A task without a seed gets one from its id, so that drawing it again after a crash gives the same pictures."""
    return int.from_bytes(hashlib.sha256(task_id.encode()).digest()[:4], "big")


def _fault(reason: pb.Reason.ValueType, message: str, *, retryable: bool) -> UpstreamFault:
    return UpstreamFault(reason, message, bought=Bought.NO, retryable=retryable, details={"provider": NAME})
