"""JUMBF: labelled boxes inside boxes, in which C2PA keeps its manifests (ISO/IEC 19566-5)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from typing import Final

_TYPE_TAIL: Final = bytes.fromhex("00110010800000aa00389b71")
_REQUESTABLE_WITH_LABEL: Final = b"\x03"
HEADER_BYTES: Final = 8


def box(kind: bytes, contents: bytes) -> bytes:
    """A box: its length and type, then its contents."""
    return struct.pack(">I4s", HEADER_BYTES + len(contents), kind) + contents


def superbox(purpose: bytes, label: str, contents: Iterable[bytes]) -> bytes:
    """A box of boxes; `purpose` is the four letters that open its type UUID, such as c2ma for a manifest."""
    return box(b"jumb", description(purpose, label) + b"".join(contents))


def description(purpose: bytes, label: str) -> bytes:
    """The box that opens a superbox and names it."""
    return box(b"jumd", purpose + _TYPE_TAIL + _REQUESTABLE_WITH_LABEL + label.encode() + b"\x00")


def digest(superbox_bytes: bytes) -> bytes:
    """SHA-256 of a superbox as a hashed URI gives it: over its contents, its own header left out."""
    return hashlib.sha256(memoryview(superbox_bytes)[HEADER_BYTES:]).digest()
