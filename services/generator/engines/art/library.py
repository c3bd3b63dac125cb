"""The compact art file holds each drawing's SVG body, compressed, behind an index of names and words.

Layout: the magic, the length of the index (32 bits, big endian), the index as JSON, then the bodies, each a zlib stream that the
index points to. Opening it reads the index only (some 10 ms); a body is inflated when it is drawn.
"""

import json
import mmap
import os
import struct
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

MAGIC = b"gesso-art-3\n"
PACKAGE = "@iconify-json/noto"
PACKAGE_VERSION = "1.2.9"
INSTALL_COMMAND = "python -m generator.engines.art install"
_LENGTH = struct.Struct(">I")


class ArtMissing(Exception):
    """The art is not installed where the engine looks for it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"the sketch engine's art is not installed at {path}; run: {INSTALL_COMMAND}")
        self.path = path


def art_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """$GESSO_ART_DIR, else a folder inside the Python environment, so that removing that removes the art."""
    chosen = environ.get("GESSO_ART_DIR")
    return Path(chosen) if chosen else Path(sys.prefix) / "share" / "gesso" / "art"


def library_path(folder: Path) -> Path:
    """Where the compact file of this package version lies under `folder`."""
    return folder / f"noto-{PACKAGE_VERSION}.art"


def pack(icons: dict[str, tuple[str, str]], words: dict[str, str]) -> bytes:
    """The compact file of `icons` (name -> SVG body, category) and `words` (phrase -> name)."""
    index: dict[str, tuple[int, int, str]] = {}
    bodies = bytearray()
    for name, (body, category) in icons.items():
        packed = zlib.compress(body.encode(), 6)
        index[name] = (len(bodies), len(packed), category)
        bodies += packed
    head = json.dumps({"icons": index, "words": words}, separators=(",", ":")).encode()
    return MAGIC + _LENGTH.pack(len(head)) + head + bytes(bodies)


@dataclass(frozen=True)
class ArtLibrary:
    """The drawings by name, and the phrases that name them."""

    index: dict[str, list[Any]]
    words: dict[str, str]
    _bodies: memoryview

    @classmethod
    def open(cls, path: Path) -> Self:
        """Maps the file. Raises ArtMissing when it is absent or of another layout."""
        try:
            with path.open("rb") as file:
                content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        except (FileNotFoundError, ValueError):
            raise ArtMissing(path) from None
        start = len(MAGIC) + _LENGTH.size
        if bytes(content[: len(MAGIC)]) != MAGIC:
            raise ArtMissing(path)
        (length,) = _LENGTH.unpack(content[len(MAGIC) : start])
        head = json.loads(bytes(content[start : start + length]))
        return cls(index=head["icons"], words=head["words"], _bodies=content[start + length :])

    def __contains__(self, name: str) -> bool:
        return name in self.index

    def body(self, name: str) -> str:
        """The inside of the SVG element, on a grid of 128 by 128."""
        offset, length, _ = self.index[name]
        return zlib.decompress(self._bodies[offset : offset + length]).decode()

    def category(self, name: str) -> str:
        category: str = self.index[name][2]
        return category
