"""WebP: a RIFF file of chunks, extended by a VP8X header where it has more than one picture's data (RFC 9649)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final, NamedTuple

from pictures.facts import Facts, Limits, check_canvas, corrupt, truncated

MANIFEST_CHUNK: Final = b"C2PA"
EXTENDED: Final = b"VP8X"
RIFF_HEADER_BYTES: Final = 12
CHUNK_HEADER_BYTES: Final = 8
_ALPHA_FLAG: Final = 0x10
_VP8_START: Final = b"\x9d\x01\x2a"
_VP8L_START: Final = 0x2F


class Chunk(NamedTuple):
    """A chunk's type and where its contents lie, the padding byte excluded."""

    type: bytes
    start: int
    end: int


class _Canvas(NamedTuple):
    width: int
    height: int
    has_alpha: bool


def inspect(data: memoryview, limits: Limits) -> Facts:
    """Checks the sizes of the file and of every chunk; raises NotAPicture."""
    found = list(chunks(data, limits))
    if not found:
        raise corrupt("no chunks")
    canvas = _canvas(data, found[0])
    check_canvas(canvas.width, canvas.height, limits)
    types = [chunk.type for chunk in found]
    if not {b"VP8 ", b"VP8L", b"ANMF"} & set(types):
        raise corrupt("no picture among the chunks")
    return Facts(
        "webp",
        canvas.width,
        canvas.height,
        has_alpha=canvas.has_alpha,
        frames=max(1, types.count(b"ANMF")),
        has_manifest=MANIFEST_CHUNK in types,
    )


def riff_end(data: memoryview) -> int:
    """Where the RIFF file ends, its padding included; raises NotAPicture when the data ends before."""
    if len(data) < RIFF_HEADER_BYTES + CHUNK_HEADER_BYTES:
        raise truncated("the RIFF header")
    size = int.from_bytes(data[4:8], "little")
    if 8 + size > len(data):
        raise truncated("the RIFF file")
    return 8 + size


def chunks(data: memoryview, limits: Limits) -> Iterator[Chunk]:
    """The chunks at the top of the file; raises NotAPicture."""
    at, file_end = RIFF_HEADER_BYTES, riff_end(data)
    for _ in range(limits.most_pieces(len(data))):
        if at + CHUNK_HEADER_BYTES > file_end:
            return
        kind, size = struct.unpack_from("<4sI", data, at)
        start = at + CHUNK_HEADER_BYTES
        if start + size > file_end:
            raise truncated(f"the chunk {kind!r}")
        yield Chunk(kind, start, start + size)
        at = start + size + size % 2
    raise corrupt("too many chunks")


def manifest_spans(found: Sequence[Chunk]) -> list[tuple[int, int]]:
    """Where manifests lie, their chunks whole; one at the end of an odd file lacks its padding."""
    return [
        (chunk.start - CHUNK_HEADER_BYTES, following.start - CHUNK_HEADER_BYTES if following else chunk.end)
        for chunk, following in zip_longest(found, found[1:])
        if chunk.type == MANIFEST_CHUNK
    ]


def wrap(manifest: bytes) -> bytes:
    """The chunk that carries a manifest store, padded to an even length."""
    return MANIFEST_CHUNK + struct.pack("<I", len(manifest)) + manifest + b"\x00" * (len(manifest) % 2)


def extension_header(facts: Facts) -> bytes:
    """The VP8X chunk that turns a simple file into an extended one, which may carry further chunks."""
    flags = _ALPHA_FLAG if facts.has_alpha else 0
    sides = (facts.width - 1).to_bytes(3, "little") + (facts.height - 1).to_bytes(3, "little")
    return EXTENDED + struct.pack("<II", 10, flags) + sides


def _canvas(data: memoryview, first: Chunk) -> _Canvas:
    """The canvas by the first chunk, which the format makes say it."""
    contents = bytes(data[first.start : min(first.end, first.start + 10)])
    if first.type == EXTENDED and len(contents) == 10:
        return _extended_canvas(contents)
    if first.type == b"VP8 " and len(contents) == 10 and contents[3:6] == _VP8_START:
        width, height = struct.unpack_from("<HH", contents, 6)
        return _Canvas(width & 0x3FFF, height & 0x3FFF, has_alpha=False)
    if first.type == b"VP8L" and len(contents) >= 5 and contents[0] == _VP8L_START:
        bits = int.from_bytes(contents[1:5], "little")
        return _Canvas((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, has_alpha=bool(bits >> 28 & 1))
    raise corrupt(f"the first chunk {first.type!r}")


def _extended_canvas(contents: bytes) -> _Canvas:
    width = int.from_bytes(contents[4:7], "little") + 1
    height = int.from_bytes(contents[7:10], "little") + 1
    return _Canvas(width, height, has_alpha=bool(contents[0] & _ALPHA_FLAG))
