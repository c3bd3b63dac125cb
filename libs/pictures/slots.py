"""A slot is the place in a picture where a provenance manifest of known length goes, and the digest of all the rest.

The worker that holds the bytes takes a slot, has its digest signed, and writes the buffers of `filled`: the picture
is never copied, and its bytes never leave the worker. PNG takes the manifest in a caBX chunk behind IHDR, JPEG in
APP11 segments behind SOI and APP0, WebP in a C2PA chunk at the end, with the RIFF size put right and a VP8X header
where there was none (C2PA 2.1, annex A). A manifest that is there already is left out: a file has one.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pictures import jpeg, png, webp
from pictures.facts import DEFAULT, Buffer, Facts, Format

MANIFEST_SLOT_BYTES: Final = 4096
"""Enough for this platform's own certificate, four ingredients and a kilobyte of parameters."""
LARGEST_SLOT_BYTES: Final = 65_534
"""What one APP11 segment of a JPEG holds, marker included, rounded down to even."""


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


def slot(data: Buffer, facts: Facts, length_bytes: int = MANIFEST_SLOT_BYTES) -> Slot | None:
    """The slot for an insertion of `length_bytes`; None for a format that has none (AVIF, GIF).

    `facts` are those that `inspect` gave for these bytes. The length is even, for WebP's padding, and at most
    LARGEST_SLOT_BYTES.
    """
    assert length_bytes % 2 == 0
    assert length_bytes <= LARGEST_SLOT_BYTES
    cut = _CUTS.get(facts.format)
    return cut(memoryview(data).cast("B"), facts, length_bytes) if cut else None


def wrap(picture_format: Format, manifest: bytes) -> bytes:
    """The manifest store as it stands in a file of this format; raises KeyError for a format without slots."""
    return _WRAPS[picture_format](manifest)


def _in_png(data: memoryview, facts: Facts, length: int) -> Slot:
    old = png.manifest_spans(data, DEFAULT) if facts.has_manifest else []
    behind = _without(data, png.IHDR_END, len(data), old)
    return Slot(facts.format, png.IHDR_END, length, (data[: png.IHDR_END],), behind)


def _in_jpeg(data: memoryview, facts: Facts, length: int) -> Slot:
    old = jpeg.manifest_spans(data, DEFAULT) if facts.has_manifest else []
    first = next(jpeg.segments(data, DEFAULT))
    offset = first.end if first.marker == jpeg.APP0 else first.at
    return Slot(facts.format, offset, length, (data[:offset],), _without(data, offset, len(data), old))


def _in_webp(data: memoryview, facts: Facts, length: int) -> Slot:
    found = list(webp.chunks(data, DEFAULT))
    end = found[-1].end
    kept = _without(data, webp.RIFF_HEADER_BYTES, end, webp.manifest_spans(found))
    header = b"" if found[0].type == webp.EXTENDED else webp.extension_header(facts)
    kept_bytes = sum(map(len, kept))
    padding = b"\x00" * (kept_bytes % 2)
    offset = webp.RIFF_HEADER_BYTES + len(header) + kept_bytes + len(padding)
    riff = b"RIFF" + struct.pack("<I", offset + length - 8) + b"WEBP" + header
    return Slot(facts.format, offset, length, (riff, *kept, padding), ())


def _without(data: memoryview, start: int, end: int, spans: Sequence[tuple[int, int]]) -> tuple[memoryview, ...]:
    """The bytes from `start` to `end` but for these spans, which are in order and do not overlap."""
    starts = (start, *(span_end for _, span_end in spans))
    ends = (*(span_start for span_start, _ in spans), end)
    return tuple(data[left:right] for left, right in zip(starts, ends, strict=True) if left < right)


_CUTS: Final[Mapping[Format, Callable[[memoryview, Facts, int], Slot]]] = {
    "png": _in_png,
    "jpeg": _in_jpeg,
    "webp": _in_webp,
}
_WRAPS: Final[Mapping[Format, Callable[[bytes], bytes]]] = {"png": png.wrap, "jpeg": jpeg.wrap, "webp": webp.wrap}
