"""Pictures in and out of the engine: decoding what was handed over, encoding what was drawn, with an honest word on its maker."""

import numpy as np
import pyvips

from generator.engines.child import EngineRefused
from generator.engines.sketch.paint.raster import Pixels, in_planes
from generator.engines.sketch.request import metadata

_MAX_INPUT_PIXELS = 64_000_000


def decode(data: bytes, width: int, height: int) -> Pixels:
    """An init image as (height, width, 3), sRGB 0 to 1: scaled to cover, the overhang cut off. Raises EngineRefused."""
    return _scaled(_opened(data), width, height)[..., :3]


def decode_mask(data: bytes, width: int, height: int) -> Pixels:
    """A mask as (height, width), 0 kept to 1 repainted. Raises EngineRefused."""
    image = _opened(data).colourspace("b-w")
    return _scaled(image, width, height)[..., 0]


def _opened(data: bytes) -> pyvips.Image:
    try:
        image = pyvips.Image.new_from_buffer(data, "", access="random", fail_on="error")
        if image.width * image.height > _MAX_INPUT_PIXELS:
            raise EngineRefused("UNREADABLE_INPUT", f"the picture has more than {_MAX_INPUT_PIXELS} pixels")
        image = image.autorot()
        if image.hasalpha():
            image = image.flatten(background=255)
        return image.colourspace("srgb").cast("uchar")
    except pyvips.Error as error:
        raise EngineRefused("UNREADABLE_INPUT", "the init image or mask is not a readable PNG, JPEG or WebP") from error


def _scaled(image: pyvips.Image, width: int, height: int) -> Pixels:
    if (image.width, image.height) != (width, height):
        factor = max(width / image.width, height / image.height)
        image = image.resize(factor, vscale=factor)
        image = image.crop(max(0, (image.width - width) // 2), max(0, (image.height - height) // 2), width, height)
    try:
        pixels: Pixels = image.numpy()
    except pyvips.Error as error:
        raise EngineRefused("UNREADABLE_INPUT", "the init image or mask is damaged") from error
    if pixels.ndim == 2:
        pixels = pixels[..., None]
    scaled = in_planes(pixels)
    scaled *= np.float32(1 / 255)
    return scaled


def quantized(pixels: Pixels) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """0 to 1 as 0 to 255, rounded."""
    steps = np.clip(pixels, 0, 1)
    steps *= np.float32(255)
    steps += np.float32(0.5)
    return steps.astype(np.uint8, order="C")


def encode(pixels: Pixels, output_format: str, quality: int) -> bytes:
    """The picture in its format, with the engine's name in the metadata where the format has room for text."""
    flat = quantized(pixels)
    height, width = flat.shape[:2]
    image = pyvips.Image.new_from_memory(flat, width, height, 3, "uchar").copy(interpretation="srgb")
    software = metadata()["Software"]
    image.set_type(pyvips.GValue.gstr_type, "exif-ifd0-Software", software)
    if output_format == "jpeg":
        return bytes(image.jpegsave_buffer(Q=quality))
    if output_format == "webp":
        return bytes(image.webpsave_buffer(Q=quality, effort=2))
    for number, (key, value) in enumerate(metadata().items()):
        image.set_type(pyvips.GValue.gstr_type, f"png-comment-{number}-{key}", value)
    return bytes(image.pngsave_buffer(compression=3, filter="sub"))
