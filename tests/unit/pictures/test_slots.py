"""A slot leaves a picture as it was but for the place of its manifest."""

import hashlib
import io

import pytest
from PIL import Image

from pictures import jpeg
from pictures.facts import Facts, Format
from pictures.inspection import inspect
from pictures.slots import LARGEST_SLOT_BYTES, Slot, slot, wrap
from testkit.picture_samples import SAMPLES, animated, draw, encoded

SLOTTED: tuple[Format, ...] = ("png", "jpeg", "webp")
WRAPPING = {"png": 12, "jpeg": 12, "webp": 8}
OPENING = b"\x00\x00\x00\x00jumb\x00\x00\x00\x1ejumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71\x03c2pa\x00"


def manifest(size: int) -> bytes:
    """Bytes that begin as a C2PA manifest store does."""
    return OPENING + b"m" * (size - len(OPENING))


def slot_of(data: bytes, length: int = 4096) -> Slot:
    found = slot(data, inspect(data), length)
    assert found is not None
    return found


def filled(data: bytes, length: int = 4096) -> bytes:
    found = slot_of(data, length)
    return b"".join(found.filled(wrap(found.format, manifest(length - WRAPPING[found.format]))))


def pixels(data: bytes) -> tuple[str, bytes]:
    with Image.open(io.BytesIO(data)) as picture:
        return picture.mode, picture.tobytes()


PICTURES = {
    "png": encoded(draw(80, 60), "PNG"),
    "jpeg": encoded(draw(80, 60), "JPEG"),
    "jpeg-without-jfif": encoded(draw(80, 60).convert("CMYK"), "JPEG"),
    "webp": encoded(draw(80, 60), "WEBP"),
    "webp-odd": encoded(draw(81, 61), "WEBP", quality=77),
    "webp-lossless-alpha": encoded(draw(80, 60, "RGBA"), "WEBP", lossless=True),
    "webp-alpha": encoded(draw(80, 60, "RGBA"), "WEBP"),
    "webp-animated": animated("WEBP"),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_filled_picture_shows_the_same_and_carries_a_manifest(name: str) -> None:
    data = PICTURES[name]
    before, after = inspect(data), inspect(filled(data))
    assert after == Facts(before.format, before.width, before.height, before.has_alpha, before.frames, True)
    assert pixels(filled(data)) == pixels(data)


@pytest.mark.parametrize("name", PICTURES)
def test_the_digest_is_that_of_the_finished_file_without_the_slot(name: str) -> None:
    found, whole = slot_of(PICTURES[name]), filled(PICTURES[name])
    rest = whole[: found.offset_bytes] + whole[found.offset_bytes + found.length_bytes :]
    assert found.digest() == hashlib.sha256(rest).digest()
    assert found.size_bytes() == len(whole)


@pytest.mark.parametrize("name", PICTURES)
def test_a_manifest_that_is_there_makes_room_for_the_new_one(name: str) -> None:
    assert filled(filled(PICTURES[name], 9000)) == filled(PICTURES[name])


def test_a_manifest_of_several_jpeg_segments_is_replaced_whole() -> None:
    data = PICTURES["jpeg"]
    at = slot_of(data).offset_bytes
    long = data[:at] + jpeg.wrap(manifest(200_000)) + data[at:]
    assert inspect(long).has_manifest
    assert filled(long) == filled(data)


@pytest.mark.parametrize("name", ["png", "jpeg", "webp"])
def test_the_largest_slot_can_be_filled(name: str) -> None:
    assert pixels(filled(PICTURES[name], LARGEST_SLOT_BYTES)) == pixels(PICTURES[name])


@pytest.mark.parametrize("name", ["avif", "gif"])
def test_a_format_without_slots_says_so(name: Format) -> None:
    data = SAMPLES[name]()
    assert slot(data, inspect(data), 4096) is None


@pytest.mark.parametrize("name", SLOTTED)
def test_no_byte_of_the_picture_is_copied(name: Format) -> None:
    data = SAMPLES[name]()
    found = slot_of(data)
    views = [part for part in (*found.before, *found.behind) if isinstance(part, memoryview)]
    assert sum(map(len, views)) >= len(data) - 12
    assert all(view.obj is data for view in views)
