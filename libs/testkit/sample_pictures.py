"""Sample pictures are real PNG, JPEG and WebP files of any size, written here byte by byte and each one different.

A sample is made once and then stamped: a private chunk of 36 bytes in the middle carries a serial number, so no two
pictures have the same hash, and because it starts and ends on a multiple of three bytes, the base64 of the rest is kept.
"""

import random
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import pybase64

STAMP_BYTES = 36


@dataclass(frozen=True)
class Sample:
    """A picture but for its stamp; `head` and `tail` are the bytes before and after, also in base64."""

    head: bytes
    tail: bytes
    head_base64: bytes
    tail_base64: bytes
    stamp: Callable[[bytes], bytes]

    def stamped(self, serial: int) -> bytes:
        """Return the picture with the number ``serial``."""
        return b"".join((self.head, self.stamp(_digits(serial)), self.tail))

    def stamped_base64(self, serial: int) -> tuple[bytes, bytes, bytes]:
        """Return the base64 of the same picture in three pieces, of which only the middle one is computed."""
        return self.head_base64, pybase64.b64encode(self.stamp(_digits(serial))), self.tail_base64


@lru_cache(maxsize=64)
def sample(file_format: str, width: int, height: int, *, size_bytes: int = 0, transparent: bool = False) -> Sample:
    """Return the sample in ``file_format`` (png, jpeg, webp).

    ``size_bytes`` is the size of the whole file where that is more than the picture needs; the rest is noise that does
    not compress, in a PNG as pixels as far as they go.
    """
    head, tail, stamp = _FORMATS[file_format](width, height, size_bytes, transparent)
    assert len(head) % 3 == 0
    return Sample(head, tail, pybase64.b64encode(head), pybase64.b64encode(tail), stamp)


