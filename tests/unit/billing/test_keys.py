"""Keys are checked, and shown without giving them away."""

import pytest

from billing.keys import check_prefix, check_secret, mask, new_secret
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


def test_no_two_keys_are_alike() -> None:
    assert len({new_secret("gesso_") for _ in range(100)}) == 100


@pytest.mark.parametrize("prefix", ["Gesso_", "gesso", "_", "a b_", "x" * 32 + "_"])
def test_a_prefix_is_made_of_lower_case_words(prefix: str) -> None:
    with pytest.raises(InvalidField):
        check_prefix(prefix)
    assert check_prefix("") == "gesso_"


@pytest.mark.parametrize("secret", ["", "x" * 201, "with a space 123456", "umlaut-ä-1234567890"])
def test_a_given_key_is_printable_and_not_empty(secret: str) -> None:
    with pytest.raises(InvalidField):
        check_secret(secret)
