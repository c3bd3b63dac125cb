"""What can be known of a picture without decoding it, and the one error of bytes that are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
Format: TypeAlias = Literal["png", "jpeg", "webp", "avif", "gif"]

MEDIA_TYPES: Final[Mapping[Format, str]] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "gif": "image/gif",
}
EXTENSIONS: Final[Mapping[Format, str]] = {"png": "png", "jpeg": "jpg", "webp": "webp", "avif": "avif", "gif": "gif"}


class Flaw(StrEnum):
    """Why bytes are refused."""

    NOT_AN_IMAGE = "not_an_image"
    TRUNCATED = "truncated"
    TOO_MANY_PIXELS = "too_many_pixels"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    CORRUPT = "corrupt"


class NotAPicture(Exception):
    """These bytes are no picture that the platform takes; `kind` is the reason, `detail` a sentence for the log."""

    def __init__(self, kind: Flaw, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Facts:
    """A picture by its headers: sides in pixels as stored, before any orientation tag is applied.

    `has_alpha` tells of an alpha channel or a transparent colour, not that any pixel is transparent.
    `has_manifest` tells that a C2PA manifest is embedded, not that it is valid.
    """

    format: Format
    width: int
    height: int
    has_alpha: bool = False
    frames: int = 1
    has_manifest: bool = False


class Standing(StrEnum):
    """How far a manifest is to be believed."""

    TRUSTED = "trusted"
    """Whole, and signed by one of our trust anchors."""
    VALID = "valid"
    """Whole, and signed by someone who is not among our trust anchors."""
    INVALID = "invalid"
    """Damaged, expired, or not about these bytes."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The active manifest: where it stands, the tool that claims it, its signer, its digital source type (a URI)."""

    standing: Standing
    label: str = ""
    generator: str = ""
    issuer: str = ""
    source_type: str = ""
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """What is refused: files above `max_bytes`, canvases above `max_pixels` or with a side above `max_side`.

    `base_pieces` and `bytes_per_piece` bound the walk: a file may have `base_pieces` chunks, segments or blocks, and
    one more for each `bytes_per_piece` bytes, so that a file of nothing but tiny chunks costs milliseconds.
    """

    max_bytes: int = 64 << 20
    max_pixels: int = 64_000_000
    max_side: int = 32_768
    base_pieces: int = 4_096
    bytes_per_piece: int = 128

    def most_pieces(self, size_bytes: int) -> int:
        """The number of pieces after which a file of this size is refused as corrupt."""
        return self.base_pieces + size_bytes // self.bytes_per_piece


DEFAULT: Final = Limits()


def media_type(picture_format: Format) -> str:
    """The Internet media type, such as image/jpeg."""
    return MEDIA_TYPES[picture_format]


def extension(picture_format: Format) -> str:
    """The usual file name extension without a dot, such as jpg."""
    return EXTENSIONS[picture_format]


def check_canvas(width: int, height: int, limits: Limits) -> None:
    """Raises NotAPicture for a canvas that is empty, or so large that decoding it would be an attack."""
    if width == 0 or height == 0:
        raise NotAPicture(Flaw.CORRUPT, f"a canvas of {width}x{height}")
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        raise NotAPicture(Flaw.TOO_MANY_PIXELS, f"a canvas of {width}x{height}")


def truncated(what: str) -> NotAPicture:
    """The error of a file that ends early."""
    return NotAPicture(Flaw.TRUNCATED, f"the file ends in {what}")


def corrupt(detail: str) -> NotAPicture:
    """The error of a file that breaks the rules of its own format."""
    return NotAPicture(Flaw.CORRUPT, detail)
