"""Only public addresses are allowed, whatever they are embedded in; no connection is made here."""

from ipaddress import IPv4Network, ip_address

import pytest

from servicekit.addresses import DENIED_V4, DENIED_V6, is_allowed, is_opened, parse_networks

# Each first and last address beside a denied network, and a few that everyone knows.
PUBLIC = """
1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 93.184.215.14 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.1
168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.0.3.0
192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0
223.255.255.255 2606:4700:4700::1111 2001:4860:4860::8888 2001:200:: 2a00:1450:4001:81b::200e 2003::1 3ffd::
2620:4f:8001:: ::ffff:8.8.8.8 ::ffff:0808:0808 64:ff9b::8.8.8.8
"""
NOT_PUBLIC = """
0.0.0.0 0.1.2.3 10.0.0.0 10.255.255.255 100.64.0.0 100.100.100.200 100.127.255.255 127.0.0.1 127.255.255.254
168.63.129.16 169.254.0.1 169.254.169.254 169.254.170.2 172.16.0.0 172.31.255.255 192.0.0.0 192.0.0.9 192.0.0.192
192.0.0.255 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.0.0 192.168.255.255 192.175.48.1 198.18.0.0
198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.254 255.255.255.255
:: ::1 ::2 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe ::ffff:0:127.0.0.1 ::ffff:0:8.8.8.8
64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::169.254.169.254 64:ff9b:1::8.8.8.8 100::1 100:0:0:1::1
2001::1 2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:30::1 2001:1ff::1 2001:db8::1
2002::1 2002:7f00:1::1 2002:808:808::1 2620:4f:8000::1 3ffe::1 3fff::1 3fff:fff::1 4000::1 5f00::1 8000::1
fc00::1 fd00:ec2::254 fd12:3456:789a::1 fe80::1 fe80::1%eth0 febf::1 fec0::1 ff02::1 ff0e::1 fe00::1
"""
NO_ADDRESS = "localhost example.com 127.1 0x7f000001 2130706433 017700000001 1.2.3 1.2.3.4.5 [::1] 1.2.3.4/32"


@pytest.mark.parametrize("address", PUBLIC.split())
def test_a_public_address_is_allowed(address: str) -> None:
    assert is_allowed(address)
    assert is_allowed(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not is_allowed(address)
    assert not is_allowed(ip_address(address))


@pytest.mark.parametrize("address", ["", *NO_ADDRESS.split()])
def test_what_is_no_address_is_refused(address: str) -> None:
    assert not is_allowed(address, parse_networks("0.0.0.0/0,::/0"))


@pytest.mark.parametrize("network", [*DENIED_V4, *DENIED_V6], ids=str)
def test_both_ends_of_every_denied_network_are_refused(network: IPv4Network) -> None:
    assert not is_allowed(network[0])
    assert not is_allowed(network[-1])


@pytest.mark.parametrize("network", DENIED_V4, ids=str)
def test_every_denied_network_stays_denied_inside_ipv6(network: IPv4Network) -> None:
    for end in (network[0], network[-1]):
        assert not is_allowed(f"::ffff:{end}")
        assert not is_allowed(f"64:ff9b::{end}")
        assert not is_allowed(f"::{end}")


def test_an_opened_network_is_allowed_and_nothing_beside_it() -> None:
    allow = parse_networks(" 127.0.0.0/8, ::1/128 ,10.1.0.0/16,")
    assert is_allowed("127.0.0.1", allow)
    assert is_allowed("::ffff:127.0.0.1", allow)
    assert is_allowed("::1", allow)
    assert is_allowed("10.1.2.3", allow)
    assert is_allowed("8.8.8.8", allow)
    assert not is_allowed("10.2.0.1", allow)
    assert not is_allowed("64:ff9b::127.0.0.1", allow)
    assert not is_allowed("::2", allow)


def test_a_public_address_is_not_opened_unless_it_is_named() -> None:
    assert not is_opened("8.8.8.8", parse_networks("127.0.0.0/8"))
    assert is_opened("8.8.8.8", parse_networks("8.8.8.0/24"))


def test_no_network_is_opened_by_an_empty_setting() -> None:
    assert parse_networks("") == ()
    assert parse_networks(" , ") == ()


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1/8", "10.0.0.0/33", "127.0.0.0-127.0.0.9"])
def test_a_setting_that_names_no_network_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"network|host bits"):
        parse_networks(text)
