"""A JPEG tells the quality at which it was made."""

import struct

import pytest

from pictures.jpeg import quality
from testkit.picture_samples import draw, encoded


@pytest.mark.parametrize("asked", [25, 50, 75, 80, 90, 95])
def test_the_quality_is_told_as_it_was_asked_for(asked: int) -> None:
    assert quality(memoryview(encoded(draw(64, 64), "JPEG", quality=asked))) == asked


@pytest.mark.parametrize("tables", [b"", b"\x00" + bytes(10), b"\xf0" + bytes(200), b"\x01" + b"\x10" * 64])
def test_a_file_that_does_not_say_has_none(tables: bytes) -> None:
    segment = b"\xff\xdb" + struct.pack(">H", 2 + len(tables)) + tables
    scan = b"\xff\xda\x00\x04\x00\x00"
    assert quality(memoryview(b"\xff\xd8" + segment + scan)) is None


def test_tables_of_two_bytes_a_step_are_read_too() -> None:
    table = b"\x10" + struct.pack(">64H", *[57] * 64)
    segment = b"\xff\xdb" + struct.pack(">H", 2 + len(table)) + table
    assert quality(memoryview(b"\xff\xd8" + segment + b"\xff\xda\x00\x04\x00\x00")) == 51
