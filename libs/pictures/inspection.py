"""Inspection reads a picture's structure from end to end without decoding it, at memory speed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pictures import avif, gif, jpeg, png, webp
from pictures.facts import DEFAULT, Buffer, Facts, Flaw, Format, Limits, NotAPicture
from pictures.sniffing import refusal, sniff

_INSPECTORS: Final[Mapping[Format, Callable[[memoryview, Limits], Facts]]] = {
    "png": png.inspect,
    "jpeg": jpeg.inspect,
    "webp": webp.inspect,
    "avif": avif.inspect,
    "gif": gif.inspect,
}


def inspect(data: Buffer, *, limits: Limits = DEFAULT) -> Facts:
    """The facts of a picture that is whole as far as its structure tells.

    Raises NotAPicture: not_an_image or unsupported by the first bytes, too_large by the length, too_many_pixels by
    the header, truncated where the structure ends early (PNG to IEND, JPEG to EOI, RIFF and box sizes, GIF to its
    trailer), corrupt where it contradicts itself (PNG's checksums included). Damage inside compressed data that
    leaves the structure whole is found by `Studio.verify` alone.
    """
    view = memoryview(data).cast("B")
    if len(view) > limits.max_bytes:
        raise NotAPicture(Flaw.TOO_LARGE, f"{len(view)} bytes")
    picture_format = sniff(view)
    if picture_format is None:
        raise refusal(view)
    return _INSPECTORS[picture_format](view, limits)


def find_manifest(data: Buffer) -> bool:
    """Whether the picture carries a C2PA manifest, valid or not; raises NotAPicture as `inspect` does."""
    return inspect(data).has_manifest
