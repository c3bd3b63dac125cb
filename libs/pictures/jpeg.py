"""JPEG: marker segments from SOI to the first scan, entropy-coded data, EOI (ITU-T T.81)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from pictures.facts import DEFAULT, Facts, Flaw, Limits, NotAPicture, check_canvas, corrupt, truncated

APP0: Final = 0xE0
APP11: Final = 0xEB
_SOS: Final = 0xDA
_DQT: Final = 0xDB
_ANNEX_K_SUM: Final = 3688
"""Sum of the steps of the luminance table of annex K.1, which is quality 50."""
_EOI: Final = b"\xff\xd9"
_FRAMES: Final = frozenset((0xC0, 0xC1, 0xC2, 0xC9, 0xCA))  # baseline, extended, progressive, and arithmetic coding
_EXOTIC_FRAMES: Final = frozenset((0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF))
_STANDALONE: Final = frozenset((0x01, *range(0xD0, 0xD8)))
_TAIL_BYTES: Final = 4096
_LARGEST_SEGMENT: Final = 65_533
_BOX_HEADER: Final = 8
_JUMBF_PREFIX: Final = struct.Struct(">2sHI")


class Segment(NamedTuple):
    """A marker with its contents, length field excluded; `at` is where its 0xFF stands."""

    marker: int
    at: int
    start: int
    end: int


def inspect(data: memoryview, limits: Limits) -> Facts:
    """Walks the segments to the first scan and looks for EOI; raises NotAPicture."""
    canvas: tuple[int, int] | None = None
    has_manifest = False
    scan = 0
    for segment in segments(data, limits):
        if segment.marker in _EXOTIC_FRAMES:
            raise NotAPicture(Flaw.UNSUPPORTED, f"the coding of frame {segment.marker:#x}")
        if segment.marker in _FRAMES:
            canvas = _canvas(data, segment, limits)
        has_manifest = has_manifest or _is_manifest(data, segment)
        scan = segment.end
    if canvas is None:
        raise corrupt("no frame before the first scan")
    if not _ends(data, scan):
        raise truncated("the coded data, before EOI")
    return Facts("jpeg", *canvas, has_manifest=has_manifest)


def segments(data: memoryview, limits: Limits) -> Iterator[Segment]:
    """The segments between SOI and the first scan's data, SOS included; raises NotAPicture when they end before it."""
    at = 2
    for _ in range(limits.most_pieces(len(data))):
        if at + 4 > len(data):
            raise truncated("the segments before the first scan")
        if data[at] != 0xFF:
            raise corrupt(f"no marker at {at}")
        marker = data[at + 1]
        if marker == 0xFF or marker in _STANDALONE:
            at += 1 if marker == 0xFF else 2
            continue
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in (0x00, 0xD8, 0xD9) or end < at + 4:
            raise corrupt(f"the marker {marker:#x} before the first scan")
        if end > len(data):
            raise truncated(f"the segment {marker:#x}")
        yield Segment(marker, at, at + 4, end)
        if marker == _SOS:
            return
        at = end
    raise corrupt("too many segments")


def manifest_spans(data: memoryview, limits: Limits) -> list[tuple[int, int]]:
    """Where the segments of manifests lie; those that continue a box carry its instance number."""
    found = [segment for segment in segments(data, limits) if segment.marker == APP11]
    instances = {_instance(data, segment) for segment in found if _is_manifest(data, segment)}
    return [(segment.at, segment.end) for segment in found if _instance(data, segment) in instances]


def quality(data: memoryview) -> int | None:
    """The quality, 1..100, at which a JPEG was made, as the IJG's library counts it; None where it does not say.

    Told by the sum of its luminance table, of which the library makes every quality by scaling one table (T.81, annex K.1): other
    makers' tables are told by the quality that is as coarse.
    """
    for segment in segments(data, DEFAULT):
        at = segment.start
        while segment.marker == _DQT and at < segment.end:
            step_bytes = 1 + (data[at] >> 4)
            table = data[at + 1 : at + 1 + 64 * step_bytes]
            if data[at] & 15 == 0 and step_bytes <= 2 and len(table) == 64 * step_bytes:
                steps = sum(table) if step_bytes == 1 else sum(struct.unpack(">64H", table))
                return _quality_of(100 * steps / _ANNEX_K_SUM)
            at += 1 + 64 * step_bytes
    return None


def _quality_of(percent: float) -> int:
    return max(1, min(100, round(5000 / percent if percent > 100 else (200 - percent) / 2)))


def wrap(manifest: bytes) -> bytes:
    """The APP11 segments that carry a manifest store: one box, cut where a segment is full (ISO/IEC 19566-5, annex D).

    Every segment repeats the header of the box that it continues.
    """
    header, contents = manifest[:_BOX_HEADER], manifest[_BOX_HEADER:]
    room = _LARGEST_SEGMENT - _JUMBF_PREFIX.size - _BOX_HEADER
    pieces = [contents[at : at + room] for at in range(0, len(contents), room)]
    return b"".join(
        struct.pack(">HH", 0xFF00 | APP11, 2 + _JUMBF_PREFIX.size + _BOX_HEADER + len(piece))
        + _JUMBF_PREFIX.pack(b"JP", 1, number)
        + header
        + piece
        for number, piece in enumerate(pieces, 1)
    )


def _canvas(data: memoryview, frame: Segment, limits: Limits) -> tuple[int, int]:
    if frame.end - frame.start < 6:
        raise corrupt("a short frame header")
    height, width = struct.unpack_from(">HH", data, frame.start + 1)
    check_canvas(width, height, limits)
    return width, height


def _is_manifest(data: memoryview, segment: Segment) -> bool:
    """True of an APP11 segment that begins the box of a C2PA manifest store."""
    return segment.marker == APP11 and b"c2pa" in bytes(data[segment.start : segment.start + 64])


def _instance(data: memoryview, segment: Segment) -> bytes:
    """What the segments of one JUMBF box have in common: "JP" and the number of the box."""
    return bytes(data[segment.start : segment.start + 4])


def _ends(data: memoryview, scan: int) -> bool:
    """Whether EOI follows the scan; coded data never holds its bytes, so the last ones settle it nearly always."""
    tail = max(scan, len(data) - _TAIL_BYTES)
    return _EOI in bytes(data[tail:]) or _EOI in bytes(data[scan:])
