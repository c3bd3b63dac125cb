"""What is done to a picture after it was drawn, so that it is what was asked for: decided here, done in the studio's children.

A draw's options (the contract between dialects and generator): `preserve_colors` = `true` gives the picture the colours of its
first input.
"""

from dataclasses import dataclass, replace

from gesso.generator.v1 import generator_pb2 as pb
from pictures import jpeg
from pictures.facts import Buffer, Facts
from pictures.studio import Picture, Studio, Target

PRESERVE_COLORS = "preserve_colors"
RESIZE, REENCODE, COLOR_TRANSFER = "resize", "reencode", "color_transfer"
_DEFAULT_QUALITY = 90
_QUALITY_MARGIN = 5
"""A picture is made again at a lower quality only where it is surely above: encoders count differently."""
_COLOURS_GONE = "The colours are as the upstream drew them: the input picture is gone."
_TARGETS: dict[str, Target] = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "webp": "webp", "avif": "avif"}


@dataclass(frozen=True, slots=True)
class Change:
    """What a picture must be made into; `transformations` are the steps by their public names, in order."""

    format: Target
    width: int | None
    height: int | None
    transformations: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def takes_colours(self) -> bool:
        """Whether it needs the draw's first input."""
        return COLOR_TRANSFER in self.transformations

    def without_colours(self) -> "Change":
        """The rest of it, where that input is gone."""
        steps = tuple(step for step in self.transformations if step != COLOR_TRANSFER)
        return replace(self, transformations=steps, warnings=(*self.warnings, _COLOURS_GONE))


def wanted(facts: Facts, draw: pb.Draw, *, quality: int | None = None) -> Change | None:
    """What must be changed about a picture for it to be what was asked for; None for nothing.

    `quality` is that at which a JPEG was made, where it is known.
    """
    asked = _TARGETS.get(draw.output_format) or facts.format
    target = _TARGETS.get(asked, "png")  # a GIF is taken as it is, and never written
    recoloured = draw.options.get(PRESERVE_COLORS) == "true" and bool(draw.input_image_ids)
    resized = bool(draw.width and draw.height) and (facts.width, facts.height) != (draw.width, draw.height)
    converted = asked != facts.format or ((recoloured or resized) and target != facts.format)
    coarser = not converted and _surely_finer(quality, draw.output_quality)
    steps = {COLOR_TRANSFER: recoloured, RESIZE: resized, REENCODE: converted or coarser}
    said = {
        f"resized from {facts.width}x{facts.height} to {draw.width}x{draw.height}": resized,
        f"converted from {facts.format} to {target}": converted,
        f"compressed anew at quality {draw.output_quality}": coarser,
    }
    if not any(steps.values()):
        return None
    return Change(
        target,
        draw.width if resized else None,
        draw.height if resized else None,
        tuple(step for step, is_due in steps.items() if is_due),
        tuple(warning for warning, is_due in said.items() if is_due),
    )


def known_quality(data: Buffer, facts: Facts, draw: pb.Draw) -> int | None:
    """The quality at which a JPEG was made, looked for only where the draw asks for one."""
    return jpeg.quality(memoryview(data).cast("B")) if facts.format == "jpeg" and draw.output_quality else None


async def transformed(studio: Studio, data: Buffer, change: Change, draw: pb.Draw, source: Buffer | None) -> Picture:
    """The picture as it was asked for; `source` is the draw's first input. Raises NotAPicture, StudioUnavailable."""
    colours = None
    if change.takes_colours and source is not None:
        colours = await studio.colour_statistics(source)
    return await studio.transcode(
        data,
        format=change.format,
        quality=draw.output_quality or _DEFAULT_QUALITY,
        width=change.width,
        height=change.height,
        colours=colours,
    )


def _surely_finer(quality: int | None, asked: int) -> bool:
    return quality is not None and 0 < asked < quality - _QUALITY_MARGIN
