"""A temporary link leads back to its picture with the key, and to nothing without it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.ids import ImageId, id_of_ulid, new_id, ulid_bytes
from servicekit.temporary_links import TemporaryLink, open_temporary_path, temporary_path

KEY = bytes(range(32))


@given(st.binary(min_size=16, max_size=16))
def test_every_ulid_is_sixteen_bytes_and_back(ulid: bytes) -> None:
    assert ulid_bytes(id_of_ulid("img", ulid)) == ulid


def test_a_path_has_the_documented_form_and_leads_back() -> None:
    image_id = new_id("img")
    path = temporary_path(image_id, 2, "jpg", 1_686_432_789_123, KEY)
    head, random, tail = path.split("-")
    assert (head, len(random), tail) == ("/pixeldojotemp/1686432789123", 32, "2.jpg")
    assert open_temporary_path(path, KEY) == TemporaryLink(ImageId(image_id), 2, "jpg", 1_686_432_789_123)


def test_the_random_part_tells_nothing_of_the_id_and_differs_with_the_key() -> None:
    image_id = new_id("img")
    path = temporary_path(image_id, 0, "png", 1, KEY)
    assert ulid_bytes(image_id).hex() not in path
    other = open_temporary_path(path, bytes(32))
    assert other is not None
    assert other.image_id != image_id


def test_neighbouring_ids_have_nothing_in_common() -> None:
    randoms = {temporary_path(id_of_ulid("img", bytes([*bytes(15), n])), 0, "png", 1, KEY)[20:36] for n in range(64)}
    assert len(randoms) == 64


@pytest.mark.parametrize(
    "path",
    [
        "/pixeldojotemp/",
        "/pixeldojotemp/1-abc123-0.png",
        "/pixeldojotemp/1-" + "0" * 31 + "g-0.png",
        "/pixeldojotemp/1-" + "A" * 32 + "-0.png",
        "/pixeldojotemp/x-" + "0" * 32 + "-0.png",
        "/pixeldojotemp/1-" + "0" * 32 + "-0.png/..",
        "/pixeldojotemp/1-" + "0" * 32 + "-0",
    ],
)
def test_a_path_of_another_form_is_no_link(path: str) -> None:
    assert open_temporary_path(path, KEY) is None


def test_what_is_no_id_gets_no_link() -> None:
    with pytest.raises(ValueError, match="no id"):
        temporary_path("img_short", 0, "png", 1, KEY)
