"""What every child that opens hostile bytes begins with: five loaders, checked canvases, and one way to answer a call.

Only the children import this: libvips stands here and in the modules of their operations, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import pyvips

from pictures.facts import DEFAULT, Flaw, Format, NotAPicture
from pictures.inspection import inspect
from servicekit.frames import ChildFault, Message

Call: TypeAlias = Mapping[str, Any]
Operation: TypeAlias = Callable[..., Message]
"""Takes the head of its call, and then each of its parts as bytes."""

WHITE: Final = (255.0, 255.0, 255.0)
SAVERS: Final[Mapping[Format, Callable[[pyvips.Image, int], bytes]]] = {
    "png": lambda image, _quality: image.pngsave_buffer(compression=6, keep="none"),
    "jpeg": lambda image, quality: image.jpegsave_buffer(Q=quality, keep="none"),
    "webp": lambda image, quality: image.webpsave_buffer(Q=quality, effort=2, keep="none"),
    "avif": lambda image, quality: image.heifsave_buffer(Q=quality, compression="av1", effort=0, keep="none"),
}
_LOADERS: Final = ("VipsForeignLoad" + name for name in ("Png", "Jpeg", "Webp", "Heif", "Nsgif"))
_LARGEST_SIDE: Final = 32_768
_SIDEWAYS: Final = frozenset(range(5, 9))
"""Orientations of EXIF in which width and height change places."""


def answering(operations: Mapping[str, Operation]) -> Callable[[Message], Message]:
    """What a child answers: one of its operations; what is wrong with the bytes becomes a ChildFault with NotAPicture's `kind`."""

    def answer(call: Message) -> Message:
        parts = [bytes(part) for part in call.parts]  # libvips takes no other kind of buffer
        try:
            for part in parts:
                inspect(part)
                check_canvas(pyvips.Image.new_from_buffer(part, "", access="sequential"))
            return operations[call.head["do"]](call.head, *parts)
        except NotAPicture as refused:
            raise ChildFault({"kind": refused.kind, "detail": refused.detail}) from refused
        except pyvips.Error as failed:
            raise ChildFault({"kind": Flaw.CORRUPT, "detail": str(failed)[:500]}) from failed
        except MemoryError as starved:
            raise ChildFault({"kind": Flaw.CORRUPT, "detail": "it takes more memory than a picture may"}) from starved

    return answer


def check_canvas(image: pyvips.Image) -> None:
    """Sizes as libvips reads them, or would make them, before it decodes: two parsers may read one file differently."""
    if image.width * image.height > DEFAULT.max_pixels:
        raise NotAPicture(Flaw.TOO_MANY_PIXELS, f"a canvas of {image.width}x{image.height}")


def shown_sides(image: pyvips.Image) -> tuple[int, int]:
    """Width and height of the picture when it is upright, by its headers."""
    orientation = image.get("orientation") if image.get_typeof("orientation") else 1
    return (image.height, image.width) if orientation in _SIDEWAYS else (image.width, image.height)


def resized(data: bytes, width: int | None, height: int | None, size: str, crop: str = "none") -> pyvips.Image:
    """Decodes at about the size that is wanted, upright, in eight-bit sRGB or grey; a side not given follows.

    `size` is libvips's word: `down` never enlarges, `force` gives exactly these sides, `both` fits into them.
    """
    image = pyvips.Image.thumbnail_buffer(
        data, width or _LARGEST_SIDE, height=height or _LARGEST_SIDE, size=size, crop=crop, fail_on="error"
    )
    check_canvas(image)
    has_profile = image.get_typeof("icc-profile-data") != 0
    return image.icc_transform("srgb", embedded=True) if has_profile else image


def whole(data: bytes) -> pyvips.Image:
    """The picture as it is shown: upright, in eight-bit sRGB or grey, in its own size."""
    return resized(data, None, None, "down")


def enlarged(image: pyvips.Image, width: int, height: int, interpolation: str) -> pyvips.Image:
    """The picture enlarged about the centres of its pixels, so that a half stays a half; libvips's own is off by half a pixel.

    `interpolation` is libvips's word, as `bicubic`.
    """
    across, down = width / image.width, height / image.height
    return image.affine(
        [across, 0, 0, down],
        interpolate=pyvips.Interpolate.new(interpolation),
        oarea=[0, 0, width, height],
        odx=(across - 1) / 2,
        ody=(down - 1) / 2,
        extend="copy",
    )


def opaque(image: pyvips.Image, background: tuple[float, ...]) -> pyvips.Image:
    """The picture laid on a colour where it is transparent."""
    return image.colourspace("srgb").flatten(background=list(background)) if image.hasalpha() else image


def saved(image: pyvips.Image, call: Call) -> bytes:
    """The picture in the `format` and `quality` of a call; a JPEG lies on the call's `background`, or on white."""
    if call["format"] == "jpeg":
        image = opaque(image, call.get("background") or WHITE)
    return SAVERS[call["format"]](image, call["quality"])


def close_the_loaders() -> None:
    """Only the loaders of the five formats stay open, and no decoded picture is remembered."""
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for loader in _LOADERS:
        pyvips.operation_block_set(loader, False)
    pyvips.cache_set_max(0)
