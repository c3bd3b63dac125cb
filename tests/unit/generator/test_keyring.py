"""What rests under the operator's keys is opened by them alone, for what it was sealed for, and moves from one to the next."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.keyring import CannotOpen, Envelope, Keyring, NamedKey, derived_key, parse_keys, purpose_of
from generator.own_keys import masked

OLD, NEW = NamedKey("old", b"o" * 32), NamedKey("new", b"n" * 32)
RING = Keyring([OLD])
PURPOSE = purpose_of("acct_1", "openai")


@given(text=st.text())
def test_what_is_sealed_is_opened_for_the_same_purpose(text: str) -> None:
    assert RING.open(RING.seal(text, PURPOSE), PURPOSE) == text


@pytest.mark.parametrize("purpose", [purpose_of("acct_2", "openai"), purpose_of("acct_1", "fal"), b""])
def test_an_envelope_does_not_open_in_another_row(purpose: bytes) -> None:
    envelope = RING.seal("sk-1", PURPOSE)
    with pytest.raises(CannotOpen):
        RING.open(envelope, purpose)
    with pytest.raises(CannotOpen):
        RING.rewrap(envelope, purpose)


@given(data=st.data())
def test_an_envelope_that_was_changed_or_cut_does_not_open(data: st.DataObject) -> None:
    sealed = RING.seal("sk-1", PURPOSE).sealed
    place = data.draw(st.integers(0, len(sealed) - 1))
    changed = sealed[:place] + bytes([sealed[place] ^ data.draw(st.integers(1, 255))]) + sealed[place + 1 :]
    for broken in (changed, sealed[:place]):
        with pytest.raises(CannotOpen):
            RING.open(Envelope("old", broken), PURPOSE)


def test_a_rewrapped_envelope_needs_the_old_key_no_more() -> None:
    envelope = RING.seal("sk-1", PURPOSE)
    moved = Keyring([NEW, OLD]).rewrap(envelope, PURPOSE)
    assert (moved.key_id, Keyring([NEW]).open(moved, PURPOSE)) == ("new", "sk-1")
    with pytest.raises(CannotOpen):
        Keyring([NEW]).open(envelope, PURPOSE)
    with pytest.raises(CannotOpen):
        RING.open(moved, PURPOSE)


def test_the_same_text_is_never_sealed_the_same_way() -> None:
    assert RING.seal("sk-1", PURPOSE) != RING.seal("sk-1", PURPOSE)


def test_neither_keys_nor_envelopes_show_what_they_hold() -> None:
    key = NamedKey("old", b"very secret key of thirty-two by")
    assert "secret" not in repr(key)
    assert "sealed" not in repr(Envelope("old", b"sealed"))


def test_the_first_key_that_is_named_is_the_one_that_seals() -> None:
    keys = parse_keys(f"b:{'0b' * 32}, a.1_-:{'0a' * 32}")
    assert [(named.id, named.key) for named in keys] == [("b", b"\x0b" * 32), ("a.1_-", b"\x0a" * 32)]
    assert Keyring(keys).seal("sk-1", PURPOSE).key_id == "b"
    assert parse_keys("") == ()


@pytest.mark.parametrize("text", ["a", "a:", "a:0b", f":{'0b' * 32}", f"a b:{'0b' * 32}", f"a:{'zz' * 32}"])
def test_keys_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_keys(text)


def test_two_keys_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="same id"):
        parse_keys(f"a:{'0b' * 32},a:{'0a' * 32}")


def test_the_derived_key_is_the_sealing_keys_own_and_is_not_that() -> None:
    first, second = derived_key(b"s" * 32), derived_key(b"t" * 32)
    assert derived_key(b"s" * 32) == first
    assert first.id != second.id
    assert first.key not in (second.key, b"s" * 32)


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("sk-or-v1-0123456789abcdefwxyz", "sk-or-...wxyz"),
        ("k" * 500, "kkkkkk...kkkk"),
        ("0123456789abcdef", "0123...ef"),
        ("01234567", "01...7"),
    ],
)
def test_a_masked_key_shows_its_ends_and_less_of_a_short_one(secret: str, shown: str) -> None:
    assert masked(secret) == shown
