"""The inputs that the documents name at example.com, as a server of this machine has them: real pictures of sensible sizes."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

from aiohttp import web
from PIL import Image, ImageDraw

from testkit.upstreams.serving import serving

_SIZES = {"low_res.jpg": (512, 512), "original.jpg": (720, 704), "mask.png": (720, 704)}
_USUAL = (1024, 768)
REPAINTED = (100, 200, 300, 400)
"""The white part of mask.png: x, y, width and height, the region that imagegen's example tells of."""


@cache
def picture(name: str) -> bytes:
    """The file of this name: a mask, or a portrait of two shapes before a sky."""
    size = _SIZES.get(name, _USUAL)
    drawn = _mask(size) if name == "mask.png" else _scene(size)
    file = io.BytesIO()
    drawn.save(file, "PNG" if name.endswith(".png") else "JPEG")
    return file.getvalue()


def _mask(size: tuple[int, int]) -> Image.Image:
    x, y, width, height = REPAINTED
    mask = Image.new("L", size, 0)
    ImageDraw.Draw(mask).rectangle((x, y, x + width - 1, y + height - 1), fill=255)
    return mask


def _scene(size: tuple[int, int]) -> Image.Image:
    width, height = size
    scene = Image.new("RGB", size, "#3357FF")
    pen = ImageDraw.Draw(scene)
    pen.rectangle((0, height * 2 // 3, width, height), fill="#33FF57")
    pen.ellipse((width // 4, height // 4, width * 3 // 4, height * 3 // 4), fill="#FF5733")
    return scene


async def _answer(request: web.BaseRequest) -> web.Response:
    name = request.path.removeprefix("/")
    if not name.endswith((".jpg", ".png")):
        return web.Response(status=404)
    return web.Response(body=picture(name), content_type="image/png" if name.endswith(".png") else "image/jpeg")


@asynccontextmanager
async def pictures() -> AsyncIterator[str]:
    """Serve them on 127.0.0.1; yields the origin."""
    async with serving(_answer) as url:
        yield url
