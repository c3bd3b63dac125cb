"""A key goes to the vendor's own addresses alone: those of its base, and those of its domain where it says that it has more."""

import pytest

from generator.providers.api import VendorApi


def api(base_url: str, domain: str = "") -> VendorApi:
    return VendorApi("acme", base_url=base_url, key="k", domain=domain)


@pytest.mark.parametrize(
    ("address", "is_own"),
    [
        ("https://api.acme.ai/v1/get?id=1", True),
        ("https://api.eu.acme.ai/v1/get?id=1", True),
        ("https://acme.ai/v1", True),
        ("http://api.eu.acme.ai/v1", False),
        ("https://api.eu.acme.ai:8443/v1", False),
        ("https://evil-acme.ai/v1", False),
        ("https://acme.ai.example/v1", False),
        ("https://acme.ai@evil.example/v1", False),
        ("/v1/get?id=1", False),
        ("", False),
        ("https://[", False),
    ],
)
def test_a_vendor_with_a_domain_has_hosts_below_it(address: str, is_own: bool) -> None:
    assert (api("https://api.acme.ai", "acme.ai").own(address) is not None) is is_own


def test_without_a_domain_only_the_base_is_the_vendors_own() -> None:
    plain = api("https://api.acme.ai/v1")
    assert plain.own("https://api.acme.ai/v1/jobs/1") is not None
    assert plain.own("https://api.eu.acme.ai/v1/jobs/1") is None


def test_an_operators_own_base_address_stays_the_only_one() -> None:
    assert api("http://127.0.0.1:9000", "acme.ai").own("https://api.eu.acme.ai/v1") is None
