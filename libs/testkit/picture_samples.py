"""Pictures of every format that the tests draw with Pillow, which shares no code with the platform."""

import io
import random
from collections.abc import Callable, Mapping
from typing import Final

from PIL import Image

from pictures.facts import Format


def draw(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Smooth colour with some noise: it compresses about as a photograph does. The same picture each time."""
    gradient = Image.linear_gradient("L").resize((width, height))
    grains = Image.frombytes("L", (width, height), random.Random(width * height).randbytes(width * height))  # noqa: S311
    noise = Image.blend(Image.new("L", (width, height), 128), grains, 0.25)
    bands = [gradient, noise, gradient.rotate(180), noise][: len(mode)]
    return Image.merge(mode, bands)


def encoded(picture: Image.Image, pillow_format: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, pillow_format, **options)
    return file.getvalue()


def animated(pillow_format: str, frames: int = 3) -> bytes:
    first, *others = (draw(32, 24).rotate(90 * turn) for turn in range(frames))
    return encoded(first, pillow_format, save_all=True, append_images=others, duration=40)


SAMPLES: Final[Mapping[Format, Callable[[], bytes]]] = {
    "png": lambda: encoded(draw(80, 60), "PNG"),
    "jpeg": lambda: encoded(draw(80, 60), "JPEG"),
    "webp": lambda: encoded(draw(80, 60), "WEBP"),
    "avif": lambda: encoded(draw(80, 60), "AVIF"),
    "gif": lambda: encoded(draw(80, 60), "GIF"),
}
