"""Inspection tells a picture's facts by its structure and refuses what is no whole picture."""

import contextlib
import gc
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pictures.facts import EXTENSIONS, Facts, Flaw, Format, Limits, NotAPicture, extension, media_type
from pictures.inspection import find_manifest, inspect
from pictures.sniffing import SNIFF_BYTES, sniff
from testkit.picture_samples import SAMPLES, animated, draw, encoded

DRAWN: Mapping[Format, bytes] = {name: make() for name, make in SAMPLES.items()}
FORMATS = tuple(DRAWN)


def flaw_of(data: bytes, limits: Limits | None = None) -> Flaw:
    with pytest.raises(NotAPicture) as caught:
        inspect(data, limits=limits or Limits())
    return caught.value.kind


def chunk(kind: bytes, contents: bytes) -> bytes:
    return struct.pack(">I", len(contents)) + kind + contents + struct.pack(">I", zlib.crc32(kind + contents))


@pytest.mark.parametrize("name", FORMATS)
def test_a_picture_is_known_by_its_structure(name: Format) -> None:
    assert inspect(DRAWN[name]) == Facts(name, 80, 60)
    assert inspect(memoryview(bytearray(DRAWN[name]))) == Facts(name, 80, 60)
    assert sniff(DRAWN[name][:SNIFF_BYTES]) == name
    assert not find_manifest(DRAWN[name])


def test_a_format_has_a_media_type_and_an_extension() -> None:
    assert [media_type(name) for name in EXTENSIONS] == [f"image/{name}" for name in EXTENSIONS]
    assert extension("jpeg") == "jpg"


@pytest.mark.parametrize(
    ("pillow_format", "options"),
    [("PNG", {}), ("WEBP", {"lossless": True}), ("WEBP", {}), ("AVIF", {})],
    ids=["png", "webp-lossless", "webp", "avif"],
)
def test_an_alpha_channel_is_seen(pillow_format: str, options: dict[str, object]) -> None:
    facts = inspect(encoded(draw(41, 23, "RGBA"), pillow_format, **options))
    assert (facts.width, facts.height, facts.has_alpha) == (41, 23, True)


@pytest.mark.parametrize("pillow_format", ["PNG", "GIF", "WEBP", "AVIF"])
def test_frames_are_counted(pillow_format: str) -> None:
    assert inspect(animated(pillow_format)).frames == 3


def test_a_progressive_jpeg_with_trailing_bytes_is_a_picture() -> None:
    data = encoded(draw(80, 60), "JPEG", progressive=True)
    assert inspect(data + b"\x00" * 10_000) == Facts("jpeg", 80, 60)


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=60, deadline=None)
@given(where=st.floats(0, 1, exclude_max=True))
def test_a_picture_cut_anywhere_is_refused(name: Format, where: float) -> None:
    data = DRAWN[name]
    kept = int(len(data) * where)
    expected = {Flaw.TRUNCATED} if kept >= SNIFF_BYTES else set(Flaw)
    assert flaw_of(data[:kept]) in expected


@pytest.mark.parametrize("name", FORMATS)
@settings(max_examples=200, deadline=None)
@given(edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=8))
def test_damage_is_refused_or_harmless_but_never_a_crash(name: Format, edits: list[tuple[float, int]]) -> None:
    data = bytearray(DRAWN[name])
    for where, value in edits:
        data[int(min(len(data), 400) * where)] = value
    with contextlib.suppress(NotAPicture):
        assert inspect(data).format == name


