"""Keys are checked, and shown without giving them away."""

import string
from collections import Counter

import pytest

from billing.keys import check_prefix, check_secret, derived_secret, deriving_key, mask, new_salt
from servicekit.faults import InvalidField


@pytest.mark.parametrize(
    ("secret", "prefix", "expected"),
    [
        ("demo", "gesso_", "..."),
        ("gesso_abcdefghijklmnopqrstuvw", "gesso_", "gesso_abc...uvw"),
        ("big_live_abcdefghijklmnopqrstuvw", "big_live_", "big_live_abc...uvw"),
        ("given-by-somebody-else", "gesso_", "giv...lse"),
        ("gesso_0123456789", "gesso_", "ges...789"),
    ],
)
def test_a_mask_shows_the_prefix_and_three_characters_of_each_end(secret: str, prefix: str, expected: str) -> None:
    assert mask(secret, prefix) == expected


def test_a_secret_is_the_same_only_for_the_same_key_salt_and_request() -> None:
    key, salt = deriving_key(bytes(32)), new_salt()
    secret = derived_secret("gesso_", key, salt, "CreateApiKey", "acct_1", "once")
    assert secret == derived_secret("gesso_", key, salt, "CreateApiKey", "acct_1", "once")
    others = {
        derived_secret("gesso_", deriving_key(bytes([1] * 32)), salt, "CreateApiKey", "acct_1", "once"),
        derived_secret("gesso_", key, new_salt(), "CreateApiKey", "acct_1", "once"),
        derived_secret("gesso_", key, salt, "RotateApiKey", "acct_1", "once"),
        derived_secret("gesso_", key, salt, "CreateApiKey", "acct_2", "once"),
        derived_secret("gesso_", key, salt, "CreateApiKey", "acct_1", "twice"),
        derived_secret("gesso_", key, salt, "CreateApiKey", "acct_1once"),
    }
    assert len(others - {secret}) == 6


def test_secrets_use_the_whole_alphabet_evenly() -> None:
    secrets = [derived_secret("", bytes(32), new_salt()) for _ in range(500)]
    counts = Counter("".join(secrets))
    assert set(counts) == set(string.digits + string.ascii_letters)
    assert {len(secret) for secret in secrets} == {40}
    assert max(counts.values()) < 2 * min(counts.values())  # 20,000 characters over 62: 323 each, 18 the deviation


@pytest.mark.parametrize("prefix", ["Gesso_", "gesso", "_", "a b_", "x" * 32 + "_"])
def test_a_prefix_is_made_of_lower_case_words(prefix: str) -> None:
    with pytest.raises(InvalidField):
        check_prefix(prefix)
    assert check_prefix("") == "gesso_"


@pytest.mark.parametrize("secret", ["", "x" * 201, "with a space 123456", "umlaut-ä-1234567890"])
def test_a_given_key_is_printable_and_not_empty(secret: str) -> None:
    with pytest.raises(InvalidField):
        check_secret(secret)
