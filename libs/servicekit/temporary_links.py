"""A temporary link names its picture by 128 bits that only the platform can read: the capability, with no signature beside it.

Source: contract.md, pixeldojo "Links": `/pixeldojotemp/{ms timestamp}-{random}-{index}.{ext}`, no query. The random part is
the image's ULID under one block of AES-256, whose key is derived from GESSO_LINK_KEY: a permutation of 128 bits, so that nobody
without the key can tell it from random bits or name another picture, and no table of links is kept. How long the link is good
is the image's own matter: it ends when the image expires.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from servicekit.ids import ImageId, id_of_ulid, ulid_bytes

PREFIX = "/pixeldojotemp/"
_PATH = re.compile(
    rf"{PREFIX}(?P<at>[0-9]{{1,15}})-(?P<random>[0-9a-f]{{32}})-(?P<index>[0-9]{{1,3}})\.(?P<ext>[a-z]{{3,4}})"
)
_LABEL = b"gesso temporary links, 1"


@dataclass(frozen=True, slots=True)
class TemporaryLink:
    """What a temporary link names; only `image_id` is guarded, the rest is for people."""

    image_id: ImageId
    index: int
    extension: str
    at_ms: int


def temporary_path(image_id: str, index: int, extension: str, at_ms: int, key: bytes) -> str:
    """The path of a picture's temporary link: `index` is its place in the answer, `at_ms` when it was made, in Unix milliseconds.

    The same arguments give the same path. Raises ValueError for what is no image's id.
    """
    sealing = _cipher(key).encryptor()
    return f"{PREFIX}{at_ms}-{sealing.update(ulid_bytes(image_id)).hex()}-{index}.{extension}"


def open_temporary_path(path: str, key: bytes) -> TemporaryLink | None:
    """What a path names, None for one of another form. A forged one names an image that does not exist."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    ulid = _cipher(key).decryptor().update(bytes.fromhex(match["random"]))
    return TemporaryLink(ImageId(id_of_ulid("img", ulid)), int(match["index"]), match["ext"], int(match["at"]))


@lru_cache(maxsize=4)
def _cipher(key: bytes) -> "Cipher[modes.ECB]":
    # ECB of a single block is the bare permutation that is wanted: two ids are two blocks, and equal ids are one link.
    derived = hmac.digest(key, _LABEL, hashlib.sha256)
    return Cipher(algorithms.AES(derived), modes.ECB())  # noqa: S305
