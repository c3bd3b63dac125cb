"""The client's address, through proxies only where an operator trusts them. Pure."""

from collections.abc import Sequence
from ipaddress import ip_address
from itertools import pairwise

from servicekit.addresses import Network


def client_address(peer: str, forwarded_for: str | None, trusted: Sequence[Network]) -> str:
    """The address of whoever sent the request: the last of `X-Forwarded-For` that no trusted proxy has.

    A proxy appends the address that it was called from, so that only what trusted proxies appended can be believed.
    """
    hops = [peer, *reversed([hop.strip() for hop in (forwarded_for or "").split(",") if hop.strip()])]
    for here, beyond in pairwise(hops):
        if not _is_trusted(here, trusted) or not _is_address(beyond):
            return here
    return hops[-1]


def _is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    if not trusted or not _is_address(text):
        return False
    address = ip_address(text)
    return any(address.version == network.version and address in network for network in trusted)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
