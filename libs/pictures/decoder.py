"""The child that opens hostile bytes: libvips with the loaders of five formats, and nothing kept between two calls.

`Studio` runs it; nothing imports it. Each operation takes the picture as the first part of its call and gives its
result as the first part of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import pyvips

from pictures.facts import DEFAULT, Flaw, Format, NotAPicture
from pictures.inspection import inspect
from pictures.sniffing import sniff
from servicekit.frames import ChildFault, Message, serve

Call: TypeAlias = Mapping[str, Any]

_LOADERS: Final = ("VipsForeignLoad" + name for name in ("Png", "Jpeg", "Webp", "Heif", "Nsgif"))
_LARGEST_SIDE: Final = 32_768
_FITS: Final = {
    "cover": ("both", "centre"),
    "contain": ("both", "none"),
    "fill": ("force", "none"),
    "shrink": ("down", "none"),
}
_WHITE: Final = (255.0, 255.0, 255.0)
_SAVERS: Final[Mapping[Format, Callable[[pyvips.Image, int], bytes]]] = {
    "png": lambda image, _quality: image.pngsave_buffer(compression=6, keep="none"),
    "jpeg": lambda image, quality: image.jpegsave_buffer(Q=quality, keep="none"),
    "webp": lambda image, quality: image.webpsave_buffer(Q=quality, effort=2, keep="none"),
    "avif": lambda image, quality: image.heifsave_buffer(Q=quality, compression="av1", effort=0, keep="none"),
}


def verify(data: bytes, _call: Call) -> Message:
    """Decodes every pixel of the first frame, row by row, and keeps none.

    libjpeg goes on after anything, and only warns of coded data that breaks off; other loaders warn of trifles.
    """
    strictness = "warning" if sniff(data) == "jpeg" else "error"
    pyvips.Image.new_from_buffer(data, "", access="sequential", fail_on=strictness).avg()
    return Message()


def transcode(data: bytes, call: Call) -> Message:
    """The picture in another format, upright, in sRGB, without metadata; of another size where one is given."""
    image = _fitted(data, call)
    if call["format"] == "jpeg":
        image = _opaque(image, call["background"] or _WHITE)
    return Message({}, [_SAVERS[call["format"]](image, call["quality"])])


def mask(data: bytes, call: Call) -> Message:
    """A grey picture in which white is repainted: what was transparent, or, where nothing was, what was bright."""
    image = _resized(data, call["width"], call["height"], "force").copy_memory()
    if image.hasalpha():
        alpha = image[image.bands - 1]
        grey = alpha.invert() if alpha.min() < 255 else image.colourspace("b-w")[0]
    else:
        grey = image.colourspace("b-w")[0]
    return Message({}, [grey.pngsave_buffer(compression=6, keep="none")])


def pixels(data: bytes, call: Call) -> Message:
    """Rows of red, green, blue, one byte each, transparency laid on white, no side longer than asked for."""
    image = _opaque(_resized(data, call["max_side"], call["max_side"], "down"), _WHITE).colourspace("srgb")
    return Message({"width": image.width, "height": image.height}, [image.write_to_memory()])


_OPERATIONS: Final[Mapping[str, Callable[[bytes, Call], Message]]] = {
    "verify": verify,
    "transcode": transcode,
    "mask": mask,
    "pixels": pixels,
}


def answer(call: Message) -> Message:
    """Runs one operation; what is wrong with the bytes becomes a ChildFault with the `kind` of NotAPicture."""
    data = bytes(call.parts[0])  # libvips takes no other kind of buffer
    try:
        inspect(data)
        _check_canvas(pyvips.Image.new_from_buffer(data, "", access="sequential"))
        return _OPERATIONS[call.head["do"]](data, call.head)
    except NotAPicture as refused:
        raise ChildFault({"kind": refused.kind, "detail": refused.detail}) from refused
    except pyvips.Error as failed:
        raise ChildFault({"kind": Flaw.CORRUPT, "detail": str(failed)[:500]}) from failed
    except MemoryError as starved:
        raise ChildFault({"kind": Flaw.CORRUPT, "detail": "it takes more memory than a picture may"}) from starved


def _check_canvas(image: pyvips.Image) -> None:
    """Sizes as libvips reads them, or would make them, before it decodes: two parsers may read one file differently."""
    if image.width * image.height > DEFAULT.max_pixels:
        raise NotAPicture(Flaw.TOO_MANY_PIXELS, f"a canvas of {image.width}x{image.height}")


def _resized(data: bytes, width: int | None, height: int | None, size: str, crop: str = "none") -> pyvips.Image:
    """Decodes at about the size that is wanted, upright, in eight-bit sRGB or grey; a side not given follows."""
    image = pyvips.Image.thumbnail_buffer(
        data, width or _LARGEST_SIDE, height=height or _LARGEST_SIDE, size=size, crop=crop, fail_on="error"
    )
    _check_canvas(image)
    has_profile = image.get_typeof("icc-profile-data") != 0
    return image.icc_transform("srgb", embedded=True) if has_profile else image


def _fitted(data: bytes, call: Call) -> pyvips.Image:
    width, height = call["width"], call["height"]
    if width is None and height is None:
        return _resized(data, None, None, "down")
    if width is None or height is None:
        return _resized(data, width, height, "both")
    image = _resized(data, width, height, *_FITS[call["fit"]])
    return _padded(image, call) if call["fit"] == "contain" else image


def _padded(image: pyvips.Image, call: Call) -> pyvips.Image:
    """The whole picture in the middle of its new canvas: on the background, or on nothing if none is given."""
    colour = image.colourspace("srgb")
    if call["background"] is None:
        with_alpha = colour if colour.hasalpha() else colour.addalpha()
        return with_alpha.gravity("centre", call["width"], call["height"], extend="background", background=[0, 0, 0, 0])
    plain = _opaque(colour, call["background"])
    return plain.gravity("centre", call["width"], call["height"], extend="background", background=call["background"])


def _opaque(image: pyvips.Image, background: tuple[float, ...]) -> pyvips.Image:
    return image.colourspace("srgb").flatten(background=list(background)) if image.hasalpha() else image


def _close_the_loaders() -> None:
    """Only the loaders of the five formats stay open, and no decoded picture is remembered."""
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader in _LOADERS:
        pyvips.operation_block_set(loader, False)
    pyvips.cache_set_max(0)


if __name__ == "__main__":
    _close_the_loaders()
    serve(answer)
