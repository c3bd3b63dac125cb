"""PNG: a signature, then chunks, each with its length and checksum, from IHDR to IEND (ISO/IEC 15948)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final, NamedTuple

from pictures.facts import Facts, Limits, check_canvas, corrupt, truncated

IHDR_END: Final = 33
MANIFEST_CHUNK: Final = b"caBX"
_ALPHA_COLOUR_TYPES: Final = (4, 6)
_LENGTH_AND_TYPE: Final = struct.Struct(">I4s")
_OVERHEAD: Final = 12


class Chunk(NamedTuple):
    """A chunk's type and where its contents lie."""

    type: bytes
    start: int
    end: int


def inspect(data: memoryview, limits: Limits) -> Facts:
    """Walks every chunk and checks its CRC; raises NotAPicture."""
    if len(data) < IHDR_END:
        raise truncated("the IHDR chunk")
    if bytes(data[8:16]) != b"\x00\x00\x00\rIHDR":
        raise corrupt("the first chunk is no IHDR")
    width, height, _, colour_type = struct.unpack_from(">IIBB", data, 16)
    check_canvas(width, height, limits)
    first_of: dict[bytes, Chunk] = {}
    for chunk in chunks(data, limits):
        first_of.setdefault(chunk.type, chunk)
        if zlib.crc32(data[chunk.start - 4 : chunk.end]) != int.from_bytes(data[chunk.end : chunk.end + 4], "big"):
            raise corrupt(f"the checksum of {chunk.type!r}")
    if b"IDAT" not in first_of:
        raise corrupt("no IDAT chunk")
    return Facts(
        "png",
        width,
        height,
        has_alpha=colour_type in _ALPHA_COLOUR_TYPES or b"tRNS" in first_of,
        frames=_frames(data, first_of.get(b"acTL")),
        has_manifest=MANIFEST_CHUNK in first_of,
    )


def chunks(data: memoryview, limits: Limits) -> Iterator[Chunk]:
    """The chunks up to and with IEND; raises NotAPicture when they end before it."""
    at = 8
    for _ in range(limits.most_pieces(len(data))):
        if at + _OVERHEAD > len(data):
            raise truncated("the chunks before IEND")
        length, kind = _LENGTH_AND_TYPE.unpack_from(data, at)
        end = at + _OVERHEAD + length
        if end > len(data):
            raise truncated(f"the chunk {kind!r}")
        yield Chunk(kind, at + 8, end - 4)
        if kind == b"IEND":
            return
        at = end
    raise corrupt("too many chunks")


def manifest_spans(data: memoryview, limits: Limits) -> list[tuple[int, int]]:
    """Where manifests lie, their chunks whole."""
    return [(chunk.start - 8, chunk.end + 4) for chunk in chunks(data, limits) if chunk.type == MANIFEST_CHUNK]


def wrap(manifest: bytes) -> bytes:
    """The chunk that carries a manifest store."""
    typed = MANIFEST_CHUNK + manifest
    return struct.pack(">I", len(manifest)) + typed + struct.pack(">I", zlib.crc32(typed))


def _frames(data: memoryview, animation: Chunk | None) -> int:
    if animation is None or animation.end - animation.start != 8:
        return 1
    return max(1, int.from_bytes(data[animation.start : animation.start + 4], "big"))
