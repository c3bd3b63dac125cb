"""Which addresses of the network a caller may make this platform connect to: public ones, and those an operator opens."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

# IANA's registries of special-purpose addresses (RFC 6890 and successors), and the metadata services of clouds that live
# on addresses that look public. `ipaddress.is_global` is no substitute: Python 3.11 calls 192.0.0.9, 64:ff9b:1::/48,
# 2002::/16 and others global, and knows nothing of metadata services.
DENIED_V4: tuple[IPv4Network, ...] = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT; 100.100.100.200 is Alibaba's metadata service
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's platform services
            "169.254.0.0/16",  # link-local; 169.254.169.254 is most clouds' metadata service
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # protocol assignments; 192.0.0.192 is Oracle's metadata service
            "192.0.2.0/24",  # documentation
            "192.31.196.0/24",  # AS112
            "192.52.193.0/24",  # automatic multicast tunnelling
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "192.175.48.0/24",  # AS112
            "198.18.0.0/15",  # benchmarking
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved, and the broadcast address
        ),
    )
)
# Of IPv6 only 2000::/3 is given out; within it these are not public.
GLOBAL_V6 = IPv6Network("2000::/3")
DENIED_V6: tuple[IPv6Network, ...] = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4, which embeds an IPv4 address
            "2620:4f:8000::/48",  # AS112
            "3ffe::/16",  # the former 6bone
            "3fff::/20",  # documentation
        ),
    )
)
# A translator of the network turns these into IPv4, so the embedded address decides. 64:ff9b:1::/48 is for local use.
NAT64 = IPv6Network("64:ff9b::/96")


def is_allowed(address: str | Address, allow: tuple[Network, ...] = ()) -> bool:
    """Say whether a connection to ``address`` may be made: it is public, or lies in one of the ``allow`` networks.

    An IPv4-mapped IPv6 address is the IPv4 address that the kernel will connect to. A text that is no address is not
    allowed.
    """
    parsed = _parsed(address)
    if parsed is None:
        return False
    return is_opened(parsed, allow) or _is_public(parsed)


def is_opened(address: str | Address, allow: tuple[Network, ...]) -> bool:
    """Say whether ``address`` lies in one of the ``allow`` networks; only there plain http is spoken."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in allow)


def parse_networks(text: str) -> tuple[Network, ...]:
    """Read ``GESSO_EGRESS_ALLOW``: networks separated by commas, ``127.0.0.0/8,::1/128``; raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _parsed(address: str | Address) -> Address | None:
    try:
        parsed = ip_address(address)
    except ValueError:
        return None
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in DENIED_V4)
    if address in NAT64:
        return _is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in GLOBAL_V6 and not any(address in network for network in DENIED_V6)
