"""Conditions on an entity's tag."""

import pytest

from gallery.conditions import verdict

TAG = '"ab-original"'


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "status"),
    [
        (None, None, 200),
        (None, TAG, 304),
        (None, f"W/{TAG}", 304),
        (None, f'"x", {TAG}', 304),
        (None, "*", 304),
        (None, '"x"', 200),
        (None, "", 200),
        (None, "ab-original", 200),
        (None, '"ab"', 200),
        (TAG, None, 200),
        (f'"x",{TAG}', None, 200),
        ("*", None, 200),
        (f"W/{TAG}", None, 412),
        ('"x"', None, 412),
        ("", None, 412),
        ('"x"', TAG, 412),
        (TAG, TAG, 304),
    ],
)
def test_a_picture_is_sent_unless_its_tag_is_known_or_another_is_asked_for(
    if_match: str | None, if_none_match: str | None, status: int
) -> None:
    assert verdict(if_match, if_none_match, TAG) == status