def png_claiming(width: int, height: int) -> bytes:
    """Return a small PNG whose header claims any size: a bomb, to whoever makes room before looking at the data."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return _PNG_SIGNATURE + _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", zlib.compress(bytes(1 << 16))) + _PNG_END


def _digits(serial: int) -> bytes:
    return b"%024d" % serial


def _noise(size_bytes: int) -> bytes:
    return random.Random(size_bytes).randbytes(size_bytes)  # noqa: S311 - noise, not a secret


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return b"".join((struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))))


_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_END = _png_chunk(b"IEND", b"")


def _png(width: int, height: int, size_bytes: int, transparent: bool) -> tuple[bytes, bytes, Callable[[bytes], bytes]]:
    header = struct.pack(">IIBBBBB", width, height, 8, 6 if transparent else 2, 0, 0, 0)
    head = _PNG_SIGNATURE + _png_chunk(b"IHDR", header)
    row_bytes = 1 + width * (4 if transparent else 3)
    flat_bytes = 1000 + row_bytes * height // 500  # deflate makes at least this of rows that repeat themselves
    noisy_rows = 0 if transparent else max(0, min(height, (size_bytes - flat_bytes) // (row_bytes + 2)))
    rows = b"".join(_png_rows(width, height, noisy_rows, transparent))
    data = _png_chunk(b"IDAT", zlib.compress(rows, 6))
    missing = size_bytes - len(head) - STAMP_BYTES - len(data) - len(_PNG_END) - 12
    padding = _png_chunk(b"noSe", _noise(missing)) if missing >= 0 else b""
    return head, padding + data + _PNG_END, _png_stamp


def _png_rows(width: int, height: int, noisy_rows: int, transparent: bool) -> Iterator[bytes]:
    for y in range(noisy_rows):
        yield b"\0" + random.Random(y).randbytes(3 * width)  # noqa: S311 - noise, not a secret
    for y in range(noisy_rows, height):
        shade = 64 * (4 * y // height)
        pixel = bytes((shade, 128, 255 - shade))
        yield b"\0" + (pixel + bytes((255 if 2 * y > height else 0,)) if transparent else pixel) * width


def _png_stamp(digits: bytes) -> bytes:
    return _png_chunk(b"stMp", digits)


def _jpeg(width: int, height: int, size_bytes: int, _: bool) -> tuple[bytes, bytes, Callable[[bytes], bytes]]:
    """Write a grey baseline JPEG whose every block repeats the first: two bits each."""
    jfif = _jpeg_segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0")
    head = b"\xff\xd8" + jfif + _jpeg_segment(0xFE, b"")
    tables = (
        _jpeg_segment(0xDB, b"\0" + b"\x08" * 64)
        + _jpeg_segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\1\x11\0")
        + _jpeg_segment(0xC4, b"\x00" + bytes([1, 1]) + bytes(14) + b"\x00\x06")  # DC: 0 is category 0, 10 category 6
        + _jpeg_segment(0xC4, b"\x10" + bytes([1]) + bytes(15) + b"\x00")  # AC: 0 is the end of the block
        + _jpeg_segment(0xDA, b"\1\1\0\0\x3f\0")
    )
    blocks = -(-width // 8) * -(-height // 8)
    bits = "10" + "101000" + "0" + "00" * (blocks - 1)
    bits += "1" * (-len(bits) % 8)
    scan = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    rest = tables + scan + b"\xff\xd9"
    missing = size_bytes - len(head) - STAMP_BYTES - len(rest)
    return head, b"".join(_jpeg_comments(missing)) + rest, _jpeg_stamp


def _jpeg_segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _jpeg_comments(size_bytes: int) -> Iterator[bytes]:
    """Yield comment segments of ``size_bytes`` together, as near as segments of 4 to 65,537 bytes come."""
    while size_bytes >= 4:
        taken = min(size_bytes, 60_000)
        yield _jpeg_segment(0xFE, _noise(taken - 4))
        size_bytes -= taken


def _jpeg_stamp(digits: bytes) -> bytes:
    return _jpeg_segment(0xFE, b"stamped " + digits)


def _webp(width: int, height: int, size_bytes: int, transparent: bool) -> tuple[bytes, bytes, Callable[[bytes], bytes]]:
    """Write an extended WebP with a lossless picture of one colour, which takes no bits for its pixels."""
    canvas = bytes((0x10 if transparent else 0, 0, 0, 0)) + (width - 1).to_bytes(3, "little")
    body = _riff_chunk(b"VP8X", canvas + (height - 1).to_bytes(3, "little"))
    body += _riff_chunk(b"VP8L", _one_colour_vp8l(width, height, 128 if transparent else 255))
    missing = max(0, size_bytes - 12 - len(body) - 8 - STAMP_BYTES) & ~1
    while (12 + len(body) + 8 + missing) % 3:
        missing += 2
    body += _riff_chunk(b"NOIS", _noise(missing))
    riff = b"RIFF" + struct.pack("<I", 4 + len(body) + STAMP_BYTES) + b"WEBP"
    return riff + body, b"", _webp_stamp


def _riff_chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _one_colour_vp8l(width: int, height: int, alpha: int) -> bytes:
    fields = [(width - 1, 14), (height - 1, 14), (int(alpha < 255), 1), (0, 3), (0, 3)]
    for symbol in (90, 140, 200, alpha):  # green, red, blue, alpha: each a prefix code of this one symbol
        fields += [(1, 1), (0, 1), (1, 1), (symbol, 8)]
    fields += [(1, 1), (0, 1), (0, 1), (0, 1)]  # distances, of which there are none
    value = shift = 0
    for field, size in fields:
        value |= field << shift
        shift += size
    return b"\x2f" + value.to_bytes(-(-shift // 8), "little")


def _webp_stamp(digits: bytes) -> bytes:
    return _riff_chunk(b"STMP", b"\0\0\0\0" + digits)


_Written = tuple[bytes, bytes, Callable[[bytes], bytes]]
_FORMATS: dict[str, Callable[[int, int, int, bool], _Written]] = {"png": _png, "jpeg": _jpeg, "webp": _webp}