@pytest.mark.parametrize("at", [19, 45, 200, -20])
def test_one_flipped_bit_in_a_png_is_corrupt(at: int) -> None:
    data = bytearray(DRAWN["png"])
    data[at] ^= 1
    assert flaw_of(bytes(data)) in (Flaw.CORRUPT, Flaw.TRUNCATED)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", Flaw.NOT_AN_IMAGE),
        (b"<!doctype html><title>502</title>", Flaw.NOT_AN_IMAGE),
        (b'{"error": {"message": "overloaded"}}', Flaw.NOT_AN_IMAGE),
        (b"\x00" * 100, Flaw.NOT_AN_IMAGE),
        (b"\x89PN", Flaw.TRUNCATED),
        (b"\x89PNG\r\n\x1a\n", Flaw.TRUNCATED),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", Flaw.UNSUPPORTED),
        (b"BM" + bytes(60), Flaw.UNSUPPORTED),
        (b"II*\x00" + bytes(60), Flaw.UNSUPPORTED),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic", Flaw.UNSUPPORTED),
    ],
)
def test_what_is_no_picture_is_refused_by_its_kind(data: bytes, kind: Flaw) -> None:
    assert flaw_of(data) is kind


def test_a_lossless_jpeg_is_unsupported() -> None:
    assert flaw_of(DRAWN["jpeg"].replace(b"\xff\xc0", b"\xff\xc3", 1)) is Flaw.UNSUPPORTED


@pytest.mark.parametrize(("width", "height"), [(8001, 8000), (40_000, 1), (0xFFFF_FFFF, 0xFFFF_FFFF)])
def test_a_canvas_that_would_be_an_attack_is_refused_by_its_header(width: int, height: int) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    assert flaw_of(DRAWN["png"][:8] + header + DRAWN["png"][33:]) is Flaw.TOO_MANY_PIXELS


@pytest.mark.parametrize("name", FORMATS)
def test_limits_hold_for_every_format(name: Format) -> None:
    assert flaw_of(DRAWN[name], Limits(max_pixels=80 * 60 - 1)) is Flaw.TOO_MANY_PIXELS
    assert flaw_of(DRAWN[name], Limits(max_bytes=len(DRAWN[name]) - 1)) is Flaw.TOO_LARGE


def test_an_empty_canvas_is_corrupt() -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 60, 8, 2, 0, 0, 0))
    assert flaw_of(DRAWN["png"][:8] + header + DRAWN["png"][33:]) is Flaw.CORRUPT


@pytest.mark.parametrize(
    "data",
    [
        DRAWN["png"][:33] + chunk(b"tEXt", b"") * 1_700_000,
        b"GIF89a" + struct.pack("<HHBBB", 10, 10, 0, 0, 0) + b"\x21\xfe" + b"\x01a" * 10_000_000,
        b"RIFF" + struct.pack("<I", 20_000_004) + b"WEBP" + b"VP8X\x00\x00\x00\x00" * 2_500_000,
        b"\xff\xd8" + b"\xff\xfe\x00\x02" * 5_000_000,
        b"\x00\x00\x00\x14ftypavif\x00\x00\x00\x00avif" + b"\x00\x00\x00\x08free" * 2_500_000,
    ],
    ids=["png", "gif", "webp", "jpeg", "avif"],
)
def test_twenty_megabytes_of_tiny_pieces_cost_little(data: bytes) -> None:
    gc.disable()  # a round over all that a long test run holds costs a second by itself
    try:
        tries: list[tuple[float, float, float]] = []
        for _ in range(3):
            before = _reading_seconds(data)
            started = time.thread_time()
            assert flaw_of(data) is Flaw.CORRUPT
            spent, after = time.thread_time() - started, _reading_seconds(data)
            tries.append((spent / max(1.0, min(before, after) / READING_SECONDS), spent, before))
            if tries[-1][0] < 1.0:
                return
        raise AssertionError(tries)
    finally:
        gc.enable()


READING_SECONDS = 0.105
"""What `_reading_seconds` is on an idle machine of the kind for which a second is the bound."""


def _reading_seconds(data: bytes) -> float:
    """The CPU time of reading two million numbers, by which what neighbours on this machine add is measured."""
    started = time.thread_time()
    for at in range(0, 8_000_000, 4):
        struct.unpack_from(">I", data, at)
    return time.thread_time() - started


def test_inspection_imports_nothing_that_decodes() -> None:
    code = "import sys, pictures.inspection, pictures.slots; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pyvips", "numpy", "PIL", "asyncio"} & set(loaded)
