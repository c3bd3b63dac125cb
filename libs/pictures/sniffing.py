"""The first bytes of a file tell its format, whatever its name or its sender says."""

from __future__ import annotations

from typing import Final

from pictures.facts import Buffer, Flaw, Format, NotAPicture

SNIFF_BYTES: Final = 64
PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
JPEG_START: Final = b"\xff\xd8\xff"
_PREFIXES: Final[tuple[tuple[bytes, Format], ...]] = (
    (PNG_SIGNATURE, "png"),
    (JPEG_START, "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
)
_OTHER_PICTURES: Final = (
    b"BM",
    b"II*\x00",
    b"MM\x00*",
    b"8BPS",
    b"\x00\x00\x01\x00",
    b"\xff\x0a",
    b"\x00\x00\x00\x0cJXL ",
)
_OTHER_BRANDS: Final = frozenset((b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"jxl "))


def sniff(start: Buffer) -> Format | None:
    """The format that the first bytes claim, from at most SNIFF_BYTES of them; None when they claim none of ours."""
    first = bytes(start[:SNIFF_BYTES])
    for prefix, picture_format in _PREFIXES:
        if first.startswith(prefix):
            return picture_format
    if first[:4] == b"RIFF" and first[8:12] == b"WEBP":
        return "webp"
    if first[4:8] == b"ftyp" and {b"avif", b"avis"} & _brands(first):
        return "avif"
    return None


def refusal(start: Buffer) -> NotAPicture:
    """What to say of bytes that `sniff` does not know."""
    first = bytes(start[:256])
    if first and any(prefix.startswith(first) for prefix, _ in _PREFIXES):
        return NotAPicture(Flaw.TRUNCATED, "the file ends in its signature")
    if (
        first.startswith(_OTHER_PICTURES)
        or (first[4:8] == b"ftyp" and _OTHER_BRANDS & _brands(first))
        or b"<svg" in first
    ):
        return NotAPicture(Flaw.UNSUPPORTED, "a format that is not taken")
    return NotAPicture(Flaw.NOT_AN_IMAGE, f"begins with {first[:16]!r}")


def _brands(first: bytes) -> set[bytes]:
    """The brands of an ISO file, as far as they lie in these first bytes."""
    end = min(int.from_bytes(first[:4], "big"), len(first))
    return {first[8:12], *(first[at : at + 4] for at in range(16, end - 3, 4))}
