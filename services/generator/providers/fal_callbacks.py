"""Verifies fal's calls: ED25519 over the request's id, the user's, a timestamp and the body's hash, by the keys that it publishes.

Source: upstreams/03-fal.md, "Webhook".
"""

import binascii
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pybase64 import urlsafe_b64decode

from generator.providers.standard_webhooks import is_fresh
from generator.providers.vendor_keys import VendorKeys

_HEADERS = tuple(f"x-fal-webhook-{part}" for part in ("request-id", "user-id", "timestamp"))
_SIGNATURE = "x-fal-webhook-signature"


class PublicKey(msgspec.Struct, frozen=True):
    """One key as it is published."""

    kty: str = ""
    crv: str = ""
    x: str = ""


class PublicKeys(msgspec.Struct, frozen=True):
    """A JSON Web Key Set."""

    keys: list[PublicKey]


class Signatures:
    """The vendor's signatures; `read` fetches its keys and may raise UpstreamFault."""

    def __init__(self, read: Callable[[], Awaitable[PublicKeys]], *, clock: Callable[[], float] = time.time) -> None:
        async def opened() -> Sequence[Ed25519PublicKey]:
            return _opened(await read())

        self._keys = VendorKeys(opened)
        self._clock = clock

    async def message_id(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The request's id of a genuine call, else None. Raises UpstreamFault where the keys cannot be read."""
        told = [headers.get(name, "") for name in _HEADERS]
        signature = _unhexed(headers.get(_SIGNATURE, ""))
        if not all(told) or signature is None or not is_fresh(told[2], self._clock()):
            return None
        message = "\n".join([*told, hashlib.sha256(body).hexdigest()]).encode()
        signed = await self._keys.fit(lambda keys: any(_fits(key, message, signature) for key in keys))
        return told[0] if signed else None


def _fits(key: Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def _opened(published: PublicKeys) -> Sequence[Ed25519PublicKey]:
    opened = []
    for key in published.keys:
        if (key.kty, key.crv) == ("OKP", "Ed25519"):
            try:
                opened.append(Ed25519PublicKey.from_public_bytes(urlsafe_b64decode(key.x + "==")))
            except ValueError:  # no key: the others may be
                continue
    return opened


def _unhexed(text: str) -> bytes | None:
    try:
        return binascii.unhexlify(text) or None
    except (binascii.Error, ValueError):
        return None
