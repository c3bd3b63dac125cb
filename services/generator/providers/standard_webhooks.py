"""Verifies what is signed by Standard Webhooks 1.0.0: HMAC-SHA256 over id, timestamp and the very bytes that were sent.

Source: upstreams/18-webhooks.md. Pure.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

TOLERANCE_SECONDS = 300.0
_PREFIX = "whsec_"
_VERSION = "v1,"


def message_id(headers: Mapping[str, str], body: bytes, secret: str, *, now_seconds: float) -> str | None:
    """The id of a genuine message that is not older, nor newer, than the tolerance; None for any other.

    `headers` have names in lower case; the older names of Svix are taken too.
    """
    name, stamp, signatures = (_header(headers, part) for part in ("id", "timestamp", "signature"))
    if not (name and is_fresh(stamp, now_seconds)):
        return None
    mac = hmac.digest(_key(secret), f"{name}.{stamp}.".encode() + body, hashlib.sha256)
    expected = (_VERSION + base64.b64encode(mac).decode()).encode()
    genuine = [hmac.compare_digest(expected, one.encode()) for one in signatures.split()]
    return name if any(genuine) else None


def is_fresh(timestamp: str, now_seconds: float) -> bool:
    """Whether a text in Unix seconds is of about now."""
    is_number = timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12
    return is_number and abs(int(timestamp) - now_seconds) <= TOLERANCE_SECONDS


def _header(headers: Mapping[str, str], part: str) -> str:
    return headers.get(f"webhook-{part}") or headers.get(f"svix-{part}") or ""


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except binascii.Error:
        return secret.encode()
