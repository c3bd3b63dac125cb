"""GIF: a screen, then images and extensions in blocks of at most 255 bytes, then a trailer (GIF89a)."""

from __future__ import annotations

import struct
from typing import Final

from pictures.facts import Facts, Limits, check_canvas, corrupt, truncated

_EXTENSION: Final = 0x21
_IMAGE: Final = 0x2C
_TRAILER: Final = 0x3B
_GRAPHIC_CONTROL: Final = 0xF9
_APPLICATION: Final = 0xFF
_SCREEN_END: Final = 13
_MANIFEST_APPLICATION: Final = b"C2PA_GIF"


def inspect(data: memoryview, limits: Limits) -> Facts:
    """Walks every block to the trailer; raises NotAPicture."""
    if len(data) < _SCREEN_END:
        raise truncated("the screen descriptor")
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    check_canvas(width, height, limits)
    at, left = _SCREEN_END + _colour_table_bytes(flags), limits.most_pieces(len(data))
    frames, has_alpha, has_manifest = 0, False, False
    try:
        while (introducer := data[at]) != _TRAILER:
            if introducer == _IMAGE:
                frames += 1
                at += 11 + _colour_table_bytes(data[at + 9])
            elif introducer == _EXTENSION:
                has_alpha = has_alpha or (data[at + 1] == _GRAPHIC_CONTROL and bool(data[at + 3] & 1))
                has_manifest = has_manifest or _is_manifest(data, at)
                at += 2
            else:
                raise corrupt(f"the block {introducer:#x} at {at}")
            at, left = _skip_blocks(data, at, left)
    except IndexError:
        raise truncated("the blocks before the trailer") from None
    if frames == 0:
        raise corrupt("no image before the trailer")
    return Facts("gif", width, height, has_alpha, frames, has_manifest)


def _colour_table_bytes(flags: int) -> int:
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _is_manifest(data: memoryview, at: int) -> bool:
    return data[at + 1] == _APPLICATION and bytes(data[at + 3 : at + 11]) == _MANIFEST_APPLICATION


def _skip_blocks(data: memoryview, at: int, left: int) -> tuple[int, int]:
    """The place behind the terminator of a run of blocks, and how many more pieces the file may have."""
    while (size := data[at]) != 0:
        at += size + 1
        left -= 1
        if left <= 0:
            raise corrupt("too many blocks")
    return at + 1, left - 1
