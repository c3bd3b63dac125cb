"""AVIF: ISO boxes, whose `meta` names the primary item and its size (ISO/IEC 14496-12, 23008-12; AV1 in HEIF)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from pictures.facts import Facts, Limits, check_canvas, corrupt, truncated

MANIFEST_BOX: Final = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_ALPHA: Final = b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha"
_FULL_BOX_BYTES: Final = 4


class Box(NamedTuple):
    """A box's type and where its contents lie."""

    type: bytes
    start: int
    end: int


def inspect(data: memoryview, limits: Limits) -> Facts:
    """Checks that every top box is whole and reads the primary item's size; raises NotAPicture."""
    top = list(boxes(data, 0, len(data), limits))
    properties = list(_inside(data, top, (b"meta", b"iprp", b"ipco"), limits))
    if not any(box.type in (b"mdat", b"idat") for box in (*top, *_inside(data, top, (b"meta",), limits))):
        raise truncated("the boxes before mdat")
    sizes = {number: _size(data, box) for number, box in enumerate(properties, 1) if box.type == b"ispe"}
    for size in sizes.values():
        check_canvas(*size, limits)
    if not sizes:
        raise corrupt("no image size")
    owned = _primary_properties(data, list(_inside(data, top, (b"meta",), limits)), limits)
    width, height = next((sizes[number] for number in owned if number in sizes), max(sizes.values()))
    return Facts(
        "avif",
        width,
        height,
        has_alpha=any(box.type == b"auxC" and _ALPHA in bytes(data[box.start : box.end]) for box in properties),
        frames=_frames(data, top, limits),
        has_manifest=any(
            box.type == b"uuid" and bytes(data[box.start : box.start + 16]) == MANIFEST_BOX for box in top
        ),
    )


def boxes(data: memoryview, start: int, end: int, limits: Limits) -> Iterator[Box]:
    """The boxes between two places; raises NotAPicture when one of them does not end there."""
    at = start
    for _ in range(limits.most_pieces(len(data))):
        if at == end:
            return
        if at + 8 > end:
            raise truncated("a box's header")
        size, kind = struct.unpack_from(">I4s", data, at)
        header = 8
        if size == 1:
            header = 16
            size = int.from_bytes(data[at + 8 : at + 16], "big")
        box_end = end if size == 0 else at + size
        if box_end < at + header:
            raise corrupt(f"the size of the box {kind!r}")
        if box_end > end:
            raise truncated(f"the box {kind!r}")
        yield Box(kind, at + header, box_end)
        at = box_end
    raise corrupt("too many boxes")


def _inside(data: memoryview, outer: list[Box], path: tuple[bytes, ...], limits: Limits) -> Iterator[Box]:
    """The boxes below the first box at each step of a path."""
    found = outer
    for kind in path:
        parent = next((box for box in found if box.type == kind), None)
        if parent is None:
            return
        skipped = _FULL_BOX_BYTES if kind in (b"meta", b"stsd") else 0
        found = list(boxes(data, parent.start + skipped, parent.end, limits))
    yield from found


def _size(data: memoryview, ispe: Box) -> tuple[int, int]:
    if ispe.end - ispe.start < 12:
        raise corrupt("a short ispe box")
    width, height = struct.unpack_from(">II", data, ispe.start + _FULL_BOX_BYTES)
    return width, height


def _primary_properties(data: memoryview, meta: list[Box], limits: Limits) -> list[int]:
    """The numbers, from 1, of the properties that belong to the primary item; empty where the boxes do not say."""
    primary = next((box for box in meta if box.type == b"pitm"), None)
    described = next((box for box in meta if box.type == b"iprp"), None)
    if primary is None or described is None:
        return []
    wanted = _item_number(data, primary)
    for box in boxes(data, described.start, described.end, limits):
        if box.type == b"ipma":
            try:
                return _associations(bytes(data[box.start : box.end])).get(wanted, [])
            except (IndexError, struct.error):
                raise corrupt("a short ipma box") from None
    return []


def _item_number(data: memoryview, pitm: Box) -> int:
    width = 4 if bytes(data[pitm.start : pitm.start + 1]) != b"\x00" else 2
    return int.from_bytes(data[pitm.start + _FULL_BOX_BYTES : pitm.start + _FULL_BOX_BYTES + width], "big")


def _associations(ipma: bytes) -> dict[int, list[int]]:
    """Property numbers by item; raises IndexError or struct.error when the box is short."""
    id_bytes = 2 if ipma[0] == 0 else 4
    wide = bool(ipma[3] & 1)
    (items,) = struct.unpack_from(">I", ipma, 4)
    at, found = 8, {}
    for _ in range(items):
        item = int.from_bytes(ipma[at : at + id_bytes], "big")
        count = ipma[at + id_bytes]
        at += id_bytes + 1
        numbers = struct.unpack_from(f">{count}{'H' if wide else 'B'}", ipma, at)
        found[item] = [number & (0x7FFF if wide else 0x7F) for number in numbers]
        at += count * (2 if wide else 1)
    return found


def _frames(data: memoryview, top: list[Box], limits: Limits) -> int:
    """The number of samples of the first track of an image sequence; 1 for a still."""
    tables = _inside(data, top, (b"moov", b"trak", b"mdia", b"minf", b"stbl"), limits)
    for box in tables:
        if box.type == b"stsz" and box.end - box.start >= 12:
            return max(1, int.from_bytes(data[box.start + 8 : box.start + 12], "big"))
    return 1
