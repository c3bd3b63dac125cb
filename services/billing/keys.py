"""An api key is a secret that is shown once and kept as its SHA-256; these rules make, check and mask it."""

import datetime
import hashlib
import re
import secrets
import string
from dataclasses import dataclass

from servicekit.faults import InvalidField

DEFAULT_PREFIX = "gesso_"
_RANDOM_CHARACTERS = 40  # of base62: 238 bits
_BASE62 = string.digits + string.ascii_letters
_PREFIX = re.compile(r"([a-z][a-z0-9]*_){1,4}")
_SECRET = re.compile(r"[\x21-\x7e]{1,200}")
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


def new_secret(prefix: str) -> str:
    """Return a fresh key."""
    return prefix + "".join(secrets.choice(_BASE62) for _ in range(_RANDOM_CHARACTERS))


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
