"""Source pictures and masks: what they give to a draw that leaves its size open, and what is measured of them for its answer.

Source: contract.md, "imagegen", Generation.
"""

import asyncio
from collections.abc import Sequence

import msgspec

from gateway.dialects.imagegen.facts import Facts, frozen, thawed
from gateway.dialects.imagegen.requests import LEAST_SIDE, MOST_SIDE, SIDE_STEP
from gateway.orders import Lens
from gesso.gallery.v1.gallery_pb2 import Image, ImageAnalysis, MaskMeasures
from gesso.generator.v1.generator_pb2 import Draw, Purchase

MASK_INVERTED = "mask_inverted"
"""The option of a draw whose mask repaints what is black."""
_BY_ADDRESS = ("https://", "http://")


async def complete(purchase: Purchase, images: Sequence[Image], lens: Lens, *, addresses: Sequence[str]) -> None:
    """Give the draw its pictures: the source, and the mask where there is one; freeze what is measured of them.

    `addresses` are the pictures' origins as they were sent.
    """
    (draw,) = purchase.draws
    source = images[0]
    width, height = fitted(source.width, source.height)
    draw.width, draw.height = draw.width or width, draw.height or height
    draw.input_image_ids.append(source.id)
    facts = msgspec.structs.replace(
        thawed(purchase.facts),
        source_url=addresses[0] if addresses[0].lower().startswith(_BY_ADDRESS) else "",
        source_image_id=source.id,
        source_format=source.format,
    )
    if len(images) == 1:
        facts = _with_colors(facts, await lens.analysis(source.id))
    else:
        draw.mask_image_id = images[1].id
        analysis, measures = await asyncio.gather(lens.analysis(source.id), _measured(draw, lens))
        facts = _with_mask(_with_colors(facts, analysis), measures)
    purchase.facts = frozen(facts)


def fitted(width: int, height: int) -> tuple[int, int]:
    """The source's size, each side down to a multiple of 8; a larger one than 2048 is taken down in its shape."""
    scale = min(1.0, MOST_SIDE / max(width, height))
    return _on_grid(width * scale), _on_grid(height * scale)


def _on_grid(side: float) -> int:
    return max(LEAST_SIDE, int(side + 1e-6) // SIDE_STEP * SIDE_STEP)


async def _measured(draw: Draw, lens: Lens) -> MaskMeasures:
    return await lens.mask(
        draw.mask_image_id, width=draw.width, height=draw.height, inverted=MASK_INVERTED in draw.options
    )


def _with_colors(facts: Facts, analysis: ImageAnalysis) -> Facts:
    return msgspec.structs.replace(facts, dominant_colors=[color.upper() for color in analysis.dominant_colors])


def _with_mask(facts: Facts, measures: MaskMeasures) -> Facts:
    regions = [(region.x, region.y, region.width, region.height) for region in measures.regions]
    return msgspec.structs.replace(facts, mask_area_percent=round(measures.area_percent, 2), mask_regions=regions)
