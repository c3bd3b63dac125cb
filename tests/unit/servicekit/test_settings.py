"""A setting that cannot be is named, with what it takes, before anything runs."""

import pytest

from servicekit import logs
from servicekit.objects import Objects
from servicekit.settings import SettingError, base_url


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("", ""),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://images.example.com/", "https://images.example.com"),
        ("https://example.com/images/", "https://example.com/images"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_a_public_address_is_read_without_the_slash_at_its_end(text: str, read: str) -> None:
    assert base_url(text) == read


@pytest.mark.parametrize("text", ["nope", "ftp://example.com", "http://", "https:///x", "https://a b", "https://a?b"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"https://images\.example\.com"):
        base_url(text)


def test_a_log_level_that_is_none_is_named() -> None:
    with pytest.raises(SettingError, match=r"GESSO_LOG_LEVEL.*'loud'"):
        logs.configure("billing", {"GESSO_LOG_LEVEL": "loud"})


@pytest.mark.parametrize("url", ["nope://x", "s3://", "store", "s3://bucket?colour=red"])
def test_an_object_store_that_is_none_is_named(url: str) -> None:
    with pytest.raises(SettingError, match="GESSO_STORE_URL"):
        Objects.from_url(url, {})
