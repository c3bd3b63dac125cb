"""A secret is sealed to a service's public key, so that whoever carries it, queues it or logs it cannot read it.

The form is an anonymous sealed box: an ephemeral X25519 key agreement, HKDF-SHA256 over both public keys, AES-256-GCM. The key of
each box is used once, so its nonce is fixed. Layout: ephemeral public key (32 bytes), ciphertext with its tag (16 bytes more than
the text).
"""

import hashlib

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
_TAG_BYTES = 16
_NONCE = bytes(12)
_PURPOSE = b"gesso sealed secret v1"


class NotSealedForUs(Exception):
    """The box is no box, was changed on the way, or is sealed to another key."""


def public_key_of(private_key: bytes) -> bytes:
    """The public key (32 bytes) of a private one (32 bytes)."""
    return X25519PrivateKey.from_private_bytes(private_key).public_key().public_bytes_raw()


def key_id_of(public_key: bytes) -> str:
    """A short name of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def seal(public_key: bytes, secret: str) -> bytes:
    """Seal a secret to a public key (32 bytes); each call gives another box."""
    ephemeral = X25519PrivateKey.generate()
    ephemeral_public = ephemeral.public_key().public_bytes_raw()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(public_key))
    cipher = _cipher(shared, ephemeral_public, public_key)
    return ephemeral_public + cipher.encrypt(_NONCE, secret.encode(), None)


def unseal(private_key: bytes, box: bytes) -> str:
    """Open a box. Raises NotSealedForUs."""
    if len(box) < KEY_BYTES + _TAG_BYTES:
        raise NotSealedForUs
    ephemeral_public, ciphertext = box[:KEY_BYTES], box[KEY_BYTES:]
    private = X25519PrivateKey.from_private_bytes(private_key)
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(ephemeral_public))
        cipher = _cipher(shared, ephemeral_public, private.public_key().public_bytes_raw())
        return cipher.decrypt(_NONCE, ciphertext, None).decode()
    except (InvalidTag, ValueError) as error:  # ValueError: a degenerate public key, or no UTF-8
        raise NotSealedForUs from error


def _cipher(shared: bytes, ephemeral_public: bytes, public_key: bytes) -> AESGCM:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=ephemeral_public + public_key, info=_PURPOSE)
    return AESGCM(derivation.derive(shared))
