"""An api key is a secret that is shown once and kept as its SHA-256; these rules make, check and mask it.

A secret is derived, so that a repeat of the request that made it can show it again: from a key that only the process has, a salt
that only the database has, and the request. Neither half alone tells it.
"""

import datetime
import hashlib
import hmac
import json
import os
import re
import string
from dataclasses import dataclass

from servicekit.faults import InvalidField

DEFAULT_PREFIX = "gesso_"
_RANDOM_CHARACTERS = 40  # of base62: 238 bits
_BASE62 = string.digits + string.ascii_letters
_PREFIX = re.compile(r"([a-z][a-z0-9]*_){1,4}")
_SECRET = re.compile(r"[\x21-\x7e]{1,200}")
_LABEL = b"gesso api key secrets v1"
_SALT_BYTES = 16
_SHOWN = 3
_LEAST_HIDDEN = 6


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key without its secret; `number` counts from 1 per account."""

    id: str
    account_id: str
    number: int
    name: str
    prefix: str
    masked: str
    created_at: datetime.datetime
    revoked_at: datetime.datetime | None
    last_used_at: datetime.datetime | None
    request_count: int


def new_salt() -> bytes:
    """Return a fresh salt of 128 random bits."""
    return os.urandom(_SALT_BYTES)


def deriving_key(caller_token_key: bytes) -> bytes:
    """Return the key that secrets are derived with: one of its own, by the expanding step of HKDF-SHA256 (RFC 5869)."""
    return hmac.digest(caller_token_key, _LABEL + b"\x01", "sha256")


def derived_secret(prefix: str, key: bytes, salt: bytes, *request: str) -> str:
    """Return the secret of a request: the same for the same key, salt and request, and as good as random without either."""
    digest = hmac.digest(key, json.dumps((salt.hex(), *request)).encode(), "sha512")
    number, characters = int.from_bytes(digest, "big"), []
    for _ in range(_RANDOM_CHARACTERS):
        number, place = divmod(number, len(_BASE62))
        characters.append(_BASE62[place])
    return prefix + "".join(characters)


def digest_of(secret: str) -> bytes:
    """Return what is stored of a key, and what the edge asks for."""
    return hashlib.sha256(secret.encode()).digest()


def check_prefix(prefix: str) -> str:
    """Return the prefix, or the default for an empty one. Raises InvalidField."""
    if prefix and (len(prefix) > 32 or not _PREFIX.fullmatch(prefix)):
        raise InvalidField(
            "prefix", "prefix takes up to 32 characters: lower-case words that each end in an underscore."
        )
    return prefix or DEFAULT_PREFIX


def check_secret(secret: str) -> str:
    """Return a given key, whose strength is the operator's matter: only they can give one. Raises InvalidField."""
    if not _SECRET.fullmatch(secret):
        raise InvalidField("secret", "secret takes 1 to 200 printable ASCII characters without spaces.")
    return secret


def mask(secret: str, prefix: str) -> str:
    """Return first and last characters of a key behind its prefix, as `gesso_abc...xyz`; most of it stays hidden."""
    head = prefix if secret.startswith(prefix) else ""
    if len(secret) - len(head) < 2 * _SHOWN + _LEAST_HIDDEN:
        head = ""
    if len(secret) < 2 * _SHOWN + _LEAST_HIDDEN:
        return "..."
    return f"{secret[: len(head) + _SHOWN]}...{secret[-_SHOWN:]}"
