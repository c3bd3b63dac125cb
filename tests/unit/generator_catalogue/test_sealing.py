"""A secret that was sealed is read by its addressee alone, and by nobody once it was touched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.secrets import Sealing, new_sealing_key, parse_sealing_key
from servicekit.faults import Fault
from servicekit.sealing import seal

SEALING = Sealing(parse_sealing_key("07" * 32))


@given(secret=st.text())
def test_what_is_sealed_to_the_public_key_is_opened_by_the_private_one(secret: str) -> None:
    assert SEALING.open(seal(SEALING.public().public_key, secret)) == secret


@given(data=st.data(), secret=st.text(max_size=20))
def test_a_box_that_was_changed_or_cut_is_lost(data: st.DataObject, secret: str) -> None:
    box = seal(SEALING.public().public_key, secret)
    place = data.draw(st.integers(0, len(box) - 1))
    bit = data.draw(st.sampled_from([1 << shift for shift in range(8)]))
    # X25519 ignores the highest bit of a public key's last byte; the derivation of the key does not.
    changed = box[:place] + bytes([box[place] ^ bit]) + box[place + 1 :]
    for broken in (changed, box[:place]):
        with pytest.raises(Fault) as caught:
            SEALING.open(broken)
        assert caught.value.reason_name == "SECRET_LOST"


def test_a_box_for_another_key_is_lost() -> None:
    other = Sealing(new_sealing_key())
    with pytest.raises(Fault):
        SEALING.open(seal(other.public().public_key, "sk-1"))


def test_the_same_secret_is_never_sealed_the_same_way() -> None:
    assert seal(SEALING.public().public_key, "sk-1") != seal(SEALING.public().public_key, "sk-1")


def test_every_replica_with_the_same_key_names_it_alike() -> None:
    assert Sealing(parse_sealing_key("07" * 32)).public() == SEALING.public()


@pytest.mark.parametrize("text", ["", "07", "zz" * 32])
def test_a_key_of_another_length_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_sealing_key(text)
