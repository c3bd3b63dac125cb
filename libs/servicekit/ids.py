"""Ids are ULIDs behind a readable prefix; a derived id is a digest in the same form, so that a repeat finds the first.

Source: contract.md "Ids are one ULID under the prefix of the thing"; the alphabet and layout are the ULID specification's.
"""

import hashlib
import os
import re
import time
from typing import NewType

AccountId = NewType("AccountId", str)
ApiKeyId = NewType("ApiKeyId", str)
JobId = NewType("JobId", str)
HoldId = NewType("HoldId", str)
ImageId = NewType("ImageId", str)
EventId = NewType("EventId", str)

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_SHIFTS = range(120, -1, -10)
_ULID = re.compile(rf"[0-7][{_ALPHABET}]{{25}}")


def new_id(prefix: str, *, at_seconds: float | None = None) -> str:
    """Make `prefix_` and a fresh ULID: 48 bits of milliseconds, 80 random bits; ids sort by the time they were made."""
    milliseconds = int((time.time() if at_seconds is None else at_seconds) * 1000)
    return f"{prefix}_{_encode((milliseconds << 80) | int.from_bytes(os.urandom(10), 'big'))}"


def derived_id(prefix: str, *parts: str) -> str:
    """Make `prefix_` and 128 bits of SHA-256 over the parts: the same parts give the same id, on any replica, at any time."""
    digest = hashlib.sha256("\x1f".join((prefix, *parts)).encode()).digest()
    return f"{prefix}_{_encode(int.from_bytes(digest[:16], 'big'))}"


def is_id(prefix: str, text: str) -> bool:
    """Tell whether the text is a well-formed id of this prefix."""
    head, _, tail = text.rpartition("_")
    return head == prefix and _ULID.fullmatch(tail) is not None


def with_prefix(prefix: str, thing_id: str) -> str:
    """Show an id under another prefix: a reversible view, not a second id."""
    return f"{prefix}_{thing_id.rpartition('_')[2]}"


def ulid_bytes(thing_id: str) -> bytes:
    """The 16 bytes of an id's ULID, without its prefix. Raises ValueError for what is no id."""
    tail = thing_id.rpartition("_")[2]
    if not _ULID.fullmatch(tail):
        raise ValueError(f"{thing_id!r} is no id")
    value = 0
    for character in tail:
        value = value << 5 | _ALPHABET.index(character)
    return value.to_bytes(16, "big")


def id_of_ulid(prefix: str, ulid: bytes) -> str:
    """The id whose ULID has these 16 bytes: the reverse of `ulid_bytes`."""
    return f"{prefix}_{_encode(int.from_bytes(ulid, 'big'))}"


def _encode(value: int) -> str:
    # 130 bits hold a 128-bit ULID: two characters of 5 bits at a time, most significant first.
    return "".join([_PAIRS[(value >> shift) & 1023] for shift in _SHIFTS])
