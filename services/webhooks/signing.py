"""Deliveries are signed by Standard Webhooks 1.0.0: HMAC-SHA256 over id, timestamp and the very bytes that are sent."""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Sequence

PREFIX = "whsec_"


def new_secret() -> str:
    """Make a secret of 32 random bytes."""
    return PREFIX + base64.b64encode(os.urandom(32)).decode()


def headers(event_id: str, timestamp: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The headers of one attempt; with several secrets (an overlap after a rotation) each signs."""
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(_signature(event_id, timestamp, body, secret) for secret in secrets),
    }


def secret_bytes(secret: str) -> bytes:
    """The key behind a secret: base64 after `whsec_`, else (a user's own secret) its UTF-8 bytes."""
    if secret.startswith(PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _signature(event_id: str, timestamp: int, body: bytes, secret: str) -> str:
    mac = hmac.digest(secret_bytes(secret), f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac).decode()
