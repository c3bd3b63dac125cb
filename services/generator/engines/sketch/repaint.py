"""Repainting a picture: all of it by strength, or only where a mask is white."""

import numpy as np

from generator.engines.sketch.codec import decode, decode_mask
from generator.engines.sketch.finish import finish
from generator.engines.sketch.lexicon import Lexicon
from generator.engines.sketch.paint.put import put
from generator.engines.sketch.paint.raster import Pixels, resize
from generator.engines.sketch.request import SketchRequest
from generator.engines.sketch.scene import Scene
from generator.engines.sketch.staging import composed, empty_stage, painted

_SMALLEST_REGION = 16


def repainted(request: SketchRequest, scene: Scene, lexicon: Lexicon) -> Pixels:
    """The request's init image repainted. Raises EngineRefused when it or the mask cannot be read.

    Where a mask is black the source stays, exactly. Below full strength the source leads (slowly at first: half strength
    keeps two thirds of it) and the style is laid over the mixture, so that a picture can be repainted in another manner
    without losing what it shows.
    """
    assert request.init_image is not None
    source = decode(request.init_image, request.width, request.height)
    if request.strength == 0.0:
        return source
    if request.mask is None:
        return _restyled(request, scene, source, lexicon)
    mask = decode_mask(request.mask, request.width, request.height)
    if not (mask > 0).any():
        return source
    fresh = (
        _with_subjects(request, scene, source, mask, lexicon)
        if scene.subjects
        else _restyled(request, scene, source, lexicon)
    )
    share = mask[..., None]
    return np.where(share <= 0, source, source * (1 - share) + fresh * share)


def _restyled(request: SketchRequest, scene: Scene, source: Pixels, lexicon: Lexicon) -> Pixels:
    """The source and the whole drawing mixed by strength, then finished in the scene's style."""
    stage = painted(scene, request.width, request.height, request.seed, lexicon)
    stage.pixels = source + (stage.pixels - source) * _share(request)
    mixed = np.copy(stage.pixels)
    finish(stage)
    result: Pixels = mixed + (stage.pixels - mixed) * np.float32(min(1.0, request.strength * 2))
    return result


def _with_subjects(request: SketchRequest, scene: Scene, source: Pixels, mask: Pixels, lexicon: Lexicon) -> Pixels:
    """The source with the masked region closed from its surroundings, and the scene's subjects set into that region, whole."""
    closed = closed_over(source, mask)
    rows, columns = _white_region(mask)
    height, width = rows.stop - rows.start, columns.stop - columns.start
    result = source + (closed - source) * _share(request)
    if min(height, width) >= _SMALLEST_REGION:
        stage = empty_stage(scene, width, height, request.seed, lexicon)
        stage.pixels = np.copy(result[rows, columns])
        things, puppets = composed(stage, lexicon)
        for thing in things:
            put(stage, puppets, thing)
        if scene.styles:
            finish(stage)
        result[rows, columns] += (stage.pixels - result[rows, columns]) * np.float32(min(1.0, 0.3 + request.strength))
    return result


def closed_over(source: Pixels, mask: Pixels) -> Pixels:
    """The source with its masked part filled smoothly from around it.

    The known pixels are averaged into ever smaller pictures until no gap is left, then each gap takes what the next smaller
    picture has there.
    """
    known = (mask <= 0).astype(np.float32)[..., None]
    height, width = mask.shape
    if min(height, width) <= 2 or known.all():
        return source
    low, low_width = max(1, height // 2), max(1, width // 2)
    sums = resize(np.concatenate([source * known, known], axis=-1), low_width, low)
    weight = sums[..., 3:]
    smaller = sums[..., :3] / np.maximum(weight, 1e-4)
    coarse = closed_over(smaller, (weight[..., 0] < 0.02).astype(np.float32))
    filled: Pixels = source * known + resize(coarse, width, height) * (1 - known)
    return filled


def _share(request: SketchRequest) -> np.float32:
    return np.float32(request.strength**1.6)


def _white_region(mask: Pixels) -> tuple[slice, slice]:
    """The smallest rectangle that holds everything to be repainted."""
    rows, columns = np.flatnonzero((mask > 0).any(1)), np.flatnonzero((mask > 0).any(0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
