"""A callback's address is the capability to say that one order has ended: the platform signs it, a vendor is given it.

It ends in a token that names the order and bears an HMAC under a key derived from GESSO_LINK_KEY, so that the edge can turn away
what no vendor was ever given, and no table of addresses is kept. It says nothing of who calls: that is for the vendor's signature.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from functools import lru_cache

PREFIX = "/hooks/"
_LABEL = b"gesso vendor callbacks, 1"
_MAC_BYTES = 18  # 144 bits: 24 characters of base64url without padding
_TOKEN = re.compile(
    r"(?P<ulid>[0-9a-z]{26})-(?P<index>[0-9]{1,3})-(?P<position>[0-9]{1,2})-(?P<mac>[A-Za-z0-9_-]{24})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class CallbackName:
    """The order that an address is of: a provider's, for a task's pictures from this position on."""

    provider: str
    task_id: str
    """As `job_…/0`."""
    position: int


def callback_token(name: CallbackName, key: bytes) -> str:
    """The end of the address: the same for the same order, on any replica."""
    job_id, _, index = name.task_id.rpartition("/")
    return f"{job_id.removeprefix('job_')}-{index}-{name.position}-{_mac(name, key)}"


def callback_path(name: CallbackName, key: bytes) -> str:
    """The path below the platform's public address."""
    return f"{PREFIX}{name.provider}/{callback_token(name, key)}"


def open_callback(provider: str, token: str, key: bytes) -> CallbackName | None:
    """The order that a genuine token names, else None."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    name = CallbackName(provider, f"job_{match['ulid']}/{int(match['index'])}", int(match["position"]))
    return name if hmac.compare_digest(_mac(name, key), match["mac"]) else None


def callback_secret(name: CallbackName, key: bytes) -> str:
    """A secret of one address, for vendors that say it back; in hex."""
    return hmac.digest(_derived(key), b"secret\n" + _text(name), hashlib.sha256).hex()


def _mac(name: CallbackName, key: bytes) -> str:
    mac = hmac.digest(_derived(key), b"token\n" + _text(name), hashlib.sha256)
    return base64.urlsafe_b64encode(mac[:_MAC_BYTES]).decode()


def _text(name: CallbackName) -> bytes:
    return f"{name.provider}\n{name.task_id}\n{name.position}".encode()


@lru_cache(maxsize=4)
def _derived(key: bytes) -> bytes:
    return hmac.digest(key, _LABEL, hashlib.sha256)
