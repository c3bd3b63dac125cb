"""Ours are masks as large as their picture, in which white is repainted; vendors want white, black or transparent there."""

import asyncio
import struct
import zlib
from collections.abc import Callable

from generator.providers.base import Bought, UpstreamFault
from generator.providers.complaints import invalid
from gesso.errors.v1 import reason_pb2 as pb
from pictures.facts import NotAPicture
from pictures.inspection import inspect
from pictures.studio import Picture, Pixels, Studio, StudioUnavailable

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _GREY_WITH_ALPHA = 0, 4
_INVERTED = bytes(255 - value for value in range(256))


class Masks:
    """One provider's masks. All raise UpstreamFault, not bought, for a mask or picture that cannot be read."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._studio = Studio()

    async def white(self, mask: bytes, picture: bytes) -> bytes:
        """A picture as large as the picture, white where it is repainted: the mask itself, if it is so already."""
        return bytes((await self._fitted(mask, picture)).data)

    async def black(self, mask: bytes, picture: bytes) -> bytes:
        """A grey PNG as large as the picture, black where it is repainted."""
        return await self._drawn(mask, picture, black_png)

    async def transparent(self, mask: bytes, picture: bytes) -> bytes:
        """A PNG as large as the picture, transparent where it is repainted."""
        return await self._drawn(mask, picture, alpha_png)

    async def close(self) -> None:
        """End the children."""
        await self._studio.__aexit__(None, None, None)

    async def _drawn(self, mask: bytes, picture: bytes, write: Callable[[Pixels], bytes]) -> bytes:
        fitted = await self._fitted(mask, picture)
        try:
            pixels = await self._studio.pixels(fitted.data, max_side=max(fitted.facts.width, fitted.facts.height))
        except StudioUnavailable as error:
            raise _unavailable(self._provider) from error
        return await asyncio.to_thread(write, pixels)

    async def _fitted(self, mask: bytes, picture: bytes) -> Picture:
        try:
            facts, own = inspect(picture), inspect(mask)
            if (own.width, own.height) == (facts.width, facts.height) and not own.has_alpha:
                return Picture(mask, own)
            return await self._studio.to_white_mask(mask, width=facts.width, height=facts.height)
        except NotAPicture as error:
            raise invalid(self._provider, "mask", "The mask or its picture cannot be read.") from error
        except StudioUnavailable as error:
            raise _unavailable(self._provider) from error


def alpha_png(pixels: Pixels) -> bytes:
    """A black PNG whose opacity is the inverse of the pixels' red."""
    row_bytes = 1 + 2 * pixels.width
    rows = bytearray(row_bytes * pixels.height)
    alpha = _inverse(pixels)
    for y in range(pixels.height):
        rows[y * row_bytes + 2 : (y + 1) * row_bytes : 2] = alpha[y * pixels.width : (y + 1) * pixels.width]
    return _png(pixels, _GREY_WITH_ALPHA, rows)


def black_png(pixels: Pixels) -> bytes:
    """A grey PNG, the inverse of the pixels' red."""
    row_bytes = 1 + pixels.width
    rows = bytearray(row_bytes * pixels.height)
    grey = _inverse(pixels)
    for y in range(pixels.height):
        rows[y * row_bytes + 1 : (y + 1) * row_bytes] = grey[y * pixels.width : (y + 1) * pixels.width]
    return _png(pixels, _GREY, rows)


def _inverse(pixels: Pixels) -> bytes:
    return bytes(pixels.data)[0::3].translate(_INVERTED)


def _png(pixels: Pixels, colours: int, rows: bytearray) -> bytes:
    header = struct.pack(">IIBBBBB", pixels.width, pixels.height, 8, colours, 0, 0, 0)
    body = zlib.compress(rows, 1)
    return _SIGNATURE + _chunk(b"IHDR", header) + _chunk(b"IDAT", body) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(kind)))


def _unavailable(provider: str) -> UpstreamFault:
    return UpstreamFault(
        pb.REASON_INTERNAL,
        "The mask could not be converted.",
        bought=Bought.NO,
        retryable=True,
        details={"provider": provider},
    )
