"""Stored provider keys rest in envelopes: each under a data key of its own, which is wrapped under one of the operator's keys.

The operator's keys have names; the first seals, all of them open. An envelope is bound to what it is for (account and provider): in
another row it does not open. Rewrapping changes the wrap alone, and never sees what is inside.
Layout: nonce of the wrap (12 bytes), wrapped data key (32 + 16), ciphertext with its tag (16 bytes more than the text). Both are
AES-256-GCM; a data key seals one text once, so its own nonce is fixed.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_NONCE_BYTES = 12
_WRAP_BYTES = _NONCE_BYTES + KEY_BYTES + 16
_FIXED_NONCE = bytes(_NONCE_BYTES)
_KEY_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DERIVED_PURPOSE = b"gesso stored provider keys v1"
_DIGEST_PURPOSE = b"gesso digests of provider keys v1"


class CannotOpen(Exception):
    """The envelope rests under a key that is not in the ring, was changed, or belongs to another row."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed text, and the name of the key that it rests under."""

    key_id: str
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NamedKey:
    """One of the operator's keys: 32 bytes."""

    id: str
    key: bytes = field(repr=False)


class Keyring:
    """The operator's keys; the first is current."""

    def __init__(self, keys: Sequence[NamedKey]) -> None:
        """Hold at least one key."""
        assert keys, "a ring holds a key"
        self._keys = {named.id: AESGCM(named.key) for named in keys}
        self.current_id = keys[0].id
        self._digest_key = hmac.digest(keys[0].key, _DIGEST_PURPOSE, "sha256")

    def digest(self, text: str, purpose: bytes) -> bytes:
        """By which a text is known again that was given for the same purpose, by nobody without the current key."""
        return hmac.digest(self._digest_key, purpose + b"\0" + text.encode(), "sha256")

    def seal(self, text: str, purpose: bytes) -> Envelope:
        """Seal a text for a purpose, under the current key."""
        data_key = secrets.token_bytes(KEY_BYTES)
        ciphertext = AESGCM(data_key).encrypt(_FIXED_NONCE, text.encode(), purpose)
        return self._wrapped(data_key, ciphertext, purpose)

    def open(self, envelope: Envelope, purpose: bytes) -> str:
        """The text that was sealed for this purpose. Raises CannotOpen."""
        data_key, ciphertext = self._unwrapped(envelope, purpose)
        try:
            return AESGCM(data_key).decrypt(_FIXED_NONCE, ciphertext, purpose).decode()
        except InvalidTag:
            raise CannotOpen(envelope.key_id) from None

    def rewrap(self, envelope: Envelope, purpose: bytes) -> Envelope:
        """The same under the current key. Raises CannotOpen."""
        return self._wrapped(*self._unwrapped(envelope, purpose), purpose)

    def _wrapped(self, data_key: bytes, ciphertext: bytes, purpose: bytes) -> Envelope:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        wrap = self._keys[self.current_id].encrypt(nonce, data_key, purpose)
        return Envelope(self.current_id, nonce + wrap + ciphertext)

    def _unwrapped(self, envelope: Envelope, purpose: bytes) -> tuple[bytes, bytes]:
        nonce, wrap = envelope.sealed[:_NONCE_BYTES], envelope.sealed[_NONCE_BYTES:_WRAP_BYTES]
        try:
            data_key = self._keys[envelope.key_id].decrypt(nonce, wrap, purpose)
        except (KeyError, InvalidTag, ValueError):  # ValueError: cut off within the nonce
            raise CannotOpen(envelope.key_id) from None
        return data_key, envelope.sealed[_WRAP_BYTES:]


def purpose_of(account_id: str, provider: str) -> bytes:
    """What an account's key for a provider is sealed for."""
    return f"{account_id}\0{provider}".encode()


def parse_keys(text: str) -> tuple[NamedKey, ...]:
    """Read GESSO_SECRETS_KEYS: `id:hex,id:hex`, each key 64 hex digits. Raises ValueError."""
    keys = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        key_id, _, digits = entry.partition(":")
        if not _KEY_ID.fullmatch(key_id):
            raise ValueError("a key's id has 1 to 64 letters, digits, dots, dashes or underscores")
        keys.append(NamedKey(key_id, bytes.fromhex(digits)))
        if len(keys[-1].key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES * 2} hex digits, after its id and a colon")
    if len({named.id for named in keys}) < len(keys):
        raise ValueError("two keys have the same id")
    return tuple(keys)


def derived_key(sealing_key: bytes) -> NamedKey:
    """The key of a platform that was given none: follows from its sealing key, and is gone with that."""
    key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_DERIVED_PURPOSE).derive(sealing_key)
    return NamedKey(f"derived-{hashlib.sha256(key).hexdigest()[:8]}", key)
