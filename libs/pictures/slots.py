"""A slot is the place in a picture where a provenance manifest of known length goes, and the digest of all the rest.

The worker that holds the bytes takes a slot, has its digest signed, and writes the buffers of `filled`: the picture
is never copied, and its bytes never leave the worker. PNG takes the manifest in a caBX chunk behind IHDR, JPEG in
APP11 segments behind SOI and APP0, WebP in a C2PA chunk at the end, with the RIFF size put right and a VP8X header
where there was none (C2PA 2.1, annex A).
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pictures import jpeg, png, webp
from pictures.facts import DEFAULT, Buffer, Facts, Format


@dataclass(frozen=True, slots=True)
class Slot:
    """A finished file but for `length_bytes` at `offset_bytes`, as buffers before and behind them."""

    format: Format
    offset_bytes: int
    length_bytes: int
    before: tuple[Buffer, ...]
    behind: tuple[Buffer, ...]

    def digest(self) -> bytes:
        """SHA-256 of the finished file without the slot: what is signed."""
        running = hashlib.sha256()
        for buffer in (*self.before, *self.behind):
            running.update(buffer)
        return running.digest()

    def filled(self, insertion: Buffer) -> tuple[Buffer, ...]:
        """The buffers of the finished file; the insertion is wrapped for its format and exactly as long as the slot."""
        assert len(insertion) == self.length_bytes
        return (*self.before, insertion, *self.behind)

    def size_bytes(self) -> int:
        """The length of the finished file."""
        return self.length_bytes + sum(len(buffer) for buffer in (*self.before, *self.behind))


def slot(data: Buffer, facts: Facts, length_bytes: int) -> Slot | None:
    """The slot for an insertion of `length_bytes`; None for a format that has none (AVIF, GIF).

    `facts` are those that `inspect` gave for these bytes. `length_bytes` is even, as WebP's padding needs it.
    """
    assert length_bytes % 2 == 0
    cut = _CUTS.get(facts.format)
    return cut(memoryview(data).cast("B"), facts, length_bytes) if cut else None


def wrap(picture_format: Format, manifest: bytes) -> bytes:
    """The manifest store as it stands in a file of this format; raises KeyError for a format without slots."""
    return _WRAPS[picture_format](manifest)


def _in_png(data: memoryview, facts: Facts, length: int) -> Slot:
    return _split(data, facts.format, png.IHDR_END, length)


def _in_jpeg(data: memoryview, facts: Facts, length: int) -> Slot:
    first = next(jpeg.segments(data, DEFAULT))
    return _split(data, facts.format, first.end if first.marker == jpeg.APP0 else first.at, length)


def _in_webp(data: memoryview, facts: Facts, length: int) -> Slot:
    found = list(webp.chunks(data, DEFAULT))
    end = found[-1].end
    header = b"" if found[0].type == webp.EXTENDED else webp.extension_header(facts)
    padding = b"\x00" * (end % 2)
    offset = end + len(header) + len(padding)
    riff = b"RIFF" + struct.pack("<I", offset + length - 8) + b"WEBP" + header
    return Slot(facts.format, offset, length, (riff, data[webp.RIFF_HEADER_BYTES : end], padding), ())


def _split(data: memoryview, picture_format: Format, offset: int, length: int) -> Slot:
    return Slot(picture_format, offset, length, (data[:offset],), (data[offset:],))


_CUTS: Final[Mapping[Format, Callable[[memoryview, Facts, int], Slot]]] = {
    "png": _in_png,
    "jpeg": _in_jpeg,
    "webp": _in_webp,
}
_WRAPS: Final[Mapping[Format, Callable[[bytes], bytes]]] = {"png": png.wrap, "jpeg": jpeg.wrap, "webp": webp.wrap}
