"""OpenAI repaints where a mask is transparent: the inverse of our masks, in which white is repainted."""

import asyncio
import struct
import zlib

from pictures.inspection import inspect
from pictures.studio import Pixels, Studio

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY_WITH_ALPHA = 4
_INVERTED = bytes(255 - value for value in range(256))


async def alpha_mask(studio: Studio, mask: bytes, picture: bytes) -> bytes:
    """The mask as the vendor takes it: a PNG as large as the picture, transparent where ours is white.

    Raises NotAPicture or StudioUnavailable.
    """
    facts = inspect(picture)
    grey = await studio.to_white_mask(mask, width=facts.width, height=facts.height)
    pixels = await studio.pixels(grey.data, max_side=max(facts.width, facts.height))
    return await asyncio.to_thread(alpha_png, pixels)


def alpha_png(pixels: Pixels) -> bytes:
    """A black PNG whose opacity is the inverse of the pixels' red."""
    alpha = bytes(pixels.data)[0::3].translate(_INVERTED)
    row_bytes = 1 + 2 * pixels.width
    rows = bytearray(row_bytes * pixels.height)
    for y in range(pixels.height):
        rows[y * row_bytes + 2 : (y + 1) * row_bytes : 2] = alpha[y * pixels.width : (y + 1) * pixels.width]
    header = struct.pack(">IIBBBBB", pixels.width, pixels.height, 8, _GREY_WITH_ALPHA, 0, 0, 0)
    body = zlib.compress(rows, 1)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))
