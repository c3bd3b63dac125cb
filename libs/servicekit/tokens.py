"""A caller token proves to the inner services who calls: claims and their HMAC under a key that the edge does not have.

Source: design.md "One request": Authenticate returns a caller token, the other services take account and plan from nothing else.
"""

import hashlib
import hmac
import time

from gesso.billing.v1.billing_pb2 import CallerClaims
from gesso.errors.v1 import reason_pb2 as pb
from servicekit.faults import Fault

TTL_SECONDS = 60
_MAC_BYTES = 32


def seal(claims: CallerClaims, key: bytes) -> bytes:
    """Return the token: HMAC-SHA256 (32 bytes), then the serialized claims."""
    body = claims.SerializeToString(deterministic=True)
    return hmac.digest(key, body, hashlib.sha256) + body


def open_token(token: bytes, key: bytes, *, now_seconds: float | None = None) -> CallerClaims:
    """Return the claims of a valid token. Raises Fault CREDENTIAL_INVALID for a forged, cut or expired one."""
    body = token[_MAC_BYTES:]
    if not hmac.compare_digest(hmac.digest(key, body, hashlib.sha256), token[:_MAC_BYTES]):
        raise Fault(pb.REASON_CREDENTIAL_INVALID, "The caller token is not genuine.")
    claims = CallerClaims.FromString(body)
    if claims.expires_at < (time.time() if now_seconds is None else now_seconds):
        raise Fault(pb.REASON_CREDENTIAL_INVALID, "The caller token has expired.")
    return claims
